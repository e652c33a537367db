import type { InstanceView } from '../../../src/wire/api.ts'
import { recordWording } from '../words/instances.ts'
import type { Tone } from '../words/states.ts'
import type { IconName } from './icon.tsx'
import { Mark } from './state-mark.tsx'

const icons: Readonly<Record<Tone, IconName>> = {
  good: 'check',
  moving: 'moving',
  warning: 'warning',
  bad: 'cross',
  quiet: 'pause',
}

/** How an instance does: colour, sign and word. */
export function InstanceMark({ instance }: { readonly instance: InstanceView }) {
  const { word, tone } = recordWording(instance)
  return <Mark icon={icons[tone]} word={word} tone={tone} />
}
