import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { eventsQuery } from '../../api/queries.ts'
import { Moment } from '../../marks/moment.tsx'
import { Empty, FailureNotice, Panel } from '../../marks/panel.tsx'
import { runsOf, subjectOf, type EventRun, type Subject } from './event-runs.ts'
import { useCells } from '../../api/cells.ts'
import { asSentence } from '../../words/sentences.ts'
import styles from './overview.module.css'

/** Commits asked for at first: enough for a dozen runs, even in the middle of a rollout. */
const limitFirst = 100
const limitMore = 500
const runsFirst = 12

/** What changed lately, newest first: who, what, why. */
export function ChangesPanel() {
  const [isLong, setLong] = useState(false)
  const { data: events, error } = useQuery(eventsQuery(isLong ? limitMore : limitFirst))
  const runs = runsOf(events ?? [])
  const isMore = runs.length > runsFirst || events?.length === limitFirst
  return (
    <Panel title="What changed" note="newest first" className={styles.changesPanel}>
      {error !== null && events === undefined && <FailureNotice error={error} />}
      {events === undefined && error === null && <Skeleton height={320} />}
      {events?.length === 0 && <Empty title="Nothing yet">Each change will stand here.</Empty>}
      <ol className={styles.changes}>
        {(isLong ? runs : runs.slice(0, runsFirst)).map((run) => (
          <Run key={run.newest.revision} run={run} />
        ))}
      </ol>
      {!isLong && isMore && (
        <button type="button" className={styles.more} onClick={() => setLong(true)}>
          Show more
        </button>
      )}
    </Panel>
  )
}

function Run({ run }: { readonly run: EventRun }) {
  const { newest, times } = run
  const subject = subjectOf(newest)
  return (
    <li className={styles.change}>
      <p className={styles.why}>{asSentence(newest.why)}</p>
      <p className={styles.what}>
        <b>{newest.who}</b>
        <code>{newest.what}</code>
        {times > 1 && <span className={styles.times}>×{times}</span>}
        <SubjectName subject={subject} />
        <Moment at={newest.at} />
      </p>
    </li>
  )
}

function SubjectName({ subject }: { readonly subject: Subject | undefined }) {
  const cells = useCells()
  if (subject === undefined) return null
  // Where there is one cell its name would say nothing.
  const isTold = subject.cell !== undefined && (cells.length > 1 || !cells.includes(subject.cell))
  const name = isTold ? `${subject.cell}/${subject.name}` : subject.name
  if (subject.rollout === undefined) return <span>{name}</span>
  return (
    <Link to="/rollouts/$environment/$tenant/$app/$id" params={subject.rollout}>
      {name}
    </Link>
  )
}
