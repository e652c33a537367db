import type { Plan } from '../../base/control-loop.ts'
import type { ListenerPorts } from './model.ts'

/** The services of one app and cell, and the listeners that they have. */
export interface ListenersView {
  /** Services with a port, of every release that runs or waits to run. */
  readonly wanted: readonly string[]
  /** Services that have a listener. */
  readonly existing: readonly string[]
  /** Services that still have instances: their callers may still use the listener. */
  readonly inUse: readonly string[]
  readonly ports: ListenerPorts
  /** All pairs below this one are taken: where the search for a free one begins. */
  readonly lowestFree: number
  /** Pairs of ports (by their first) that are taken, by any app. */
  isTaken(port: number): boolean
}

export type ListenerAction =
  | { readonly type: 'assign'; readonly service: string; readonly port: number }
  | { readonly type: 'release'; readonly service: string }

/** Gives every service with a port its two listener ports, and takes back what nobody uses. */
export function planListeners(view: ListenersView): Plan<ListenerAction> {
  const actions: ListenerAction[] = []
  const given = new Set<number>()
  const full: string[] = []
  for (const service of view.wanted) {
    if (view.existing.includes(service)) continue
    const port = freePair(view, given)
    if (port === undefined) {
      full.push(service)
      continue
    }
    given.add(port)
    actions.push({ type: 'assign', service, port })
  }
  for (const service of view.existing) {
    if (view.wanted.includes(service) || view.inUse.includes(service)) continue
    actions.push({ type: 'release', service })
  }
  const { from, to } = view.ports
  if (full.length > 0) {
    return { actions, because: `no listener port is free in ${from}-${to} for ${full.join(', ')}` }
  }
  return { actions, because: `${view.wanted.length} services have their listener ports` }
}

/** The lowest free pair of neighbouring ports. */
function freePair(view: ListenersView, given: ReadonlySet<number>): number | undefined {
  for (let port = view.lowestFree; port + 1 <= view.ports.to; port += 2) {
    if (!given.has(port) && !view.isTaken(port)) return port
  }
  return undefined
}
