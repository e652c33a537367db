import { Checkbox, NativeSelect } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { AppView } from '../../../../src/wire/api.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import { promoteAction } from '../../actions/app-actions.ts'
import { appsQuery } from '../../api/queries.ts'
import styles from './app.module.css'

/** Carries what runs here into another cell. */
export function PromoteButton(props: {
  readonly app: AppView
  readonly unless: string | undefined
}) {
  const { app } = props
  const navigate = useNavigate()
  const { data: apps = [] } = useQuery(appsQuery)
  const own = `${app.at.environment}/${app.at.tenant}`
  const cells = [...new Set(apps.map(({ at }) => `${at.environment}/${at.tenant}`))]
  const others = cells.filter((cell) => cell !== own).toSorted()
  const [chosen, setChosen] = useState<string>()
  const [supersede, setSupersede] = useState(false)
  const [keepDrift, setKeepDrift] = useState(false)
  const cell = chosen ?? others[0] ?? own
  const [environment = '', tenant = ''] = cell.split('/')
  const to = { environment, tenant, app: app.at.app }
  const nowhere = others.length === 0 ? 'There is no other cell to promote to yet.' : undefined
  const empty = app.releaseNumber === null ? 'It runs no release yet.' : undefined
  return (
    <ActionButton
      action={promoteAction(to, app.at, { supersede, keepDrift })}
      unless={props.unless ?? empty ?? nowhere}
      onDone={({ rolloutId }) => {
        if (rolloutId === undefined) return
        const params = { ...to, id: rolloutId }
        void navigate({ to: '/rollouts/$environment/$tenant/$app/$id', params })
      }}
      fields={
        <div className={styles.fields}>
          <NativeSelect
            label="To the cell"
            data={[...others]}
            value={cell}
            onChange={(event) => setChosen(event.currentTarget.value)}
          />
          <Checkbox
            label="Take the place of a rollout that is under way"
            checked={supersede}
            onChange={(event) => setSupersede(event.currentTarget.checked)}
          />
          <Checkbox
            label="Leave what was scaled or stopped by hand as it is"
            checked={keepDrift}
            onChange={(event) => setKeepDrift(event.currentTarget.checked)}
          />
        </div>
      }
    />
  )
}
