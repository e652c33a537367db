import type { Kind } from '../../store/port.ts'
import { Exec, execKey } from './model.ts'

export const execKind: Kind<Exec> = {
  name: 'exec',
  version: 1,
  schema: Exec,
  keyOf: (exec) => execKey(exec.id),
  upgraders: {},
  indexes: { node: (exec) => exec.nodeId },
}
