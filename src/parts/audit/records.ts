import { keyOf } from '../../base/key.ts'
import type { Kind } from '../../store/port.ts'
import { RefusedAccess } from './model.ts'

export const refusedAccessKind: Kind<RefusedAccess> = {
  name: 'refusal',
  version: 1,
  schema: RefusedAccess,
  keyOf: ({ id }) => keyOf({ kind: 'refusal', name: id }),
  upgraders: {},
  indexes: {},
}
