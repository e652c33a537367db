import type { Entry, Kind, Snapshot } from '../../store/port.ts'
import { findingKey, Node, NodeFinding, nodeKey } from './model.ts'

export const nodeKind: Kind<Node> = {
  name: 'node',
  version: 1,
  schema: Node,
  keyOf: (node) => nodeKey(node.id),
  upgraders: {},
  indexes: {},
}

export const findingKind: Kind<NodeFinding> = {
  name: 'finding',
  version: 1,
  schema: NodeFinding,
  keyOf: (finding) => findingKey(finding.nodeId, finding.id),
  upgraders: {},
  indexes: { node: (finding) => finding.nodeId },
}

/** What was found on a node, oldest first. */
export function findingsOf(snapshot: Snapshot, nodeId: string): Entry<NodeFinding>[] {
  return [...snapshot.find(findingKind, 'node', nodeId)].toSorted(
    (a, b) => a.createdRevision - b.createdRevision,
  )
}
