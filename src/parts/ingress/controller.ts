import type { Controller, Plan } from '../../base/control-loop.ts'
import { partsOf } from '../../base/key.ts'
import { remove, type Change, type Entry, type Snapshot, type State } from '../../store/port.ts'
import { instanceKind } from '../instances/records.ts'
import { activeRollout } from '../rollouts/records.ts'
import { appCellName, appCellOf } from '../tenants/model.ts'
import type { TestLink } from './model.ts'
import { planTestLinks, type TestLinksView } from './plan-test-links.ts'
import { testLinkKind, testLinksOf } from './records.ts'

interface View extends TestLinksView {
  readonly entries: ReadonlyMap<string, Entry<TestLink>>
}

interface Action {
  readonly entry: Entry<TestLink>
  readonly because: string
}

/** Takes test links away whose time is over, or that lead nowhere any more. */
export function testLinksController(state: State): Controller<Change, Snapshot, View, Action> {
  return {
    name: 'test-links',
    *keysOf(change, snapshot) {
      if (change.of !== 'record') return
      if (!['test-link', 'instance', 'rollout'].includes(change.kind)) return
      const { tenant, environment, app } = partsOf(change.key)
      const key = appCellName({ tenant, environment, app })
      for (const _link of snapshot.find(testLinkKind, 'app', key)) return void (yield key)
    },
    *allKeys(snapshot) {
      const keys = [...snapshot.list(testLinkKind)].map(({ value }) => appCellName(value.at))
      yield* new Set(keys)
    },
    observe,
    plan(view, now): Plan<Action> {
      const { ended, wakeAt } = planTestLinks(view, now)
      const actions = ended.flatMap(({ link, because }) => {
        const entry = view.entries.get(link.id)
        return entry === undefined ? [] : [{ entry, because }]
      })
      const left = view.links.length - ended.length
      return { actions, because: `${left} test links lead to a release`, wakeAt }
    },
    async apply({ entry, because }) {
      const { id, at } = entry.value
      await state.commit({
        writes: [remove(entry)],
        attribution: {
          who: 'test-links',
          what: 'test-link.end',
          why: `${at.app} ${id}: ${because}`,
        },
      })
    },
  }
}

function observe(key: string, snapshot: Snapshot): View | undefined {
  const at = appCellOf(key)
  const found = testLinksOf(snapshot, at)
  if (found.length === 0) return undefined
  const alive = [...snapshot.find(instanceKind, 'app', key)]
    .map(({ value }) => value)
    .filter(({ purpose, state }) => purpose === 'service' && state !== 'ended')
  return {
    links: found.map(({ value }) => value),
    releases: new Set(alive.map(({ releaseId }) => releaseId)),
    isRolling: activeRollout(snapshot, at) !== undefined,
    entries: new Map(found.map((entry) => [entry.value.id, entry])),
  }
}
