import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { lazy, Suspense, useMemo, useState } from 'react'
import type { InstanceView } from '../../../../src/wire/api.ts'
import { ApiFailure } from '../../api/client.ts'
import { instanceQuery } from '../../api/instance-queries.ts'
import { logSource } from '../../logs/log-source.ts'
import { LogView } from '../../logs/log-view.tsx'
import { LogWindow } from '../../logs/log-window.ts'
import { Empty, FailureNotice, Panel } from '../../marks/panel.tsx'
import { FactsPanel } from './facts-panel.tsx'
import { InstanceHead } from './instance-head.tsx'
import { WhyPanel } from './why-panel.tsx'
import styles from './instance.module.css'

const route = getRouteApi('/signed-in/instances/$id')

const TerminalPanel = lazy(async () => {
  const { TerminalPanel: Panel_ } = await import('./terminal-panel.tsx')
  return { default: Panel_ }
})

/** One instance: why it is where it is, how it does, what it prints, and a shell beside it. */
export function InstancePage() {
  const { id } = route.useParams()
  const { data: instance, error } = useQuery(instanceQuery(id))
  if (error instanceof ApiFailure && error.status === 404) return <Gone id={id} />
  if (instance !== undefined) return <Told key={id} instance={instance} />
  return error === null ? <Skeleton height={520} /> : <FailureNotice error={error} />
}

function Told({ instance }: { readonly instance: InstanceView }) {
  const { terminal = false } = route.useSearch()
  return (
    <>
      <title>{`${instance.service} ${instance.id} · Roadstead`}</title>
      <InstanceHead instance={instance} />
      <div className={styles.page}>
        {terminal && instance.state === 'placed' && (
          <Suspense fallback={<Skeleton height={380} />}>
            <TerminalPanel instance={instance} />
          </Suspense>
        )}
        <div className={styles.pair}>
          <WhyPanel instance={instance} />
          <FactsPanel instance={instance} />
        </div>
        <Log instance={instance} />
      </div>
    </>
  )
}

/** What it prints, as the page of logs shows it; what it prints after its end is nothing. */
function Log({ instance: { id, state } }: { readonly instance: InstanceView }) {
  const navigate = route.useNavigate()
  const log = useMemo(() => new LogWindow(logSource, { instance: id }), [id])
  // One that ends while it is looked at is followed on: its last lines are still on their way.
  const [isLive] = useState(state !== 'ended')
  const [chosen, setChosen] = useState<string>()
  const note = (
    <>
      {state === 'ended' ? 'what it printed' : 'what it prints, live'} ·{' '}
      <Link to="/logs" search={{ instance: id }}>
        Search it
      </Link>
    </>
  )
  return (
    <Panel title="Log" note={note}>
      <div className={styles.log}>
        <LogView
          log={log}
          isLive={isLive}
          isOne
          chosen={chosen}
          onChoose={setChosen}
          onContext={({ position: line }) =>
            void navigate({ to: '/logs', search: { instance: id, line } })
          }
        />
      </div>
    </Panel>
  )
}

/** Ended ones are kept for a while only. */
function Gone({ id }: { readonly id: string }) {
  return (
    <>
      <title>{`${id} is not here · Roadstead`}</title>
      <h1 className="visually-hidden">{id}</h1>
      <Empty title={`There is no instance ${id}`} command="roadstead ps --all">
        The last ten that ended are kept for each service, and this is none of them (any more):
      </Empty>
      <p className={styles.gone}>
        <Link to="/" search={{}}>
          Go to the overview
        </Link>
      </p>
    </>
  )
}
