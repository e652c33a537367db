import { NumberInput } from '@mantine/core'
import { useState } from 'react'
import type { ServiceView } from '../../../../src/wire/api.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import { scaleAction } from '../../actions/app-actions.ts'
import type { AppPlace } from '../../api/queries.ts'

/** As many as the API takes. */
const instancesMax = 1_000

export function ScaleButton(props: { readonly at: AppPlace; readonly service: ServiceView }) {
  const { at, service } = props
  const [chosen, setChosen] = useState<number>()
  const wanted = chosen ?? service.wanted + 1
  return (
    <ActionButton
      action={scaleAction(at, service.name, service.wanted, wanted)}
      of={service.name}
      onDone={() => setChosen(undefined)}
      unless={service.stopped ? 'It is stopped: start it first.' : undefined}
      fields={
        <NumberInput
          label="Instances"
          min={0}
          max={instancesMax}
          clampBehavior="strict"
          allowDecimal={false}
          value={wanted}
          onChange={(value) => setChosen(Number(value))}
          data-autofocus
        />
      }
    />
  )
}
