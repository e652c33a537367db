import { Link } from '@tanstack/react-router'
import type { RolloutView } from '../../../../src/wire/api.ts'
import { Moment } from '../../marks/moment.tsx'
import { RolloutMark } from '../../marks/state-mark.tsx'
import { duration } from '../../words/numbers.ts'
import { asSentence } from '../../words/sentences.ts'
import { isOver, releaseWord } from '../../words/states.ts'
import { useNow } from '../../words/times.ts'
import { RolloutActions } from './rollout-actions.tsx'
import styles from './rollout.module.css'

/** `v1 → v2`, or the new one alone where nothing ran before, or nothing that has a name. */
export function versionsOf(rollout: RolloutView): string {
  const to = releaseWord(rollout.version, rollout.releaseNumber)
  const from = rollout.fromVersion ?? ''
  return from === '' ? to : `${from} → ${to}`
}

/** What is carried where, how it stands, and why. */
export function RolloutHead({ rollout }: { readonly rollout: RolloutView }) {
  const { at } = rollout
  const cell = `${at.environment}/${at.tenant}`
  return (
    <header className={styles.head}>
      <nav aria-label="Breadcrumb" className={styles.crumbs}>
        <Link to="/rollouts">Rollouts</Link>
        <span aria-hidden="true">/</span>
        <Link to="/apps/$environment/$tenant/$app" params={at}>
          {at.app} in {cell}
        </Link>
      </nav>
      <div className={styles.titleLine}>
        <h1>
          {at.app} {versionsOf(rollout)}
        </h1>
        <RolloutMark state={rollout.state} />
        <span className={styles.facts}>
          release {rollout.releaseNumber} · {rollout.purpose} by {rollout.createdBy}{' '}
          <Moment at={rollout.createdAt} />
          <Length rollout={rollout} />
        </span>
        <RolloutActions rollout={rollout} />
      </div>
      <p className={styles.because}>{asSentence(rollout.because)}</p>
    </header>
  )
}

function Length({ rollout }: { readonly rollout: RolloutView }) {
  const now = useNow()
  if (rollout.startedAt === null) return null
  const ms = (rollout.endedAt ?? now) - rollout.startedAt
  return (
    <>
      {' · '}
      {isOver(rollout.state) ? 'took' : 'running for'} {duration(ms)}
    </>
  )
}
