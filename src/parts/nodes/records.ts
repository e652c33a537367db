import type { Kind } from '../../store/port.ts'
import { Node, nodeKey } from './model.ts'

export const nodeKind: Kind<Node> = {
  name: 'node',
  version: 1,
  schema: Node,
  keyOf: (node) => nodeKey(node.id),
  upgraders: {},
  indexes: {},
}
