import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import type { JobView, RunView } from '../../../../src/wire/jobs.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import { cancelRunAction, runJobAction } from '../../actions/app-actions.ts'
import { jobRunsQuery, jobsQuery, volumesQuery } from '../../api/app-queries.ts'
import type { AppPlace } from '../../api/queries.ts'
import { Moment } from '../../marks/moment.tsx'
import { Empty, FailureNotice, Panel } from '../../marks/panel.tsx'
import { RunOutput } from '../../marks/run-output.tsx'
import { Mark } from '../../marks/state-mark.tsx'
import { duration } from '../../words/numbers.ts'
import { asSentence } from '../../words/sentences.ts'
import { fullTime } from '../../words/times.ts'
import { runWords } from './run-words.ts'
import styles from './app.module.css'

const route = getRouteApi('/signed-in/apps/$environment/$tenant/$app')

/** What runs to its end, and what outlives instances. */
export function JobsPart({ at }: { readonly at: AppPlace }) {
  const { job, run } = route.useSearch()
  const { data: jobs, error } = useQuery(jobsQuery(at))
  return (
    <div className={styles.stack}>
      <Panel title="Jobs" note="when each runs next, and how it went last">
        {error !== null && jobs === undefined && <FailureNotice error={error} />}
        {jobs === undefined && error === null && <Skeleton height={120} />}
        {jobs?.length === 0 && (
          <Empty title="This app has no jobs" command="jobs: { … }">
            What runs on a schedule, or when somebody asks for it, stands in the manifest under:
          </Empty>
        )}
        {jobs !== undefined && jobs.length > 0 && (
          <table className={styles.table}>
            <caption className="visually-hidden">Jobs of {at.app}</caption>
            <thead>
              <tr>
                <th scope="col">Job</th>
                <th scope="col">Last run</th>
                <th scope="col">Next</th>
                <th scope="col">Actions</th>
              </tr>
            </thead>
            <tbody>
              {jobs.map((one) => (
                <JobRow key={one.spec.name} at={at} job={one} />
              ))}
            </tbody>
          </table>
        )}
      </Panel>
      {job !== undefined && <Runs at={at} job={job} chosen={run} />}
      <Volumes at={at} />
    </div>
  )
}

function JobRow({ at, job }: { readonly at: AppPlace; readonly job: JobView }) {
  const { spec, nextAt, lastRun, lateSince } = job
  const schedule =
    spec.schedule === null ? 'only when asked' : `${spec.schedule.cron} ${spec.schedule.timezone}`
  return (
    <tr>
      <th scope="row">
        <Link
          to="/apps/$environment/$tenant/$app"
          params={at}
          search={{ part: 'jobs', job: spec.name }}
        >
          {spec.name}
        </Link>
        <small>
          {schedule} · {spec.run.join(' ')}
        </small>
      </th>
      <td>
        {lastRun === null ? <span className={styles.quiet}>never</span> : <RunMark run={lastRun} />}
        {lateSince !== null && (
          <small>
            late since <Moment at={lateSince} />
          </small>
        )}
      </td>
      <td>{nextAt === null ? '' : fullTime(nextAt)}</td>
      <td>
        <span className={styles.rowActions}>
          <ActionButton action={runJobAction(at, spec.name)} of={spec.name} />
        </span>
      </td>
    </tr>
  )
}

function RunMark({ run }: { readonly run: RunView }) {
  return (
    <>
      <Mark {...runWords[run.state]} />{' '}
      <span className={styles.quiet}>
        <Moment at={run.createdAt} />
      </span>
    </>
  )
}

/** The kept runs of one job, and what the chosen one printed. */
function Runs(props: {
  readonly at: AppPlace
  readonly job: string
  readonly chosen: string | undefined
}) {
  const { at, job, chosen } = props
  const { data: runs, error } = useQuery(jobRunsQuery(at, job))
  const shown = chosen ?? runs?.[0]?.id
  return (
    <Panel title={`Runs of ${job}`} note="newest first">
      {error !== null && runs === undefined && <FailureNotice error={error} />}
      <table className={styles.table}>
        <caption className="visually-hidden">Runs of {job}</caption>
        <tbody>
          {runs?.map((run) => (
            <tr key={run.id}>
              <th scope="row">
                <Link
                  to="/apps/$environment/$tenant/$app"
                  params={at}
                  search={{ part: 'jobs', job, run: run.id }}
                  resetScroll={false}
                  aria-current={run.id === shown}
                >
                  <code>{run.id}</code>
                </Link>
                <small>{asSentence(run.because)}</small>
              </th>
              <td>
                <RunMark run={run} />
              </td>
              <td>{run.startedAt !== null && run.endedAt !== null && took(run)}</td>
              <td>
                {run.endedAt === null && (
                  <span className={styles.rowActions}>
                    <ActionButton action={cancelRunAction(at, run.id, job)} of={run.id} />
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown !== undefined && <RunOutput id={shown} />}
    </Panel>
  )
}

function took({ startedAt, endedAt }: RunView): string {
  return `took ${duration((endedAt ?? 0) - (startedAt ?? 0))}`
}

function Volumes({ at }: { readonly at: AppPlace }) {
  const { data: volumes } = useQuery(volumesQuery)
  const own = volumes?.filter(
    ({ at: of }) =>
      of.app === at.app && of.tenant === at.tenant && of.environment === at.environment,
  )
  return (
    <Panel title="Volumes" note="data that outlives instances">
      {own?.length === 0 && (
        <Empty title="This app keeps no data on nodes" command="volumes: [/data]">
          A service of one instance can have folders that are found again:
        </Empty>
      )}
      {own !== undefined && own.length > 0 && (
        <table className={styles.table}>
          <caption className="visually-hidden">Volumes of {at.app}</caption>
          <thead>
            <tr>
              <th scope="col">Volume</th>
              <th scope="col">Node</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {own.map(({ id, service, name, nodeId, state, createdAt }) => (
              <tr key={id}>
                <th scope="row">
                  {service}/{name}
                  <small>
                    made <Moment at={createdAt} />
                  </small>
                </th>
                <td>{nodeId}</td>
                <td>{state}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}
