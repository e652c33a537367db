import { Button } from '@mantine/core'
import type { ReactNode } from 'react'

/** A button that says why it cannot be pressed, where it cannot; also to those who only listen. */
export function GuardedButton(props: {
  /** The reason; undefined: it can be pressed. */
  readonly refusal: string | undefined
  readonly onClick: () => void
  readonly children: ReactNode
  readonly size?: 'xs' | 'sm' | undefined
  readonly isGrave?: boolean | undefined
}) {
  const { refusal, onClick } = props
  return (
    <Button
      size={props.size ?? 'xs'}
      variant="default"
      data-grave={props.isGrave}
      // Not `disabled`: that could not be reached by keyboard, and its reason not be read.
      aria-disabled={refusal !== undefined}
      {...(refusal === undefined ? {} : { 'data-disabled': true, title: refusal })}
      onClick={() => {
        if (refusal === undefined) onClick()
      }}
    >
      {props.children}
      {refusal !== undefined && <span className="visually-hidden"> ({refusal})</span>}
    </Button>
  )
}
