import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { AppView, ServiceView, TrafficView } from '../../../../src/wire/api.ts'
import { trafficQuery } from '../../api/queries.ts'
import { Icon } from '../../marks/icon.tsx'
import { Panel } from '../../marks/panel.tsx'
import { Pips } from '../../marks/pips.tsx'
import { Chart } from '../../traffic/chart.tsx'
import { curveName } from '../../traffic/history.ts'
import { count, latency, rate, unknown } from '../../words/numbers.ts'
import styles from './overview.module.css'

/** One app in one cell: its traffic over the last minutes, and each of its services. */
export function AppPanel({ app }: { readonly app: AppView }) {
  const name = curveName(app.at)
  const { data } = useQuery(trafficQuery)
  const fresh = data?.find((item) => curveName(item.at) === name)
  const traffic = fresh?.traffic ?? app.traffic
  const own = new Map(fresh?.services.map((service) => [service.name, service.traffic]))
  return (
    <Panel
      title={`Traffic of ${app.at.app}`}
      note={
        <>
          {app.at.environment}/{app.at.tenant}, counted at the ingress ·{' '}
          <Link to="/apps/$environment/$tenant/$app" params={app.at}>
            Open {app.at.app}
          </Link>
        </>
      }
    >
      <Figures traffic={traffic} />
      <Chart name={name} look="full" label={`Traffic of ${name}`} />
      <div className={styles.tableFrame}>
        <table className={styles.services}>
          <caption className="visually-hidden">Services of {app.at.app}</caption>
          <thead>
            <tr>
              <th scope="col">Service</th>
              <th scope="col">Instances</th>
              <th scope="col" className={styles.curveColumn}>
                Last minutes
              </th>
              <th scope="col">req/s</th>
              <th scope="col">failed/s</th>
              <th scope="col">p50</th>
              <th scope="col">p99</th>
            </tr>
          </thead>
          <tbody>
            {app.services.map((service) => (
              <ServiceRow
                key={service.name}
                app={app}
                service={service}
                traffic={own.get(service.name) ?? service.traffic}
              />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}

function Figures({ traffic }: { readonly traffic: TrafficView | null }) {
  const failed = traffic?.failedPerSecond ?? 0
  return (
    <dl className={styles.figures}>
      <Figure name="requests/s" value={rate(traffic?.requestsPerSecond ?? 0)} />
      <Figure name="failed/s" value={rate(failed)} tone={failed > 0 ? 'bad' : 'good'} />
      <Figure name="app errors/s" value={rate(traffic?.appErrorsPerSecond ?? 0)} />
      <Figure name="p50" value={latency(traffic?.p50Ms)} />
      <Figure name="p99" value={latency(traffic?.p99Ms)} />
      <Figure name="sent in all" value={traffic === null ? unknown : count(traffic.sentTotal)} />
    </dl>
  )
}

function Figure(props: { readonly name: string; readonly value: string; readonly tone?: string }) {
  return (
    <div className={styles.figure} data-tone={props.tone}>
      <dt>{props.name}</dt>
      <dd>{props.value}</dd>
    </div>
  )
}

function ServiceRow(props: {
  readonly app: AppView
  readonly service: ServiceView
  readonly traffic: TrafficView | null
}) {
  const { app, service, traffic } = props
  const failed = traffic?.failedPerSecond ?? 0
  return (
    <tr>
      <th scope="row">
        <ServiceName service={service} />
      </th>
      <td>
        <span className={styles.instances}>
          <span className={styles.ready} data-short={service.ready < service.wanted}>
            {service.ready}/{service.wanted}
          </span>
          <Pips service={service} />
        </span>
      </td>
      <td className={styles.curveColumn}>
        {!service.worker && (
          <Chart
            name={curveName(app.at, service.name)}
            look="spark"
            label={`Traffic of ${service.name}`}
          />
        )}
      </td>
      <Numbers hasPort={!service.worker} traffic={traffic} failed={failed} />
    </tr>
  )
}

function Numbers(props: {
  readonly hasPort: boolean
  readonly traffic: TrafficView | null
  readonly failed: number
}) {
  const { hasPort, traffic, failed } = props
  if (!hasPort) {
    return (
      <td colSpan={4} className={styles.noPort}>
        no port, no requests
      </td>
    )
  }
  return (
    <>
      <td>{rate(traffic?.requestsPerSecond ?? 0)}</td>
      <td className={styles.failed} data-failing={failed > 0}>
        {rate(failed)}
      </td>
      <td>{latency(traffic?.p50Ms)}</td>
      <td>{latency(traffic?.p99Ms)}</td>
    </>
  )
}

function ServiceName({ service }: { readonly service: ServiceView }) {
  const needs = service.needs.length > 0 ? `calls ${service.needs.join(', ')}` : ''
  const note = [service.worker ? 'worker' : '', service.stopped ? 'stopped' : '', needs]
  return (
    <span className={styles.serviceName}>
      {isLinkable(service.url) ? (
        <a href={service.url} target="_blank" rel="noreferrer">
          {service.name} <Icon name="external" />
          <span className="visually-hidden">(opens the service)</span>
        </a>
      ) : (
        service.name
      )}
      <small>{note.filter((part) => part !== '').join(' · ')}</small>
    </span>
  )
}

/** Only web addresses become links, whatever a manifest says. */
function isLinkable(url: string | null): url is string {
  return url !== null && /^https?:\/\//.test(url)
}
