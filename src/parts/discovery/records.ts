import type { Kind } from '../../store/port.ts'
import { appCellName } from '../tenants/model.ts'
import { Listener, listenerKey } from './model.ts'

export const listenerKind: Kind<Listener> = {
  name: 'listener',
  version: 1,
  schema: Listener,
  keyOf: (listener) => listenerKey(listener.at, listener.service),
  upgraders: {},
  indexes: { app: (listener) => appCellName(listener.at) },
}
