import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { RolloutView } from '../../../../src/wire/api.ts'
import { instanceServicesQuery } from '../../api/queries.ts'
import { Panel } from '../../marks/panel.tsx'
import { count, latency, rate } from '../../words/numbers.ts'
import type { Window } from '../../words/states.ts'
import { CompareTable, type Compared } from './compare-table.tsx'
import styles from './rollout.module.css'

type Ledger = RolloutView['ledger']

/** The lines of the comparison: their name, and what they show of a window. */
const lines: readonly (readonly [string, (window: Window) => string])[] = [
  ['requests', (window) => count(window.sent)],
  ['per second', (window) => rate(perSecond(window))],
  ['failed', (window) => count(window.failed)],
  ['retried', (window) => count(window.retried)],
  ['client aborts', (window) => count(window.clientAborted)],
  ['app errors', (window) => count(window.appErrors)],
  ['p50', (window) => latency(window.p50Ms)],
  ['p95', (window) => latency(window.p95Ms)],
  ['p99', (window) => latency(window.p99Ms)],
]

/** Whether customers noticed: the minute before, the rollout, the seconds after, side by side. */
export function BeforeDuringAfter({ ledger }: { readonly ledger: Ledger }) {
  const windows = [ledger.before, ledger.during, ledger.after]
  return (
    <Panel title="Before, during, after" note="online pools, all services together">
      <CompareTable
        caption="Requests before, during and after the rollout"
        columns={['before', 'during', 'after']}
        lines={lines.map(([name, show]) => [
          name,
          windows.map((window) => cell(name, show, window)),
        ])}
      />
    </Panel>
  )
}

function cell(name: string, show: (window: Window) => string, window: Window | null): Compared {
  if (window === null) return { text: null }
  const isOfFailures = name === 'failed'
  return {
    text: show(window),
    isFailing: isOfFailures && window.failed > 0,
    isZero: isOfFailures && window.failed === 0,
  }
}

export function ByService({ rollout }: { readonly rollout: RolloutView }) {
  const rows = rollout.ledger.services.map(({ service, window }) => ({
    key: service,
    name: service,
    window,
  }))
  return <WindowTable title="By service" first="service" rows={rows} />
}

export function ByInstance({ rollout }: { readonly rollout: RolloutView }) {
  const { data: known } = useQuery(instanceServicesQuery(rollout.at))
  const sailing = new Map(rollout.pools.map((ship) => [ship.instanceId, ship.service]))
  const rows = rollout.ledger.instances
    .map((entry) => ({
      ...entry,
      service: sailing.get(entry.instanceId) ?? known?.[entry.instanceId] ?? '',
      isNew: entry.releaseId === rollout.releaseId,
    }))
    .toSorted((a, b) => a.service.localeCompare(b.service) || Number(a.isNew) - Number(b.isNew))
    .map(({ instanceId, service, isNew, window }) => ({
      key: instanceId,
      name: (
        <>
          {service}{' '}
          <Link to="/instances/$id" params={{ id: instanceId }}>
            <code>{instanceId}</code>
          </Link>{' '}
          <span className={styles.age} data-new={isNew}>
            {isNew ? 'new' : 'before'}
          </span>
        </>
      ),
      window,
    }))
  return <WindowTable title="By instance" first="instance" rows={rows} />
}

interface WindowRow {
  readonly key: string
  readonly name: ReactNode
  readonly window: Window
}

function WindowTable(props: {
  readonly title: string
  readonly first: string
  readonly rows: readonly WindowRow[]
}) {
  if (props.rows.length === 0) return null
  return (
    <Panel title={props.title} note="during the rollout">
      <section className={styles.frame} aria-label={`${props.title}, scrollable`} tabIndex={0}>
        <table className={styles.windows}>
          <caption className="visually-hidden">{props.title}, during the rollout</caption>
          <thead>
            <tr>
              <th scope="col">{props.first}</th>
              {lines
                .filter(([name]) => name !== 'per second')
                .map(([name]) => (
                  <th scope="col" key={name}>
                    {name}
                  </th>
                ))}
            </tr>
          </thead>
          <tbody>
            {props.rows.map(({ key, name, window }) => (
              <tr key={key}>
                <th scope="row">{name}</th>
                {lines
                  .filter(([line]) => line !== 'per second')
                  .map(([line, show]) => (
                    <td key={line} data-failing={line === 'failed' && window.failed > 0}>
                      {show(window)}
                    </td>
                  ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </Panel>
  )
}

function perSecond({ sent, from, until }: Window): number {
  return until > from ? (sent * 1_000) / (until - from) : 0
}
