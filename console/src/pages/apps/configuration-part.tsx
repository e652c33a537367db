import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import type { AppView } from '../../../../src/wire/api.ts'
import type { ReleaseView } from '../../../../src/wire/releases.ts'
import { releasesQuery } from '../../api/app-queries.ts'
import { Empty, FailureNotice, Panel } from '../../marks/panel.tsx'
import { bytes, cores, duration } from '../../words/numbers.ts'
import { releaseWord } from '../../words/states.ts'
import { ExplanationPanel } from './explanation-panel.tsx'
import { ManifestText } from './manifest-text.tsx'
import styles from './app.module.css'

const route = getRouteApi('/signed-in/apps/$environment/$tenant/$app')

type ServiceSpec = ReleaseView['services'][number]

/** What the release that runs says of each service, all layers merged, and the manifest itself. */
export function ConfigurationPart({ app }: { readonly app: AppView }) {
  const { line } = route.useSearch()
  const { data: releases, error } = useQuery(releasesQuery(app.at))
  const release = releases?.find(({ id }) => id === app.releaseId) ?? releases?.[0]
  const cell = `${app.at.environment}/${app.at.tenant}`
  if (releases === undefined) {
    return error === null ? <Skeleton height={320} /> : <FailureNotice error={error} />
  }
  if (release === undefined) {
    return (
      <Empty title="No release yet" command="roadstead deploy">
        Its configuration comes with the first one:
      </Empty>
    )
  }
  const name = releaseWord(release.version, release.number)
  return (
    <div className={styles.stack}>
      <Panel title="As it reads here" note={`${name}, rendered for ${cell}, all layers merged`}>
        <div className={styles.frame}>
          <table className={styles.table}>
            <caption className="visually-hidden">Configuration of each service</caption>
            <thead>
              <tr>
                <th scope="col">Service</th>
                <th scope="col">Runs</th>
                <th scope="col">Gets</th>
                <th scope="col">Is ready when</th>
                <th scope="col">Environment</th>
              </tr>
            </thead>
            <tbody>
              {release.services.map((service) => (
                <Row key={service.name} service={service} />
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
      <ExplanationPanel at={app.at} releaseNumber={release.number} />
      <Panel
        title="Manifest"
        note={`as ${release.createdBy} sent it with release ${release.number}`}
      >
        <ManifestText text={release.manifest} line={line} />
      </Panel>
    </div>
  )
}

function Row({ service }: { readonly service: ServiceSpec }) {
  const { name, instances, resources, route, env, singleton, spread, stop } = service
  const kind = [singleton ? 'singleton' : '', `${instances} wanted`, `zones: ${spread.zone}`]
  return (
    <tr>
      <th scope="row">
        {name}
        <small>{kind.filter((part) => part !== '').join(' · ')}</small>
        {route !== null && (
          <small>
            {route.expose} {route.host}
            {route.path}
          </small>
        )}
      </th>
      <td>
        <code>{service.run.length === 0 ? 'what its image says' : service.run.join(' ')}</code>
      </td>
      <td>
        {cores(resources.cpu)} cpu
        <small>
          {bytes(resources.memoryBytes)} memory, {bytes(resources.diskBytes)} disk
        </small>
      </td>
      <td>
        {probeWords(service)}
        <small>drains for up to {duration(stop.drainMs)}</small>
      </td>
      <td>
        <Environment env={env} />
      </td>
    </tr>
  )
}

function Environment({ env }: { readonly env: ServiceSpec['env'] }) {
  const names = Object.keys(env).toSorted()
  if (names.length === 0) return <span className={styles.quiet}>nothing of its own</span>
  return (
    <ul className={styles.env}>
      {names.map((name) => (
        <li key={name}>
          <code>
            {name}={env[name]}
          </code>
        </li>
      ))}
    </ul>
  )
}

function probeWords({ health: { probe } }: ServiceSpec): string {
  switch (probe.kind) {
    case 'http':
      return `GET ${probe.path} answers`
    case 'tcp':
      return 'its port takes connections'
    case 'exec':
      return `${probe.run.join(' ')} exits with 0`
    case 'none':
      return 'it has run for a second'
  }
}
