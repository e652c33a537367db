import type { EventView } from '../../../../src/wire/api.ts'
import type { AppPlace } from '../../api/queries.ts'

/** Commits as people want to read them: a run of alike ones is told once, with its number. */
export interface EventRun {
  readonly newest: EventView
  readonly times: number
}

/** The server's own bookkeeping; it changes nothing that anybody runs. */
const bookkeeping: ReadonlySet<string> = new Set(['idempotency.keep', 'instance.forget'])

/** Joins neighbours of the same who and what about the same subject; newest first, as given. */
export function runsOf(events: readonly EventView[]): readonly EventRun[] {
  const runs: EventRun[] = []
  for (const event of events) {
    const last = runs.at(-1)
    if (bookkeeping.has(event.what)) continue
    if (last !== undefined && isAlike(last.newest, event)) {
      runs[runs.length - 1] = { ...last, times: last.times + 1 }
    } else runs.push({ newest: event, times: 1 })
  }
  return runs
}

/** What a commit was about, from the first of its keys that tells. */
export interface Subject {
  /** Of the app, or of the node. */
  readonly name: string
  /** Where the app runs: `prod/cz`. */
  readonly cell?: string
  /** Where its rollout is shown, if it was about one. */
  readonly rollout?: AppPlace & { readonly id: string }
}

/** Reads a commit's keys: `kind/tenant/environment/app/name`, `-` where a part has no meaning. */
export function subjectOf(event: EventView): Subject | undefined {
  const keys = event.keys.map((key) => key.split('/'))
  const found =
    keys.find(([kind]) => kind === 'rollout') ??
    keys.find(([, , , app]) => app !== undefined && app !== '-') ??
    keys.find(([kind]) => kind === 'node')
  if (found === undefined) return undefined
  const [kind, tenant = '', environment = '', app = '', id = ''] = found
  if (app === '-') return { name: id }
  const subject = { name: app, cell: `${environment}/${tenant}` }
  return kind === 'rollout' ? { ...subject, rollout: { environment, tenant, app, id } } : subject
}

function isAlike(a: EventView, b: EventView): boolean {
  return a.who === b.who && a.what === b.what && placeOf(a) === placeOf(b)
}

function placeOf(event: EventView): string {
  const subject = subjectOf(event)
  return `${subject?.cell} ${subject?.name}`
}
