import type { Kind } from '../../store/port.ts'
import { appCellName } from '../tenants/model.ts'
import { Listener, listenerKey, ListenerPort, listenerPortKey } from './model.ts'

export const listenerKind: Kind<Listener> = {
  name: 'listener',
  version: 1,
  schema: Listener,
  keyOf: (listener) => listenerKey(listener.at, listener.service),
  upgraders: {},
  indexes: { app: (listener) => appCellName(listener.at) },
}

/** Created together with its listener, so that no two services are ever given one port. */
export const listenerPortKind: Kind<ListenerPort> = {
  name: 'listener-port',
  version: 1,
  schema: ListenerPort,
  keyOf: (taken) => listenerPortKey(taken.port),
  upgraders: {},
  indexes: {},
}
