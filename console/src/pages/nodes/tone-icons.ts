import type { IconName } from '../../marks/icon.tsx'
import type { Tone } from '../../words/states.ts'

/** The sign that goes with a tone where a state has none of its own. */
export const toneIcons: Readonly<Record<Tone, IconName>> = {
  good: 'check',
  moving: 'moving',
  warning: 'pause',
  bad: 'cross',
  quiet: 'queue',
}
