import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { sessionQuery } from '../api/queries.ts'
import { refusalFor, type Action, type ActionAnswer } from './action.ts'
import { ActionDialog } from './action-dialog.tsx'
import { GuardedButton } from './guarded-button.tsx'

/** A button that asks before it acts; whoever may not is told why in its place. */
export function ActionButton(props: {
  readonly action: Action
  /** In place of the action's verb. */
  readonly label?: string
  /** What a reader hears where the label alone does not say of what. */
  readonly of?: string
  /** What can be chosen in the dialog. */
  readonly fields?: ReactNode
  /** Why it cannot be done now, whoever asks. */
  readonly unless?: string | undefined
  readonly size?: 'xs' | 'sm'
  readonly onDone?: (answer: ActionAnswer) => void
}) {
  const { action } = props
  const { data: session } = useQuery(sessionQuery)
  const [isOpen, setOpen] = useState(false)
  const refusal = refusalFor(action.route, session?.role) ?? props.unless
  return (
    <>
      <GuardedButton
        refusal={refusal}
        size={props.size}
        isGrave={action.isGrave}
        onClick={() => setOpen(true)}
      >
        {props.label ?? action.verb}
        {props.of !== undefined && <span className="visually-hidden"> {props.of}</span>}
      </GuardedButton>
      {isOpen && (
        <ActionDialog
          action={action}
          fields={props.fields}
          onClose={() => setOpen(false)}
          onDone={props.onDone}
        />
      )}
    </>
  )
}
