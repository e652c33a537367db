import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { NodeView } from '../../../../src/wire/api.ts'
import { nodesQuery } from '../../api/queries.ts'
import { Meter } from '../../marks/meter.tsx'
import { Moment } from '../../marks/moment.tsx'
import { Empty, FailureNotice, Panel } from '../../marks/panel.tsx'
import { Mark } from '../../marks/state-mark.tsx'
import { bytes, cores, plural } from '../../words/numbers.ts'
import styles from './overview.module.css'

/** Nodes shown one by one; those in trouble come first, so that none of them is left out. */
const nodesShown = 12

/** The machines: how much of each is reserved, and which are not heard of. */
export function NodesPanel() {
  const { data: nodes, error } = useQuery(nodesQuery)
  const ordered = (nodes ?? []).toSorted(
    (a, b) =>
      Number(a.status === 'ready') - Number(b.status === 'ready') || a.id.localeCompare(b.id),
  )
  const hidden = ordered.length - nodesShown
  return (
    <Panel title="Nodes" note={nodes === undefined ? '\u00a0' : plural(nodes.length, 'node')}>
      {error !== null && nodes === undefined && <FailureNotice error={error} />}
      {nodes === undefined && error === null && <Skeleton height={90} />}
      {nodes?.length === 0 && (
        <Empty title="No node has joined" command="roadstead agent">
          An agent registers the machine that it runs on:
        </Empty>
      )}
      <ul className={styles.nodes}>
        {ordered.slice(0, nodesShown).map((node) => (
          <NodeLine key={node.id} node={node} />
        ))}
      </ul>
      {hidden > 0 && <p className={styles.hidden}>and {plural(hidden, 'more node')}, all ready</p>}
    </Panel>
  )
}

function NodeLine({ node }: { readonly node: NodeView }) {
  const { capacity, reserved } = node
  return (
    <li className={styles.node}>
      <div className={styles.nodeHead}>
        <b>{node.id}</b>
        <span className={styles.zone}>zone {node.zone}</span>
        <NodeMark node={node} />
      </div>
      <Meter
        name="cpu"
        used={reserved.cpu}
        of={capacity.cpu}
        text={`${cores(reserved.cpu)} of ${plural(capacity.cpu, 'core')}`}
      />
      <Meter
        name="memory"
        used={reserved.memoryBytes}
        of={capacity.memoryBytes}
        text={`${bytes(reserved.memoryBytes)} of ${bytes(capacity.memoryBytes)}`}
      />
    </li>
  )
}

function NodeMark({ node }: { readonly node: NodeView }) {
  const { instances } = node.reserved
  if (node.status === 'ready') {
    return <Mark icon="check" tone="good" word={plural(instances, 'instance')} />
  }
  if (node.status === 'unknown') return <Mark icon="queue" tone="quiet" word="Not heard of yet" />
  return (
    <>
      <Mark icon="cross" tone="bad" word="Lost" />
      {node.heardAt !== null && (
        <span className={styles.zone}>
          heard <Moment at={node.heardAt} />
        </span>
      )}
    </>
  )
}
