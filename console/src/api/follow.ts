import type { QueryClient } from '@tanstack/react-query'
import { watch } from './watch.ts'

/** What the watch tells makes reads ask again: the pages never patch what they hold. */

/** The reads that a change of each kind of record concerns; the log of commits always grows. */
const concerned: Readonly<Record<string, readonly string[]>> = {
  app: ['apps'],
  release: ['apps'],
  instance: ['apps', 'nodes', 'rollouts'],
  node: ['nodes'],
  rollout: ['rollouts', 'apps'],
}

/** Changes come in bursts (a rollout's step is many commits): one round of reads for each burst. */
const burstMs = 250

/** Opens the watch and keeps the client's answers fresh; returns the way to stop. */
export function followChanges(client: QueryClient): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const nouns = new Set<string>()
  const refresh = (): void => {
    timer = undefined
    for (const noun of nouns) void client.invalidateQueries({ queryKey: [noun] })
    nouns.clear()
  }
  const mark = (...marked: readonly string[]): void => {
    for (const noun of marked) nouns.add(noun)
    timer ??= setTimeout(refresh, burstMs)
  }
  const stop = watch.start({
    onChange: (kind) => mark('events', ...(concerned[kind] ?? [])),
    onObserved: () => mark('apps'),
    onReset: () => void client.invalidateQueries(),
  })
  return () => {
    clearTimeout(timer)
    stop()
  }
}
