import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { RolloutView } from '../../../../src/wire/api.ts'
import { rolloutsQuery } from '../../api/queries.ts'
import { Moment } from '../../marks/moment.tsx'
import { Empty, FailureNotice } from '../../marks/panel.tsx'
import { RolloutMark } from '../../marks/state-mark.tsx'
import { count, duration } from '../../words/numbers.ts'
import { asSentence } from '../../words/sentences.ts'
import { isOver } from '../../words/states.ts'
import { useNow } from '../../words/times.ts'
import { versionsOf } from './rollout-head.tsx'
import styles from './list.module.css'

/** The server keeps more; the newest hundred are what people look for. */
const shownMax = 100

/** All rollouts, newest first, each with its proof in a few words. */
export function RolloutsPage() {
  const { data: rollouts, error } = useQuery(rolloutsQuery(shownMax))
  return (
    <>
      <title>Rollouts · Roadstead</title>
      <h1 className={styles.title}>Rollouts</h1>
      {error !== null && rollouts === undefined && <FailureNotice error={error} />}
      {rollouts === undefined && error === null && <Skeleton height={400} />}
      {rollouts?.length === 0 && (
        <Empty title="Nothing has been rolled out yet" command="roadstead deploy">
          Each deploy and each revert will stand here, with what it cost the customers:
        </Empty>
      )}
      <ol className={styles.list}>
        {rollouts?.map((rollout) => (
          <Line key={rollout.id} rollout={rollout} />
        ))}
      </ol>
    </>
  )
}

function Line({ rollout }: { readonly rollout: RolloutView }) {
  const { at, id, state } = rollout
  return (
    <li className={styles.line}>
      <span className={styles.state}>
        <RolloutMark state={state} />
      </span>
      <span className={styles.what}>
        <Link
          to="/rollouts/$environment/$tenant/$app/$id"
          params={{ ...at, id }}
          className={styles.link}
        >
          {at.app} {versionsOf(rollout)}
        </Link>
        <small>
          <code>
            {at.environment}/{at.tenant}
          </code>{' '}
          · release {rollout.releaseNumber} · {rollout.purpose} by {rollout.createdBy}
        </small>
      </span>
      <Cost rollout={rollout} />
      <span className={styles.because}>{asSentence(rollout.because)}</span>
      <span className={styles.when}>
        <Moment at={rollout.createdAt} />
        <Took rollout={rollout} />
      </span>
    </li>
  )
}

/** What it cost the customers. */
function Cost({ rollout }: { readonly rollout: RolloutView }) {
  const during = rollout.ledger.during
  if (during === null) return <span className={styles.cost} data-none />
  return (
    <span className={styles.cost} data-tone={during.failed === 0 ? 'good' : 'bad'}>
      <b>{count(during.failed)}</b> of {count(during.sent)} failed
    </span>
  )
}

function Took({ rollout }: { readonly rollout: RolloutView }) {
  const now = useNow()
  if (rollout.startedAt === null) return <small>not begun</small>
  const until = rollout.endedAt ?? now
  const word = isOver(rollout.state) ? 'took' : 'for'
  return (
    <small>
      {word} {duration(until - rollout.startedAt)}
    </small>
  )
}
