import { Button, TextInput } from '@mantine/core'
import { useState, type ReactNode, type SubmitEvent } from 'react'
import { ApiFailure } from '../api/client.ts'
import type { Action, ActionAnswer } from './action.ts'
import { Command } from './command.tsx'
import { Conflict } from './conflict.tsx'
import { Dialog } from './dialog.tsx'
import { useAction } from './use-action.ts'
import { FailureNotice } from '../marks/panel.tsx'
import styles from './actions.module.css'

/** What will happen, the same in a terminal, and the way to do it or to leave it. */
export function ActionDialog(props: {
  readonly action: Action
  readonly fields: ReactNode
  readonly onClose: () => void
  readonly onDone: ((answer: ActionAnswer) => void) | undefined
}) {
  const { onClose, onDone } = props
  const [typed, setTyped] = useState('')
  const acting = useAction((answer) => {
    onClose()
    onDone?.(answer)
  })
  const { action, wanted } = demandedOf(props.action, acting.error)
  const isTyped = wanted === undefined || typed === wanted
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault()
    if (isTyped && !acting.isPending) acting.mutate(action)
  }
  const lookAgain = (): void => {
    acting.reset()
    setTyped('')
  }
  return (
    <Dialog title={action.title} onClose={onClose}>
      <form className={styles.form} onSubmit={onSubmit} noValidate>
        <div className={styles.says}>
          {action.says.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </div>
        {props.fields}
        <Failure error={acting.error} subject={action.subject} onLookAgain={lookAgain} />
        {wanted !== undefined && (
          <TextInput
            key={wanted}
            label={<Wanted text={wanted} />}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            autoComplete="off"
            spellCheck={false}
            data-autofocus
          />
        )}
        <Command text={action.command} />
        <div className={styles.choices}>
          <Button variant="default" onClick={onClose}>
            Leave it
          </Button>
          <Button
            type="submit"
            loading={acting.isPending}
            disabled={!isTyped}
            data-grave={action.isGrave}
          >
            {action.verb}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function Wanted({ text }: { readonly text: string }) {
  return (
    <>
      Type <code>{text}</code> to go on
    </>
  )
}

/** The refusal in the server's words; after a conflict also what changed meanwhile. */
function Failure(props: {
  readonly error: Error | null
  readonly subject: string | undefined
  readonly onLookAgain: () => void
}) {
  const { error, subject, onLookAgain } = props
  if (error === null) return null
  const isConflict =
    error instanceof ApiFailure && error.status === 409 && error.code !== confirmationNeeded
  return (
    <>
      <FailureNotice error={error} />
      {isConflict && <Conflict subject={subject} onLookAgain={onLookAgain} />}
    </>
  )
}

const confirmationNeeded = 'confirmation-needed'

/** What has to be typed; the server may want the number of instances besides. */
function demandedOf(
  action: Action,
  error: Error | null,
): { readonly action: Action; readonly wanted: string | undefined } {
  const isDemand = error instanceof ApiFailure && error.code === confirmationNeeded
  const instances = isDemand ? error.details['instances'] : undefined
  if (typeof instances !== 'number' || action.confirmed === undefined) {
    return { action, wanted: action.typed }
  }
  return { action: action.confirmed(instances), wanted: String(instances) }
}
