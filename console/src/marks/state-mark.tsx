import type { AppView } from '../../../src/wire/api.ts'
import {
  healthWords,
  rolloutWords,
  stepWords,
  type RolloutState,
  type RolloutStep,
  type Tone,
} from '../words/states.ts'
import { Icon, type IconName } from './icon.tsx'
import styles from './marks.module.css'

/** A state as colour, word and sign together: none of them is needed to read the other two. */

export const healthIcons: Readonly<Record<AppView['health'], IconName>> = {
  ok: 'check',
  degraded: 'warning',
  down: 'cross',
  rolling: 'moving',
  stopped: 'pause',
  destroying: 'cross',
}

const rolloutIcons: Readonly<Record<RolloutState, IconName>> = {
  queued: 'queue',
  running: 'moving',
  reverting: 'back',
  done: 'check',
  reverted: 'back',
  failed: 'cross',
  superseded: 'pause',
  cancelled: 'cross',
}

const stepIcons: Readonly<Record<RolloutStep['state'], IconName>> = {
  waiting: 'queue',
  running: 'moving',
  done: 'check',
  failed: 'cross',
  cancelled: 'pause',
}

export function HealthMark({ health }: { readonly health: AppView['health'] }) {
  return <Mark icon={healthIcons[health]} {...healthWords[health]} />
}

export function RolloutMark({ state }: { readonly state: RolloutState }) {
  return <Mark icon={rolloutIcons[state]} {...rolloutWords[state]} />
}

/** A step's state as a round sign for the line of steps; the word is there for readers. */
export function StepDot({ state }: { readonly state: RolloutStep['state'] }) {
  const { word, tone } = stepWords[state]
  return (
    <span className={styles.dot} data-tone={tone} data-busy={state === 'running'}>
      <Icon name={stepIcons[state]} />
      <span className="visually-hidden">{word}: </span>
    </span>
  )
}

/** Any word with its tone and sign. */
export function Mark(props: {
  readonly icon: IconName
  readonly word: string
  readonly tone: Tone
}) {
  return (
    <span className={styles.mark} data-tone={props.tone}>
      <Icon name={props.icon} />
      {props.word}
    </span>
  )
}
