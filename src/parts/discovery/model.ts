import Type, { type Static } from 'typebox'
import { keyOf, type Key } from '../../base/key.ts'
import { AppCell } from '../tenants/model.ts'

/**
 * The ports at which every node's ingress answers for one service, on 127.0.0.1 only: callers meet
 * the online pool at `port`; tests meet the maintenance pool at `maintenancePort`. The same on every
 * node, and the same for the service's whole life, so callers survive the callee's rollout.
 */
export const Listener = Type.Object({
  at: AppCell,
  service: Type.String(),
  port: Type.Integer(),
  maintenancePort: Type.Integer(),
})
export type Listener = Static<typeof Listener>

export function listenerKey(at: AppCell, service: string): Key {
  const { tenant, environment, app } = at
  return keyOf({ kind: 'listener', tenant, environment, app, name: service })
}

/** A pair of listener ports that is taken, by its first. */
export const ListenerPort = Type.Object({ port: Type.Integer(), listener: Type.String() })
export type ListenerPort = Static<typeof ListenerPort>

export function listenerPortKey(port: number): Key {
  return keyOf({ kind: 'listener-port', name: String(port) })
}

/** The ports that listeners are given from, both ends included; a setting of the server. */
export interface ListenerPorts {
  readonly from: number
  readonly to: number
}
