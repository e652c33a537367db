import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import type { RolloutView } from '../../../../src/wire/api.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import { revertAction } from '../../actions/app-actions.ts'
import { approveAction, cancelRolloutAction, proceedAction } from '../../actions/rollout-actions.ts'
import { appQuery } from '../../api/app-queries.ts'
import { sessionQuery } from '../../api/queries.ts'
import styles from './rollout.module.css'

/** What can be done to a rollout at this moment; a newer deploy supersedes it from a terminal. */
export function RolloutActions({ rollout }: { readonly rollout: RolloutView }) {
  const { state } = rollout
  return (
    <div className={styles.actions} role="group" aria-label="Actions on this rollout">
      {state === 'queued' && <Queued rollout={rollout} />}
      {isUndecided(rollout) && <ActionButton action={proceedAction(rollout)} />}
      {(state === 'running' || state === 'done') && <Back rollout={rollout} />}
    </div>
  )
}

/** Whether it stands still, since the comparison of old and new cannot tell. */
function isUndecided({ state, judging, proceed }: RolloutView): boolean {
  return state === 'running' && judging?.report?.verdict === 'inconclusive' && proceed === undefined
}

function Queued({ rollout }: { readonly rollout: RolloutView }) {
  const { data: session } = useQuery(sessionQuery)
  const { gate, purpose, bringsBack = false, approvals = [] } = rollout
  const isGated = gate?.approve !== undefined && purpose === 'deploy' && !bringsBack
  const isMine = approvals.some(({ by }) => by === session?.name)
  return (
    <>
      {isGated && (
        <ActionButton
          action={approveAction(rollout)}
          unless={isMine ? 'You have approved it.' : undefined}
        />
      )}
      <ActionButton action={cancelRolloutAction(rollout)} />
    </>
  )
}

/** The way back from this rollout: while it runs, and afterwards until another one follows. */
function Back({ rollout }: { readonly rollout: RolloutView }) {
  const navigate = useNavigate()
  const { data: app } = useQuery(appQuery(rollout.at))
  const isRunning = rollout.state === 'running'
  const isNewest = isRunning || app?.releaseId === rollout.releaseId
  if (rollout.fromReleaseId === null || app === undefined || !isNewest) return null
  // While it runs the app still stands at what it comes from.
  const to = isRunning ? (app.releaseNumber ?? undefined) : undefined
  return (
    <ActionButton
      action={revertAction(rollout.at, to)}
      onDone={({ rolloutId }) => {
        if (rolloutId === undefined) return
        const params = { ...rollout.at, id: rolloutId }
        void navigate({ to: '/rollouts/$environment/$tenant/$app/$id', params })
      }}
    />
  )
}
