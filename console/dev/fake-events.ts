import type { TokenView } from '../../src/wire/access.ts'
import type { EventView, PlanView } from '../../src/wire/api.ts'
import type { BoundView } from '../../src/wire/bounds.ts'
import type { PlatformView } from '../../src/wire/platform.ts'
import type { HistoryEntry } from '../../src/wire/history.ts'

/** The log of commits and what else tells of the control loops, as the server would page it. */

/** One page, the newest of those that fit; they are told oldest first. */
export function pageOfEvents(
  events: readonly EventView[],
  query: URLSearchParams,
  limit: number,
): readonly EventView[] {
  const before = Number(query.get('before') ?? Infinity)
  const fits = ({ revision, who, what, why, keys }: EventView): boolean =>
    revision < before &&
    (query.get('who') ?? who) === who &&
    what.startsWith(query.get('what') ?? '') &&
    why.toLowerCase().includes(query.get('text')?.toLowerCase() ?? '') &&
    keys.some((key) => key.startsWith(query.get('key') ?? ''))
  return events.filter(fits).slice(-limit)
}

/** A change that any commit could have made. */
export function historyOf(query: URLSearchParams): HistoryEntry {
  return {
    revision: Number(query.get('before')) - 1,
    at: Date.now(),
    who: 'alice',
    what: 'app.scale',
    why: '',
    key: query.get('key') ?? '',
    change: 'changed',
    fields: [{ path: 'scale.storefront', before: 3, after: 4 }],
  }
}

/** The same sentences, as if each had been a plan. */
export function plansOf(events: readonly EventView[], controller: string | null): PlanView[] {
  return events
    .toReversed()
    .map(({ who, at, why, keys }, index) => ({
      controller: who === 'operator' ? 'scheduling' : who,
      key: keys[0] ?? '',
      at,
      because: why,
      actions: index % 3,
      error: index === 3 ? 'the store was busy; it is tried again in 2 s' : null,
    }))
    .filter((plan) => (controller ?? plan.controller) === plan.controller)
}

export const fakeBounds: readonly BoundView[] = [
  {
    name: 'logs.kept',
    says: 'what instances printed, on disk; the oldest lines go first',
    unit: 'bytes',
    overflow: 'drops-oldest',
    limit: 512 * 2 ** 20,
    used: 460 * 2 ** 20,
    lost: 0,
  },
  {
    name: 'server.watchers',
    says: 'programs and consoles that follow changes; the next is refused with 429',
    unit: 'items',
    overflow: 'refuses',
    limit: 256,
    used: 3,
    lost: 2,
  },
  {
    name: 'store.commits-waiting',
    says: 'commits that wait to be written',
    unit: 'items',
    overflow: 'refuses',
    limit: 10_000,
    used: 0,
    lost: 0,
  },
]

const aDay = 86_400_000

export const fakeTokens: readonly TokenView[] = [
  { name: 'alice', role: 'developer', may: ['releaser'], createdAt: Date.now() - 3 * aDay },
  { name: 'operator', role: 'operator', may: [], createdAt: Date.now() - 9 * aDay },
]

export const fakePlatform: PlatformView = {
  text: 'environments:\n  qa: {}\n  prod:\n    gates: { approve: { role: releaser } }\n',
  digest: 'sha256:0',
  appliedBy: 'operator',
  appliedAt: Date.now() - 2 * aDay,
}
