import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, useSyncExternalStore } from 'react'
import type { NodeView } from '../../../../src/wire/api.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import { giveUpAction } from '../../actions/node-actions.ts'
import { fleet, type FleetInstance } from '../../api/fleet.ts'
import { findingsQuery } from '../../api/queries.ts'
import { Icon } from '../../marks/icon.tsx'
import { Meter } from '../../marks/meter.tsx'
import { Moment } from '../../marks/moment.tsx'
import { Panel } from '../../marks/panel.tsx'
import { Mark } from '../../marks/state-mark.tsx'
import { instanceWording } from '../../words/instances.ts'
import { bytes, cores, plural } from '../../words/numbers.ts'
import { FindingLine } from './attention-panel.tsx'
import { toneIcons } from './tone-icons.ts'
import styles from './nodes.module.css'

/** One node: what it has, what is reserved, what lies on it, and what was found there. */
export function NodePanel(props: {
  readonly node: NodeView
  readonly instanceId: string | undefined
  readonly onClose: (nodeId: undefined) => void
}) {
  const { node } = props
  const { capacity, reserved } = node
  const { data: findings = [] } = useQuery(findingsQuery)
  const own = findings.filter(({ nodeId }) => nodeId === node.id)
  return (
    <Panel
      title={node.id}
      note={
        <button
          type="button"
          className={styles.close}
          onClick={() => props.onClose(undefined)}
          aria-label={`Close ${node.id}`}
        >
          <Icon name="cross" />
        </button>
      }
    >
      <div className={styles.facts}>
        <StatusMark node={node} />
        <span>zone {node.zone}</span>
        <span>{node.address}</span>
        <span>runs {(node.drivers ?? ['process']).join(', ')}</span>
      </div>
      <div className={styles.meters}>
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
        <Meter
          name="disk"
          used={reserved.diskBytes}
          of={capacity.diskBytes}
          text={`${bytes(reserved.diskBytes)} of ${bytes(capacity.diskBytes)}`}
        />
      </div>
      <Labels labels={node.labels} />
      {node.status === 'lost' && (
        <ActionButton action={giveUpAction(node.id, reserved.instances)} />
      )}
      <Instances nodeId={node.id} instanceId={props.instanceId} />
      {own.length > 0 && (
        <>
          <h3 className={styles.subtitle}>Findings</h3>
          <ul className={styles.attention}>
            {own.map((finding) => (
              <FindingLine key={finding.id} finding={finding} />
            ))}
          </ul>
        </>
      )}
    </Panel>
  )
}

function StatusMark({ node }: { readonly node: NodeView }) {
  if (node.status === 'ready') return <Mark icon="check" tone="good" word="Ready" />
  if (node.status === 'unknown') return <Mark icon="queue" tone="quiet" word="Not heard of yet" />
  return (
    <>
      <Mark icon="cross" tone="bad" word="Lost" />
      {node.heardAt !== null && (
        <span>
          heard <Moment at={node.heardAt} />
        </span>
      )}
    </>
  )
}

function Labels({ labels }: { readonly labels: NodeView['labels'] }) {
  const all = Object.entries(labels)
  if (all.length === 0) return null
  return (
    <ul className={styles.labels} aria-label="Labels">
      {all.map(([name, value]) => (
        <li key={name}>
          <code>
            {name}={value}
          </code>
        </li>
      ))}
    </ul>
  )
}

const rowHeight = 46

/** What lies on the node; only the lines in view are elements. */
function Instances(props: { readonly nodeId: string; readonly instanceId: string | undefined }) {
  const { nodeId, instanceId } = props
  useSyncExternalStore(fleet.subscribe, () => fleet.revisionOf(nodeId))
  const instances = [...fleet.on(nodeId).values()]
  const frame = useRef<HTMLDivElement>(null)
  const rows = useVirtualizer({
    count: instances.length,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    overscan: 6,
  })
  const place = instances.findIndex(({ id }) => id === instanceId)
  useEffect(() => {
    if (place !== -1) rows.scrollToIndex(place, { align: 'center' })
    // Once for each choice: a list that lives must not be pulled back under the reader's hand.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [instanceId, nodeId])
  return (
    <>
      <h3 className={styles.subtitle}>{plural(instances.length, 'instance')}</h3>
      {instances.length === 0 && <p className={styles.quiet}>Nothing lies on it.</p>}
      <div
        ref={frame}
        className={styles.instances}
        tabIndex={0}
        role="group"
        aria-label="Instances"
      >
        <ul style={{ height: rows.getTotalSize() }} aria-label={`Instances on ${nodeId}`}>
          {rows.getVirtualItems().map((row) => {
            const instance = instances[row.index]
            if (instance === undefined) return null
            return (
              <li
                key={instance.id}
                className={styles.instance}
                style={{ transform: `translateY(${row.start}px)` }}
                data-chosen={instance.id === instanceId}
                aria-setsize={instances.length}
                aria-posinset={row.index + 1}
              >
                <InstanceLine instance={instance} />
              </li>
            )
          })}
        </ul>
      </div>
    </>
  )
}

function InstanceLine({ instance }: { readonly instance: FleetInstance }) {
  const { id, service, cpu, memoryBytes, pool, state } = instance
  const { word, tone } = instanceWording(state, pool)
  return (
    <>
      <span className={styles.instanceName}>
        <b>
          {service.at.app}/{service.service}
        </b>
        <small>
          <Link to="/instances/$id" params={{ id }}>
            <code>{id}</code>
          </Link>{' '}
          {service.at.environment}/{service.at.tenant} · {cores(cpu)} cpu · {bytes(memoryBytes)}
        </small>
      </span>
      <Mark icon={toneIcons[tone]} word={word} tone={tone} />
    </>
  )
}
