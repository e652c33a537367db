import type { EventView } from '../../../../src/wire/api.ts'
import type { AppPlace } from '../../api/queries.ts'

/** Commits as people want to read them: a run of alike ones is told once, with its number. */
export interface EventRun {
  readonly newest: EventView
  readonly times: number
}

/** Joins neighbours of the same who and what about the same subject; newest first, as given. */
export function runsOf(events: readonly EventView[]): readonly EventRun[] {
  const runs: EventRun[] = []
  for (const event of events) {
    const last = runs.at(-1)
    if (last !== undefined && isAlike(last.newest, event)) {
      runs[runs.length - 1] = { ...last, times: last.times + 1 }
    } else runs.push({ newest: event, times: 1 })
  }
  return runs
}

/** What a commit was about, from the first of its keys that tells. */
export interface Subject {
  readonly name: string
  readonly at: AppPlace
  readonly rolloutId?: string
}

export function subjectOf(event: EventView): Subject | undefined {
  const parts = event.keys.map((key) => key.split('/'))
  const rollout = parts.find(([kind]) => kind === 'rollout')
  const found = rollout ?? parts.find(([, , , app]) => app !== undefined && app !== '-')
  if (found === undefined) return undefined
  const [, tenant = '', environment = '', app = '', id = ''] = found
  const subject = { name: `${environment}/${tenant}/${app}`, at: { tenant, environment, app } }
  return rollout === undefined ? subject : { ...subject, rolloutId: id }
}

function isAlike(a: EventView, b: EventView): boolean {
  return a.who === b.who && a.what === b.what && subjectOf(a)?.name === subjectOf(b)?.name
}
