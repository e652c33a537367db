import type { QueryClient } from '@tanstack/react-query'
import { fleet } from './fleet.ts'
import { Pace } from './pace.ts'
import { watch } from './watch.ts'

/**
 * What the watch tells makes reads ask again: the pages never patch what they hold. The one
 * exception is the picture of the fleet, which is too large to be read anew at each change.
 */

/** The reads that a change of each kind of record concerns; the log of commits always grows. */
const concerned: Readonly<Record<string, readonly string[]>> = {
  app: ['apps'],
  release: ['apps', 'releases'],
  instance: ['apps', 'nodes', 'rollouts', 'instances'],
  'job-run': ['jobs', 'runs'],
  'schema-stage': ['releases'],
  'test-link': ['releases'],
  volume: ['volumes'],
  node: ['nodes'],
  rollout: ['rollouts', 'apps'],
  platform: ['platform', 'releases'],
}

/** Opens the watch and keeps the client's answers fresh; returns the way to stop. */
export function followChanges(client: QueryClient): () => void {
  const paces = new Map<string, Pace>()
  const mark = (...nouns: readonly string[]): void => {
    for (const noun of nouns) paceOf(noun).mark()
  }
  const paceOf = (noun: string): Pace => {
    const known = paces.get(noun)
    if (known !== undefined) return known
    const pace = new Pace(() => client.invalidateQueries({ queryKey: [noun] }))
    paces.set(noun, pace)
    return pace
  }
  const stop = watch.start({
    onChange: (change) => {
      mark('events', ...(concerned[change.kind] ?? []))
      fleet.take(change)
    },
    onObserved: (news) => {
      mark('apps', 'instances')
      fleet.hear(news)
    },
    onReset: () => {
      void client.invalidateQueries()
      fleet.refresh()
    },
  })
  return () => {
    for (const pace of paces.values()) pace.stop()
    stop()
  }
}
