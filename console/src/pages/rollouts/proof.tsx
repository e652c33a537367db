import { useState } from 'react'
import type { RolloutView } from '../../../../src/wire/api.ts'
import { Icon } from '../../marks/icon.tsx'
import { Chart } from '../../traffic/chart.tsx'
import { curveName } from '../../traffic/history.ts'
import { count, plural } from '../../words/numbers.ts'
import { causeWords, isOver, type Window } from '../../words/states.ts'
import styles from './proof.module.css'

/** The curve is drawn for rollouts that end while their minutes are still in the browser. */
const curveKeptMs = 5 * 60_000

/** Proof of zero: the one sentence that a rollout is judged by, and the counts behind it. */
export function Proof({ rollout }: { readonly rollout: RolloutView }) {
  const { during, gaps } = rollout.ledger
  // Decided once, when the page is entered: it must not vanish under the reader's eye.
  const [hasCurve] = useState(() => Date.now() - (rollout.endedAt ?? Date.now()) < curveKeptMs)
  return (
    <section
      className={styles.proof}
      aria-label="Proof of zero"
      data-failing={(during?.failed ?? 0) > 0}
    >
      <div className={styles.words}>
        <p className={styles.eyebrow}>Proof of zero</p>
        <Headline rollout={rollout} during={during} />
        <p className={styles.note}>{noteOf(rollout, during)}</p>
        <Counts during={during} />
      </div>
      {hasCurve && (
        <div className={styles.curve}>
          <p className={styles.eyebrow}>Requests and failures per second</p>
          <Chart
            name={curveName(rollout.at)}
            look="deep"
            label={`Traffic of ${rollout.at.app} while it is rolled out`}
          />
        </div>
      )}
      {gaps.length > 0 && (
        <ul className={styles.gaps} aria-label="Gaps in the count">
          {gaps.map((gap) => (
            <li key={gap}>
              <Icon name="warning" /> <span>The count is not whole: {gap}.</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Headline(props: { readonly rollout: RolloutView; readonly during: Window | null }) {
  const { rollout, during } = props
  if (during === null) {
    const words = rollout.state === 'queued' ? 'Waiting for its turn' : 'Nothing is counted yet'
    return <p className={styles.headline}>{words}</p>
  }
  if (during.sent === 0) return <p className={styles.headline}>No request came while it ran</p>
  return (
    <p className={styles.headline} data-testid="headline">
      <b>{count(during.failed)}</b> of {count(during.sent)} requests failed
    </p>
  )
}

/** What was counted, where; and if requests failed, of what. */
function noteOf(rollout: RolloutView, during: Window | null): string {
  if (during === null) return 'Requests are counted at the ingress from the instant it begins.'
  const causes = Object.entries(during.causes)
    .filter(([, times]) => (times ?? 0) > 0)
    .map(([cause, times]) => `${count(times ?? 0)} ${causeWords[cause] ?? cause}`)
  if (causes.length > 0) return `Causes: ${causes.join(', ')}.`
  const span = isOver(rollout.state) ? 'from its start to its end' : 'since it began'
  const retried =
    during.retried > 0
      ? ` ${plural(during.retried, 'request')} went to another instance at the second try.`
      : ''
  return `Each request of the online pools was counted at the ingress ${span}.${retried}${earlier(during)}`
}

/** Answers to what was sent before it began are its own too: they could have failed in it. */
function earlier({ sent, answered, failed, clientAborted }: Window): string {
  const more = answered + failed + clientAborted - sent
  return more > 0 ? ` ${plural(more, 'answer')} belong to requests sent just before.` : ''
}

function Counts({ during }: { readonly during: Window | null }) {
  return (
    <dl className={styles.counts}>
      <Count name="sent" value={during?.sent} />
      <Count name="answered" value={during?.answered} />
      <Count
        name="failed"
        value={during?.failed}
        tone={(during?.failed ?? 0) > 0 ? 'bad' : 'good'}
      />
      <Count name="retried" value={during?.retried} />
      <Count name="client aborts" value={during?.clientAborted} />
      <Count name="app errors" value={during?.appErrors} />
    </dl>
  )
}

function Count(props: {
  readonly name: string
  readonly value: number | undefined
  readonly tone?: 'good' | 'bad'
}) {
  return (
    <div className={styles.count} data-mood={props.tone}>
      <dt>{props.name}</dt>
      <dd>{props.value === undefined ? '–' : count(props.value)}</dd>
    </div>
  )
}
