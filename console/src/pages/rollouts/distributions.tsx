import { latency as latencyWord, plural } from '../../words/numbers.ts'
import {
  curveOf,
  heightPx,
  ticksOf,
  widthPx,
  type Group,
  type Latency,
} from './distribution-curves.ts'
import styles from './rollout.module.css'

/** How long the answers of both groups took, one distribution over the other. */
export function Distributions({ latency }: { readonly latency: Latency }) {
  if (latency.length < 2) return null
  return (
    <figure className={styles.distributions}>
      <figcaption>
        How long answers took, as shares of each group’s:{' '}
        <Legend group="canary" latency={latency} />
        <Legend group="baseline" latency={latency} />
      </figcaption>
      <svg
        viewBox={`0 0 ${widthPx} ${heightPx}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Most answers of the canary took up to ${peakOf(latency, 'canary')}, of the baseline up to ${peakOf(latency, 'baseline')}`}
      >
        <path className={styles.curve} data-group="baseline" d={curveOf(latency, 'baseline')} />
        <path className={styles.curve} data-group="canary" d={curveOf(latency, 'canary')} />
      </svg>
      <div className={styles.ticks} aria-hidden="true">
        {ticksOf(latency).map(({ ms, x }) => (
          <span key={ms} style={{ left: `${(x / widthPx) * 100}%` }}>
            {latencyWord(ms)}
          </span>
        ))}
      </div>
    </figure>
  )
}

function Legend({ group, latency }: { readonly group: Group; readonly latency: Latency }) {
  const answers = latency.reduce((sum, one) => sum + one[group], 0)
  return (
    <span className={styles.group} data-group={group}>
      {group}, {plural(answers, 'answer')}
    </span>
  )
}

/** The bucket that most answers fell into. */
function peakOf(latency: Latency, group: Group): string {
  const [peak] = latency.toSorted((a, b) => b[group] - a[group])
  return latencyWord(peak?.untilMs)
}
