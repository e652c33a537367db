import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { NodeView } from '../../../../src/wire/api.ts'
import type { NodeFinding } from '../../../../src/wire/packing.ts'
import { findingsQuery } from '../../api/queries.ts'
import { Moment } from '../../marks/moment.tsx'
import { Notice, Panel } from '../../marks/panel.tsx'
import { Mark } from '../../marks/state-mark.tsx'
import { count, plural } from '../../words/numbers.ts'
import styles from './nodes.module.css'

/** Lines of each kind that are shown; the rest are counted. */
const shownMax = 12

/** Nodes that are silent, instances without a place, and what agents found by themselves. */
export function AttentionPanel(props: {
  readonly nodes: readonly NodeView[]
  readonly unplaced: number
}) {
  const { data: findings = [] } = useQuery(findingsQuery)
  const lost = props.nodes.filter(({ status }) => status === 'lost')
  const isQuiet = lost.length === 0 && props.unplaced === 0 && findings.length === 0
  return (
    <Panel title="Needs a look" note={isQuiet ? 'nothing does' : undefined}>
      {isQuiet && (
        <p className={styles.quiet}>
          Every node is heard, every instance has a place, and no agent found anything that nobody
          had asked for.
        </p>
      )}
      {props.unplaced > 0 && (
        <Notice tone="warning">
          {plural(props.unplaced, 'instance')} {props.unplaced === 1 ? 'waits' : 'wait'} for a
          place. <code>roadstead why INSTANCE</code> says what would help.
        </Notice>
      )}
      <ul className={styles.attention}>
        {lost.slice(0, shownMax).map((node) => (
          <LostNode key={node.id} node={node} />
        ))}
        {lost.length > shownMax && <li>and {count(lost.length - shownMax)} more that are lost</li>}
        {findings.slice(0, shownMax).map((finding) => (
          <FindingLine key={`${finding.nodeId} ${finding.id}`} finding={finding} />
        ))}
        {findings.length > shownMax && (
          <li>and {plural(findings.length - shownMax, 'more finding')}</li>
        )}
      </ul>
    </Panel>
  )
}

function LostNode({ node }: { readonly node: NodeView }) {
  return (
    <li>
      <p className={styles.attentionHead}>
        <Mark icon="cross" tone="bad" word="Lost" />
        <NodeLink id={node.id} />
        {node.heardAt !== null && <Moment at={node.heardAt} />}
      </p>
      <p>
        {node.lost?.confirmedBy === undefined
          ? 'It is silent; its instances may run on.'
          : `${node.lost.confirmedBy} says that it is off; its instances are replaced.`}
      </p>
    </li>
  )
}

const kindWords: Readonly<Record<NodeFinding['kind'], string>> = {
  killed: 'Killed',
  altered: 'Altered by hand',
  'record-removed': 'Record removed',
  'stray-process': 'Stray process',
  'stray-folder': 'Stray folder',
}

export function FindingLine({ finding }: { readonly finding: NodeFinding }) {
  return (
    <li>
      <p className={styles.attentionHead}>
        <Mark icon="warning" tone="warning" word={kindWords[finding.kind]} />
        <NodeLink id={finding.nodeId} />
        <Moment at={finding.at} />
      </p>
      <p>{finding.what}</p>
    </li>
  )
}

function NodeLink({ id }: { readonly id: string }) {
  return (
    <Link to="/nodes" search={(before) => ({ ...before, node: id })} resetScroll={false}>
      {id}
    </Link>
  )
}
