import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import type { AppView, ServiceView } from '../../../../src/wire/api.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import { startAction, stopAction } from '../../actions/app-actions.ts'
import type { AppPlace } from '../../api/queries.ts'
import { trafficQuery } from '../../api/queries.ts'
import { Icon } from '../../marks/icon.tsx'
import { Notice, Panel } from '../../marks/panel.tsx'
import { Pips } from '../../marks/pips.tsx'
import { Chart } from '../../traffic/chart.tsx'
import { curveName } from '../../traffic/history.ts'
import { latency, plural, rate } from '../../words/numbers.ts'
import { ScaleButton } from './scale-button.tsx'
import styles from './app.module.css'

const ServiceGraph = lazy(async () => {
  const { ServiceGraph: Graph } = await import('./service-graph.tsx')
  return { default: Graph }
})

/** Who calls whom, with live rates; then each service with what can be done to it. */
export function ServicesPart({ app }: { readonly app: AppView }) {
  const services = useFreshServices(app)
  return (
    <div className={styles.stack}>
      <DriftNotice app={app} />
      <Panel title="Who calls whom" note="requests per second, counted at the ingress">
        <Suspense fallback={<Skeleton height={180} />}>
          <ServiceGraph services={services} />
        </Suspense>
      </Panel>
      <Panel title="Traffic" note="all services together, the last minutes">
        <Chart name={curveName(app.at)} look="full" label={`Traffic of ${app.at.app}`} />
      </Panel>
      <Panel title="Services" note={plural(services.length, 'service')}>
        <div className={styles.frame}>
          <table className={styles.table}>
            <caption className="visually-hidden">Services of {app.at.app}</caption>
            <thead>
              <tr>
                <th scope="col">Service</th>
                <th scope="col">Instances</th>
                <th scope="col">req/s</th>
                <th scope="col">failed/s</th>
                <th scope="col">p99</th>
                <th scope="col">Route</th>
                <th scope="col">Actions</th>
              </tr>
            </thead>
            <tbody>
              {services.map((service) => (
                <Row key={service.name} at={app.at} service={service} />
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
    </div>
  )
}

/** With the rates of the last second: the app itself is asked for less often. */
function useFreshServices(app: AppView): readonly ServiceView[] {
  const { data } = useQuery(trafficQuery)
  const name = curveName(app.at)
  const fresh = data?.find((item) => curveName(item.at) === name)
  const own = new Map(fresh?.services.map((service) => [service.name, service.traffic]))
  return app.services.map((service) => ({
    ...service,
    traffic: own.get(service.name) ?? service.traffic,
  }))
}

/** What people did by hand, and the next deploy would put back. */
function DriftNotice({ app }: { readonly app: AppView }) {
  if (app.drift.length === 0) return null
  const told = app.drift.map(({ service, kind, byHand, inManifest, by }) => {
    const who = by === null ? '' : ` by ${by}`
    if (kind === 'stopped') return `${service} was stopped${who}`
    return `${service} was scaled to ${byHand}${who}, the manifest says ${inManifest}`
  })
  return (
    <Notice tone="warning">
      Differs from its manifest: {told.join('; ')}. The next deploy puts it back.
    </Notice>
  )
}

function Row({ at, service }: { readonly at: AppPlace; readonly service: ServiceView }) {
  const { name, traffic } = service
  const failed = traffic?.failedPerSecond ?? 0
  return (
    <tr>
      <th scope="row">
        <Link
          to="/apps/$environment/$tenant/$app"
          params={at}
          search={{ part: 'instances', service: name }}
        >
          {name}
        </Link>
        <small>{noteOf(service)}</small>
      </th>
      <td>
        <span className={styles.pips}>
          <span data-short={service.ready < service.wanted}>
            {service.ready}/{service.wanted}
          </span>
          <Pips service={service} />
        </span>
      </td>
      <td data-label="req/s">{service.worker ? '' : rate(traffic?.requestsPerSecond ?? 0)}</td>
      <td data-label="failed/s" data-failing={failed > 0}>
        {service.worker ? '' : rate(failed)}
      </td>
      <td data-label="p99">{service.worker ? '' : latency(traffic?.p99Ms)}</td>
      <td className={styles.route}>
        <RouteLink url={service.url} />
      </td>
      <td>
        <span className={styles.rowActions}>
          <ScaleButton at={at} service={service} />
          {service.stopped ? (
            <ActionButton action={startAction(at, name)} of={name} />
          ) : (
            <ActionButton action={stopAction(at, name)} of={name} />
          )}
        </span>
      </td>
    </tr>
  )
}

function noteOf({ worker, stopped, needs, image }: ServiceView): string {
  const calls = needs.length > 0 ? `calls ${needs.join(', ')}` : ''
  const what = [worker ? 'worker' : '', stopped ? 'stopped' : '', calls, image ?? '']
  return what.filter((part) => part !== '').join(' · ')
}

/** Only web addresses become links, whatever a manifest says. */
function RouteLink({ url }: { readonly url: string | null }) {
  if (url === null) return <span className={styles.none}>none</span>
  if (!/^https?:\/\//.test(url)) return <code>{url}</code>
  return (
    <a href={url} target="_blank" rel="noreferrer">
      {url.replace(/^https?:\/\//, '').replace(/\/$/, '')} <Icon name="external" />
    </a>
  )
}
