import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { AppView } from '../../../../src/wire/api.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import { destroyAction, startAction, stopAction, wayBackAction } from '../../actions/app-actions.ts'
import { Command } from '../../actions/command.tsx'
import { Dialog } from '../../actions/dialog.tsx'
import { volumesQuery } from '../../api/app-queries.ts'
import { HealthMark } from '../../marks/state-mark.tsx'
import { releaseWord } from '../../words/states.ts'
import { PromoteButton } from './promote-button.tsx'
import styles from './app.module.css'

/** What it is, how it does, and what can be done to all of it. */
export function AppHead({ app }: { readonly app: AppView }) {
  const { at } = app
  return (
    <header className={styles.head}>
      <nav aria-label="Breadcrumb" className={styles.crumbs}>
        <Link to="/" search={{ at: `${at.environment}/${at.tenant}/${at.app}` }}>
          Overview
        </Link>
        <span aria-hidden="true">/</span>
        <span>
          {at.environment}/{at.tenant}
        </span>
      </nav>
      <div className={styles.titleLine}>
        <h1>{at.app}</h1>
        <HealthMark health={app.health} />
        <span className={styles.facts}>
          {app.releaseNumber === null
            ? 'runs no release yet'
            : `runs ${releaseWord(app.version, app.releaseNumber)}, release ${app.releaseNumber}`}
          {app.rolloutId !== null && (
            <>
              {' · '}
              <Link
                to="/rollouts/$environment/$tenant/$app/$id"
                params={{ ...at, id: app.rolloutId }}
              >
                Watch its rollout
              </Link>
            </>
          )}
        </span>
        <Actions app={app} />
      </div>
    </header>
  )
}

function Actions({ app }: { readonly app: AppView }) {
  const { at, services } = app
  const navigate = useNavigate()
  const isStopped = services.length > 0 && services.every(({ stopped }) => stopped)
  const going = app.health === 'destroying' ? 'It is being destroyed.' : undefined
  return (
    <div className={styles.actions} role="group" aria-label={`Actions on ${at.app}`}>
      <DeployButton app={app} />
      <PromoteButton app={app} unless={going} />
      <ActionButton
        action={wayBackAction(app)}
        unless={going ?? (app.releaseNumber === null ? 'It runs no release yet.' : undefined)}
        onDone={({ rolloutId }) => {
          if (rolloutId === undefined) return
          const to = '/rollouts/$environment/$tenant/$app/$id'
          void navigate({ to, params: { ...at, id: rolloutId } })
        }}
      />
      {isStopped ? (
        <ActionButton action={startAction(at)} unless={going} />
      ) : (
        <ActionButton action={stopAction(at)} unless={going} />
      )}
      <DestroyButton app={app} />
    </div>
  )
}

/** A deploy packs a folder: that is the work of a terminal or a pipeline, so its command is shown. */
function DeployButton({ app: { at } }: { readonly app: AppView }) {
  const [isOpen, setOpen] = useState(false)
  const cell = `${at.environment}/${at.tenant}`
  return (
    <>
      <Button size="xs" variant="default" onClick={() => setOpen(true)}>
        Deploy
      </Button>
      {isOpen && (
        <Dialog title={`Deploy ${at.app} to ${cell}`} onClose={() => setOpen(false)}>
          <p>
            A deploy packs the folder of your app, so it begins in a terminal or a pipeline. This
            page shows it as soon as it has.
          </p>
          <Command label="What would it change?" text={`roadstead plan --cell ${cell}`} />
          <Command label="In the folder of the app" text={`roadstead deploy --cell ${cell}`} />
          <Command
            label="In the place of a rollout under way"
            text={`roadstead deploy --cell ${cell} --supersede`}
          />
        </Dialog>
      )}
    </>
  )
}

function DestroyButton({ app }: { readonly app: AppView }) {
  const { at, services } = app
  const { data: volumes = [] } = useQuery(volumesQuery)
  const own = volumes.filter(
    ({ at: of }) =>
      of.app === at.app && of.tenant === at.tenant && of.environment === at.environment,
  )
  const instances = services.reduce(
    (sum, { ready, maintenance, draining }) => sum + ready + maintenance + draining,
    0,
  )
  const loss = {
    services: services.length,
    instances,
    volumes: own.map(({ service, name, nodeId }) => `${service}/${name} on ${nodeId}`),
  }
  return <ActionButton action={destroyAction(at, loss)} />
}
