import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import type { AppView } from '../../../../src/wire/api.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import { undestroyAction } from '../../actions/app-actions.ts'
import { appQuery } from '../../api/app-queries.ts'
import { ApiFailure } from '../../api/client.ts'
import type { AppPlace } from '../../api/queries.ts'
import { Empty, FailureNotice } from '../../marks/panel.tsx'
import { AppHead } from './app-head.tsx'
import { ConfigurationPart } from './configuration-part.tsx'
import { InstancesPart } from './instances-part.tsx'
import { JobsPart } from './jobs-part.tsx'
import { parts, partNames, type AppPart } from './parts.ts'
import { ReleasesPart } from './releases-part.tsx'
import { ServicesPart } from './services-part.tsx'
import styles from './app.module.css'

const route = getRouteApi('/signed-in/apps/$environment/$tenant/$app')

/** One app in one cell: what it is made of, what runs, how it came to be, and what can be done. */
export function AppPage() {
  const at = route.useParams()
  const { part = 'services' } = route.useSearch()
  const { data: app, error } = useQuery(appQuery(at))
  if (error instanceof ApiFailure && error.status === 404) return <Gone at={at} />
  if (app === undefined) {
    return error === null ? <Skeleton height={520} /> : <FailureNotice error={error} />
  }
  return (
    <>
      <title>{`${at.app} in ${at.environment}/${at.tenant} · Roadstead`}</title>
      <AppHead app={app} />
      <nav className={styles.parts} aria-label={`Parts of ${at.app}`}>
        {parts.map((name) => (
          <Link
            key={name}
            to="/apps/$environment/$tenant/$app"
            params={at}
            search={name === 'services' ? {} : { part: name }}
            // Whatever else the address says: the part is what is open.
            activeOptions={{ exact: true, includeSearch: true }}
            aria-current={name === part ? 'page' : undefined}
            replace
            resetScroll={false}
          >
            {partNames[name]}
          </Link>
        ))}
      </nav>
      <Part part={part} app={app} />
    </>
  )
}

function Part({ part, app }: { readonly part: AppPart; readonly app: AppView }) {
  switch (part) {
    case 'services':
      return <ServicesPart app={app} />
    case 'instances':
      return <InstancesPart at={app.at} />
    case 'releases':
      return <ReleasesPart app={app} />
    case 'configuration':
      return <ConfigurationPart app={app} />
    case 'jobs':
      return <JobsPart at={app.at} />
  }
}

/** Not here (any more): perhaps it was destroyed, perhaps just now, by somebody else. */
function Gone({ at }: { readonly at: AppPlace }) {
  return (
    <>
      <title>{`${at.app} is not here · Roadstead`}</title>
      <h1 className="visually-hidden">{at.app}</h1>
      <Empty
        title={`There is no ${at.app} in ${at.environment}/${at.tenant}`}
        command={`roadstead deploy --cell ${at.environment}/${at.tenant}`}
      >
        If it was destroyed within the last 7 days it can be brought back. Otherwise deploy it, in
        its folder:
      </Empty>
      <div className={styles.gone}>
        <ActionButton action={undestroyAction(at)} size="sm" />
        <Link to="/" search={{}}>
          Go to the overview
        </Link>
      </div>
    </>
  )
}
