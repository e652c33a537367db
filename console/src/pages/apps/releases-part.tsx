import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { AppView, RolloutView } from '../../../../src/wire/api.ts'
import type { ReleaseView } from '../../../../src/wire/releases.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import { endTestLinkAction, revertAction, undoSchemaAction } from '../../actions/app-actions.ts'
import {
  appRolloutsQuery,
  releasesQuery,
  schemaQuery,
  testLinksQuery,
} from '../../api/app-queries.ts'
import { Moment } from '../../marks/moment.tsx'
import { Empty, FailureNotice, Panel } from '../../marks/panel.tsx'
import { RolloutMark } from '../../marks/state-mark.tsx'
import { count, plural } from '../../words/numbers.ts'
import { asSentence } from '../../words/sentences.ts'
import { releaseWord } from '../../words/states.ts'
import { fullTime } from '../../words/times.ts'
import styles from './app.module.css'

/** The releases that are kept, each with the rollouts that carried it, and the way back to it. */
export function ReleasesPart({ app }: { readonly app: AppView }) {
  const { data: releases, error } = useQuery(releasesQuery(app.at))
  const { data: rollouts = [] } = useQuery(appRolloutsQuery(app.at))
  return (
    <div className={styles.stack}>
      <Panel title="Releases" note="those that are kept, newest first">
        {error !== null && releases === undefined && <FailureNotice error={error} />}
        {releases === undefined && error === null && <Skeleton height={260} />}
        {releases?.length === 0 && (
          <Empty title="No release yet" command="roadstead deploy">
            Each deploy makes one:
          </Empty>
        )}
        {releases !== undefined && releases.length > 0 && (
          <div className={styles.frame}>
            <table className={styles.table}>
              <caption className="visually-hidden">Releases of {app.at.app}</caption>
              <thead>
                <tr>
                  <th scope="col">Release</th>
                  <th scope="col">Rollouts</th>
                  <th scope="col">By</th>
                  <th scope="col">Actions</th>
                </tr>
              </thead>
              <tbody>
                {releases.map((release) => (
                  <ReleaseRow
                    key={release.id}
                    app={app}
                    release={release}
                    rollouts={rollouts.filter(({ releaseId }) => releaseId === release.id)}
                  />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
      <div className={styles.pair}>
        <TestLinks app={app} />
        <Schemas app={app} />
      </div>
    </div>
  )
}

/** Rollouts of one release that its line tells; the list of rollouts has them all. */
const rolloutsTold = 3

function ReleaseRow(props: {
  readonly app: AppView
  readonly release: ReleaseView
  readonly rollouts: readonly RolloutView[]
}) {
  const { app, release, rollouts } = props
  const isRunning = release.id === app.releaseId
  const from = release.promotedFrom
  return (
    <tr>
      <th scope="row">
        {releaseWord(release.version, release.number)}
        <small>
          release {release.number}
          {isRunning && ' · runs now'}
          {from !== undefined && ` · tested as ${from.environment}/${from.tenant} ${from.number}`}
        </small>
      </th>
      <td>
        <ul>
          {rollouts.slice(0, rolloutsTold).map((rollout) => (
            <li key={rollout.id}>
              <Link
                to="/rollouts/$environment/$tenant/$app/$id"
                params={{ ...app.at, id: rollout.id }}
              >
                {rollout.purpose}
              </Link>{' '}
              <RolloutMark state={rollout.state} /> <Cost rollout={rollout} />
            </li>
          ))}
        </ul>
      </td>
      <td>
        {release.createdBy}{' '}
        <span className={styles.quiet}>
          <Moment at={release.createdAt} />
        </span>
      </td>
      <td>
        <span className={styles.rowActions}>
          <ActionButton
            action={revertAction(app.at, release.number)}
            of={`to release ${release.number}`}
            unless={isRunning && app.rolloutId === null ? 'It runs now.' : undefined}
          />
        </span>
      </td>
    </tr>
  )
}

function Cost({ rollout }: { readonly rollout: RolloutView }) {
  const { during } = rollout.ledger
  if (during === null) return null
  return (
    <span className={styles.quiet}>
      {count(during.failed)} of {plural(during.sent, 'request')} failed
    </span>
  )
}

/** Who may meet a release before customers do. */
function TestLinks({ app: { at } }: { readonly app: AppView }) {
  const { data: links } = useQuery(testLinksQuery(at))
  return (
    <Panel title="Test links" note="who meets a release before customers do">
      {links?.length === 0 && (
        <Empty title="No test link is good now" command={`roadstead test-link ${at.app}`}>
          The link’s token never leaves the machine that makes it, so a terminal makes it:
        </Empty>
      )}
      {links !== undefined && links.length > 0 && (
        <table className={styles.table}>
          <caption className="visually-hidden">Test links of {at.app}</caption>
          <tbody>
            {links.map(({ id, version, releaseNumber, createdBy, until }) => (
              <tr key={id}>
                <th scope="row">
                  {releaseWord(version, releaseNumber)}
                  <small>
                    {id} · by {createdBy}, until {fullTime(until)}
                  </small>
                </th>
                <td>
                  <span className={styles.rowActions}>
                    <ActionButton action={endTestLinkAction(at, id)} of={id} />
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  )
}

/** What migrations have done, and the way to take the last expansion back. */
function Schemas({ app: { at } }: { readonly app: AppView }) {
  const { data: schemas } = useQuery(schemaQuery(at))
  if (schemas === undefined || schemas.length === 0) return null
  return (
    <Panel title="Schemas" note="what migrations have done">
      <table className={styles.table}>
        <caption className="visually-hidden">Schemas of {at.app}</caption>
        <tbody>
          {schemas.map(({ service, expandedBy, contractedBy, undo }) => (
            <tr key={service}>
              <th scope="row">
                {service}
                <small>
                  expanded by release {expandedBy.number}
                  {contractedBy !== null && `, contracted by release ${contractedBy.number}`}
                  {undo !== null && asSentence(`; undone by ${undo.by}: ${undo.state}`)}
                </small>
              </th>
              <td>
                <span className={styles.rowActions}>
                  <ActionButton action={undoSchemaAction(at, service)} of={service} />
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  )
}
