import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import type { InstanceView } from '../../../../src/wire/api.ts'
import { refusalFor } from '../../actions/action.ts'
import { ActionButton } from '../../actions/action-button.tsx'
import { replaceAction, scaleAction } from '../../actions/app-actions.ts'
import { GuardedButton } from '../../actions/guarded-button.tsx'
import { actionRoutes } from '../../actions/routes.ts'
import { appQuery } from '../../api/app-queries.ts'
import { sessionQuery } from '../../api/queries.ts'
import { InstanceMark } from '../../marks/instance-mark.tsx'
import { Moment } from '../../marks/moment.tsx'
import { asSentence } from '../../words/sentences.ts'
import styles from './instance.module.css'

/** What it is a copy of, how it does, and what can be done with it. */
export function InstanceHead({ instance }: { readonly instance: InstanceView }) {
  const { id, at, service, observed, ended, createdAt } = instance
  return (
    <header className={styles.head}>
      <nav aria-label="Breadcrumb" className={styles.crumbs}>
        <Link to="/apps/$environment/$tenant/$app" params={at}>
          {at.app} in {at.environment}/{at.tenant}
        </Link>
        <span aria-hidden="true">/</span>
        <Link
          to="/apps/$environment/$tenant/$app"
          params={at}
          search={{ part: 'instances', service }}
        >
          {service}
        </Link>
      </nav>
      <div className={styles.titleLine}>
        <h1>
          {service} <code>{id}</code>
        </h1>
        <InstanceMark instance={instance} />
        <span className={styles.facts}>
          {instance.purpose === 'job' ? 'a job’s attempt' : `${instance.pool} pool`} · made{' '}
          <Moment at={createdAt} />
        </span>
        <div className={styles.actions} role="group" aria-label={`Actions on ${id}`}>
          <TerminalButton instance={instance} />
          <ActionButton action={replaceAction(instance)} unless={whyNotReplaced(instance)} />
          <FewerButton instance={instance} />
        </div>
      </div>
      <p className={styles.because}>
        {asSentence(ended?.because ?? observed?.because ?? instance.because)}
      </p>
    </header>
  )
}

function TerminalButton({ instance }: { readonly instance: InstanceView }) {
  const navigate = useNavigate()
  const { data: session } = useQuery(sessionQuery)
  const runs = (instance.observed?.pid ?? null) !== null && instance.state === 'placed'
  const refusal =
    refusalFor(actionRoutes.exec, session?.role) ?? (runs ? undefined : 'It does not run.')
  return (
    <GuardedButton
      refusal={refusal}
      onClick={() => {
        const params = { id: instance.id }
        void navigate({ to: '/instances/$id', params, search: { terminal: true } })
      }}
    >
      Terminal
    </GuardedButton>
  )
}

/** As far as the record tells; whether a rollout is under way the server knows. */
function whyNotReplaced(instance: InstanceView): string | undefined {
  const { state, purpose, desired, pool, replaceAsked } = instance
  if (state === 'ended') return 'It has ended.'
  if (purpose === 'job') return 'It is an attempt at a job.'
  if (desired === 'stopped' || pool === 'draining') return 'It is on its way out.'
  return replaceAsked === undefined ? undefined : `${replaceAsked.by} has asked for it.`
}

/** An instance that is stopped is replaced at once; fewer of them is what a service is told. */
function FewerButton({ instance }: { readonly instance: InstanceView }) {
  const { data: app } = useQuery(appQuery(instance.at))
  const service = app?.services.find(({ name }) => name === instance.service)
  if (service === undefined || instance.purpose === 'job') return null
  const to = Math.max(0, service.wanted - 1)
  return (
    <ActionButton
      action={scaleAction(instance.at, service.name, service.wanted, to)}
      label="One fewer"
      of={service.name}
      unless={service.wanted === 0 ? 'None is wanted.' : undefined}
    />
  )
}
