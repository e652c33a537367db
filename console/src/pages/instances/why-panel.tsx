import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import type { InstanceView, WhyView } from '../../../../src/wire/api.ts'
import { whyQuery } from '../../api/instance-queries.ts'
import { Moment } from '../../marks/moment.tsx'
import { FailureNotice, Notice, Panel } from '../../marks/panel.tsx'
import { Mark } from '../../marks/state-mark.tsx'
import { asSentence } from '../../words/sentences.ts'
import styles from './instance.module.css'

/** Why it is where it is, node by node, and what has happened to it. */
export function WhyPanel({ instance }: { readonly instance: InstanceView }) {
  const { data: why, error } = useQuery(whyQuery(instance.id))
  return (
    <Panel title="Why here" note={<code>roadstead why {instance.id}</code>}>
      {error !== null && why === undefined && <FailureNotice error={error} />}
      {why === undefined && error === null && <Skeleton height={220} />}
      {why !== undefined && (
        <div className={styles.stack}>
          <p>{asSentence(why.because)}</p>
          {why.fix !== null && <Notice tone="warning">{asSentence(why.fix)}</Notice>}
          {why.remark !== undefined && <p className={styles.quiet}>{asSentence(why.remark)}</p>}
          {why.throttled !== undefined && (
            <p className={styles.quiet}>{asSentence(why.throttled)}</p>
          )}
          <Nodes nodes={why.nodes} />
          <Story events={why.events} />
        </div>
      )}
    </Panel>
  )
}

const verdicts = {
  chosen: { word: 'Chosen', tone: 'good', icon: 'check' },
  fits: { word: 'Fits too', tone: 'quiet', icon: 'check' },
  refused: { word: 'No', tone: 'warning', icon: 'cross' },
} as const

/** Nodes told one by one; a fleet's rest is counted. */
const nodesTold = 12

function Nodes({ nodes }: { readonly nodes: WhyView['nodes'] }) {
  if (nodes.length === 0) return null
  const rest = nodes.length - nodesTold
  return (
    <ul className={styles.nodes} aria-label="Nodes">
      {nodes.slice(0, nodesTold).map(({ nodeId, zone, verdict, because }) => (
        <li key={nodeId}>
          <b>{nodeId}</b> <span className={styles.quiet}>zone {zone}</span>
          <Mark {...verdicts[verdict]} />
          <span className={styles.verdict}>{asSentence(because)}</span>
        </li>
      ))}
      {rest > 0 && <li className={styles.quiet}>and {rest} more</li>}
    </ul>
  )
}

/** Its states with their times, oldest first. */
function Story({ events }: { readonly events: WhyView['events'] }) {
  return (
    <ol className={styles.story} aria-label="What happened to it">
      {events.map(({ at, who, why }, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- a list that only grows at its end
        <li key={index}>
          <span>{asSentence(why)}</span>
          <small>
            {who} · <Moment at={at} />
          </small>
        </li>
      ))}
    </ol>
  )
}
