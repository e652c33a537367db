import type { Controller, Plan } from '../../base/control-loop.ts'
import { partsOf } from '../../base/key.ts'
import {
  create,
  remove,
  type Change,
  type Entry,
  type Snapshot,
  type State,
} from '../../store/port.ts'
import { appAt, appKind, currentRelease, releaseAt } from '../apps/records.ts'
import { instanceKind } from '../instances/records.ts'
import { openRollouts } from '../rollouts/records.ts'
import { appCellName, appCellOf, type AppCell } from '../tenants/model.ts'
import {
  listenerKey,
  listenerPortKey,
  type Listener,
  type ListenerPort,
  type ListenerPorts,
} from './model.ts'
import { planListeners, type ListenerAction, type ListenersView } from './plan.ts'
import { listenerKind, listenerPortKind } from './records.ts'

interface View extends ListenersView {
  readonly at: AppCell
  readonly entries: ReadonlyMap<string, Entry<Listener>>
  readonly portEntries: ReadonlyMap<string, Entry<ListenerPort>>
}

interface Action {
  readonly decision: ListenerAction
  readonly at: AppCell
  readonly entry: Entry<Listener> | undefined
  readonly portEntry: Entry<ListenerPort> | undefined
}

/** Gives services the local ports at which callers meet them, on every node the same. */
export function discoveryController(options: {
  readonly state: State
  readonly ports: ListenerPorts
}): Controller<Change, Snapshot, View, Action> {
  const free = new LowestFree(options.ports)
  return {
    name: 'discovery',
    *keysOf(change) {
      if (change.of !== 'record') return
      if (change.kind === listenerPortKind.name) free.notice(change)
      if (!['app', 'rollout', 'listener'].includes(change.kind)) return
      const { tenant, environment, app } = partsOf(change.key)
      yield appCellName({ tenant, environment, app })
    },
    *allKeys(snapshot) {
      for (const { value } of snapshot.list(appKind)) yield appCellName(value.at)
    },
    observe: (key, snapshot) => observe(key, snapshot, options.ports, free),
    plan(view): Plan<Action> {
      const plan = planListeners(view)
      const actions = plan.actions.map((decision) => ({
        decision,
        at: view.at,
        entry: view.entries.get(decision.service),
        portEntry: view.portEntries.get(decision.service),
      }))
      return { ...plan, actions }
    },
    async apply({ decision, at, entry, portEntry }) {
      const { service } = decision
      const attribution = { who: 'discovery', what: `listener.${decision.type}` }
      if (decision.type === 'assign') {
        const { port } = decision
        const listener = { at, service, port, maintenancePort: port + 1 }
        const taken = { port, listener: listenerKey(at, service) }
        const why = `${service} of ${at.app} is met at 127.0.0.1:${port} on every node`
        const writes = [create(listenerKind, listener), create(listenerPortKind, taken)]
        await options.state.commit({ writes, attribution: { ...attribution, why } })
      } else if (entry !== undefined) {
        const why = `nothing calls ${service} of ${at.app} any more`
        const writes = [remove(entry), ...(portEntry === undefined ? [] : [remove(portEntry)])]
        await options.state.commit({ writes, attribution: { ...attribution, why } })
      }
    },
  }
}

/**
 * The lowest pair of ports that may be free, kept: with 1,000 listeners a search from the beginning
 * would cost each new app 1,000 look-ups.
 */
class LowestFree {
  readonly #from: number
  #port: number

  constructor({ from }: ListenerPorts) {
    this.#from = from
    this.#port = from
  }

  /** A pair that is given back may be the lowest. */
  notice({ before, after }: Extract<Change, { of: 'record' }>): void {
    if (after !== undefined || before === undefined) return
    const { port } = before as ListenerPort
    // One of other settings may lie between two pairs of these.
    const isPair = port >= this.#from && (port - this.#from) % 2 === 0
    if (isPair && port < this.#port) this.#port = port
  }

  /** Moves up past what is taken. */
  find(isTaken: (port: number) => boolean): number {
    while (isTaken(this.#port)) this.#port += 2
    return this.#port
  }
}

function observe(
  key: string,
  snapshot: Snapshot,
  ports: ListenerPorts,
  free: LowestFree,
): View | undefined {
  const at = appCellOf(key)
  const entries = new Map<string, Entry<Listener>>()
  const portEntries = new Map<string, Entry<ListenerPort>>()
  for (const entry of snapshot.find(listenerKind, 'app', key)) {
    const { service, port } = entry.value
    entries.set(service, entry)
    const portEntry = snapshot.get(listenerPortKind, listenerPortKey(port))
    if (portEntry !== undefined) portEntries.set(service, portEntry)
  }
  const app = appAt(snapshot, at)?.value
  if (app === undefined && entries.size === 0) return undefined
  const releases = openRollouts(snapshot, at).map(({ value }) =>
    releaseAt(snapshot, at, value.releaseId),
  )
  if (app !== undefined && !app.destroying) releases.push(currentRelease(snapshot, app))
  const wanted = new Set<string>()
  for (const release of releases) {
    for (const spec of release?.services ?? []) if (!spec.worker) wanted.add(spec.name)
  }
  const inUse = new Set<string>()
  for (const { value } of snapshot.find(instanceKind, 'app', key)) {
    if (value.state !== 'ended') inUse.add(value.service)
  }
  const isTaken = (port: number): boolean =>
    snapshot.get(listenerPortKind, listenerPortKey(port)) !== undefined
  return {
    at,
    entries,
    portEntries,
    ports,
    wanted: [...wanted],
    existing: [...entries.keys()],
    inUse: [...inUse],
    lowestFree: free.find(isTaken),
    isTaken,
  }
}
