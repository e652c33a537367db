import { Panel } from '../../marks/panel.tsx'
import { StepDot } from '../../marks/state-mark.tsx'
import { duration } from '../../words/numbers.ts'
import { asSentence, capitalised } from '../../words/sentences.ts'
import type { RolloutStep } from '../../words/states.ts'
import { timeOfDay, useNow } from '../../words/times.ts'
import styles from './rollout.module.css'

/** The steps, in order, each with when, how long and why. */
export function StepsPanel({ steps }: { readonly steps: readonly RolloutStep[] }) {
  const ended = steps.filter(({ state }) => state === 'done').length
  return (
    <Panel title="Steps" note={`${ended} of ${steps.length} done`}>
      {steps.length === 0 && <p className={styles.quiet}>They stand here as soon as it begins.</p>}
      <ol className={styles.steps}>
        {steps.map((step, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- a step is its place in the order
          <li key={index} className={styles.step} data-state={step.state}>
            <StepDot state={step.state} />
            <div className={styles.stepWords}>
              <p className={styles.stepTitle}>{capitalised(step.title)}</p>
              {step.because !== '' && (
                <p className={styles.stepBecause}>{asSentence(step.because)}</p>
              )}
            </div>
            <StepTime step={step} />
          </li>
        ))}
      </ol>
    </Panel>
  )
}

function StepTime({ step }: { readonly step: RolloutStep }) {
  const now = useNow()
  if (step.startedAt === null) return <span className={styles.stepTime} />
  return (
    <span className={styles.stepTime}>
      <b>{duration((step.endedAt ?? now) - step.startedAt)}</b>
      <time dateTime={new Date(step.startedAt).toISOString()}>{timeOfDay(step.startedAt)}</time>
    </span>
  )
}
