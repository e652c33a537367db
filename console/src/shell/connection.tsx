import { useSyncExternalStore } from 'react'
import { watch, type WatchState } from '../api/watch.ts'
import { Icon } from '../marks/icon.tsx'
import { duration } from '../words/numbers.ts'
import { timeOfDay, useNow } from '../words/times.ts'
import styles from './shell.module.css'

/** A server that restarts is back within two seconds; sooner than that nobody need be told. */
const staleShownAfterMs = 1_500

const words: Readonly<Record<WatchState['phase'], string>> = {
  connecting: 'Connecting',
  live: 'Live',
  stale: 'Stale',
}

function useWatchState(): WatchState {
  return useSyncExternalStore(watch.subscribe, watch.state)
}

/** Whether the stream of changes is up: a word, and a sign that is not told by colour alone. */
export function ConnectionMark() {
  const { phase } = useWatchState()
  return (
    <span className={styles.connection} data-phase={phase} title="The stream of changes">
      <span className={styles.beacon} aria-hidden="true" />
      <span className={styles.connectionWord}>{words[phase]}</span>
    </span>
  )
}

/** Says since when the page may be out of date; it lies above the page, so that nothing jumps. */
export function StaleBanner() {
  const { phase, since } = useWatchState()
  const now = useNow()
  const isShown = phase === 'stale' && now - since > staleShownAfterMs
  return (
    <div className={styles.bannerPlace} role="status">
      {isShown && (
        <p className={styles.banner}>
          <Icon name="warning" />
          <span>
            <strong>Stale since {timeOfDay(since)}</strong>{' '}
            {/* It changes each second: readers are told once, not again and again. */}
            <span aria-hidden="true">({duration(now - since)})</span>: the server does not answer.
            Instances and ingress go on without it; this page catches up by itself.
          </span>
        </p>
      )}
    </div>
  )
}
