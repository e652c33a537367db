import type { Controller, Plan } from '../../base/control-loop.ts'
import { partsOf } from '../../base/key.ts'
import { remove, type Change, type Entry, type Snapshot, type State } from '../../store/port.ts'
import { listenerPortKey } from '../discovery/model.ts'
import { listenerKind, listenerPortKind } from '../discovery/records.ts'
import { instanceKind } from '../instances/records.ts'
import { openRollouts, rolloutKind } from '../rollouts/records.ts'
import { appCellName, appCellOf } from '../tenants/model.ts'
import type { App } from './model.ts'
import { planDestruction, type AppAction, type RemainsView } from './plan.ts'
import { appAt, appKind, releaseKind } from './records.ts'

interface View extends RemainsView {
  readonly app: Entry<App>
  readonly entries: ReadonlyMap<string, Entry<unknown>>
}

interface Action {
  readonly decision: AppAction
  readonly view: View
}

/** Carries `destroy` to its end: when nothing of the app runs any more, its records go too. */
export function appsController(state: State): Controller<Change, Snapshot, View, Action> {
  return {
    name: 'apps',
    *keysOf(change, snapshot) {
      if (change.of !== 'record') return
      const { tenant, environment, app } = partsOf(change.key)
      const at = { tenant, environment, app }
      if (appAt(snapshot, at)?.value.destroying === true) yield appCellName(at)
    },
    *allKeys(snapshot) {
      for (const { value } of snapshot.list(appKind)) {
        if (value.destroying) yield appCellName(value.at)
      }
    },
    observe,
    plan(view): Plan<Action> {
      const plan = planDestruction(view)
      return { ...plan, actions: plan.actions.map((decision) => ({ decision, view })) }
    },
    async apply({ decision, view }) {
      const { app, entries } = view
      const doomed =
        decision.type === 'remove'
          ? [app]
          : decision.keys.map((key) => entries.get(key)).filter((entry) => entry !== undefined)
      const why = `${app.value.at.app} is destroyed`
      await state.commit({
        writes: doomed.map((entry) => remove(entry)),
        attribution: { who: 'apps', what: `app.${decision.type}`, why },
      })
    },
  }
}

function observe(key: string, snapshot: Snapshot): View | undefined {
  const at = appCellOf(key)
  const app = appAt(snapshot, at)
  if (app === undefined) return undefined
  const entries = new Map<string, Entry<unknown>>()
  let alive = openRollouts(snapshot, at).length
  for (const entry of snapshot.find(instanceKind, 'app', key)) {
    if (entry.value.state !== 'ended') alive++
    entries.set(entry.key, entry)
  }
  for (const entry of snapshot.find(listenerKind, 'app', key)) {
    const port = snapshot.get(listenerPortKind, listenerPortKey(entry.value.port))
    if (port !== undefined) entries.set(port.key, port)
    entries.set(entry.key, entry)
  }
  for (const entry of snapshot.find(rolloutKind, 'app', key)) entries.set(entry.key, entry)
  for (const entry of snapshot.find(releaseKind, 'app', key)) entries.set(entry.key, entry)
  return { app, destroying: app.value.destroying, alive, records: [...entries.keys()], entries }
}
