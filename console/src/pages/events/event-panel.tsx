import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { EventView } from '../../../../src/wire/api.ts'
import type { HistoryEntry } from '../../../../src/wire/history.ts'
import { Icon } from '../../marks/icon.tsx'
import { FailureNotice, Panel } from '../../marks/panel.tsx'
import { subjectOf } from '../overview/event-runs.ts'
import { count } from '../../words/numbers.ts'
import { asSentence } from '../../words/sentences.ts'
import { releaseWord } from '../../words/states.ts'
import { fullTime } from '../../words/times.ts'
import { changeQuery, stateAtQuery } from './event-queries.ts'
import styles from './events.module.css'

/** Keys of one commit that are listed; the rest are counted. */
const keysShown = 12

/** Characters of a value that are shown. */
const valueChars = 160

/** One commit: its whole sentence, what it changed, and the state at that instant. */
export function EventPanel(props: {
  readonly event: EventView
  readonly onClose: () => void
  readonly onKey: (key: string) => void
}) {
  const { event, onKey } = props
  const subject = subjectOf(event)
  const [isStateShown, showState] = useState(false)
  const [key = event.keys[0], setKey] = useState<string>()
  return (
    <Panel
      title={`Revision ${count(event.revision)}`}
      className={styles.panel}
      note={
        <button
          type="button"
          className={styles.close}
          onClick={props.onClose}
          aria-label="Close the event"
        >
          <Icon name="cross" />
        </button>
      }
    >
      <p className={styles.sentence}>{asSentence(event.why)}</p>
      <p className={styles.quiet}>
        <b>{event.who}</b> <code>{event.what}</code> {fullTime(event.at)}
      </p>
      {subject?.rollout !== undefined && (
        <p>
          <Link to="/rollouts/$environment/$tenant/$app/$id" params={subject.rollout}>
            Its rollout
          </Link>
        </p>
      )}
      <h3 className={styles.subtitle}>What it wrote</h3>
      <ul className={styles.keys}>
        {event.keys.slice(0, keysShown).map((own) => (
          <li key={own}>
            <button type="button" aria-pressed={own === key} onClick={() => setKey(own)}>
              {own}
            </button>
          </li>
        ))}
      </ul>
      {event.keys.length > keysShown && <p>and {count(event.keys.length - keysShown)} more</p>}
      {key !== undefined && <Change recordKey={key} revision={event.revision} />}
      <div className={styles.ways}>
        {key !== undefined && (
          <button type="button" className={styles.small} onClick={() => onKey(key)}>
            All that became of it
          </button>
        )}
        <button
          type="button"
          className={styles.small}
          aria-pressed={isStateShown}
          onClick={() => showState(!isStateShown)}
        >
          The state then
        </button>
      </div>
      {isStateShown && <StateThen at={event.at} />}
    </Panel>
  )
}

function Change({
  recordKey,
  revision,
}: {
  readonly recordKey: string
  readonly revision: number
}) {
  const { data: change, error, isPending } = useQuery(changeQuery(recordKey, revision))
  if (isPending) return <Skeleton height={60} />
  if (error !== null) return <FailureNotice error={error} />
  if (change === null) return <p className={styles.quiet}>What it changed is no longer kept.</p>
  return (
    <div className={styles.fields} role="group" aria-label="Fields" tabIndex={0}>
      <p className={styles.quiet}>{change.change}</p>
      <dl>
        {change.fields.map((field) => (
          <Field key={field.path} field={field} />
        ))}
      </dl>
    </div>
  )
}

function Field({ field }: { readonly field: HistoryEntry['fields'][number] }) {
  return (
    <>
      <dt>{field.path}</dt>
      <dd>
        {field.before !== undefined && <del>{valueText(field.before)}</del>}{' '}
        {field.after !== undefined && <ins>{valueText(field.after)}</ins>}
      </dd>
    </>
  )
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > valueChars ? `${text.slice(0, valueChars)}…` : text
}

/** What was deployed, as records knew it; the same as `roadstead status --at`. */
function StateThen({ at }: { readonly at: number }) {
  const { data: apps, error, isPending } = useQuery(stateAtQuery(at))
  if (isPending) return <Skeleton height={120} />
  if (error !== null) return <FailureNotice error={error} />
  return (
    <div className={styles.state} role="group" aria-label="The state then" tabIndex={0}>
      {apps.length === 0 && <p>Nothing was deployed then.</p>}
      <table>
        <tbody>
          {apps.map((app) => (
            <tr key={`${app.at.environment}/${app.at.tenant}/${app.at.app}`}>
              <th scope="row">
                {app.at.environment}/{app.at.tenant}/{app.at.app}
              </th>
              <td>{releaseWord(app.version, app.releaseNumber)}</td>
              <td>{app.services.map(({ name, wanted }) => `${name} ${wanted}`).join(', ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <code className={styles.command}>
        roadstead status --at {new Date(at).toISOString().slice(0, 19)}
      </code>
    </div>
  )
}
