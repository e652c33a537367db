import { Skeleton } from '@mantine/core'
import { useQuery, queryOptions } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import type { PlanView } from '../../../../src/wire/api.ts'
import type { BoundView } from '../../../../src/wire/bounds.ts'
import { callApi } from '../../api/client.ts'
import { Meter } from '../../marks/meter.tsx'
import { Moment } from '../../marks/moment.tsx'
import { Empty, FailureNotice, Notice, Panel } from '../../marks/panel.tsx'
import { Mark } from '../../marks/state-mark.tsx'
import { bytes, count, plural } from '../../words/numbers.ts'
import { asSentence } from '../../words/sentences.ts'
import styles from './loops.module.css'

const route = getRouteApi('/signed-in/loops')

/** Plans in one answer: what a person looks through; the server keeps a thousand. */
const plansMax = 300

/** A bound that is this full will be reached: `roadstead doctor` says so, too. */
const fullShare = 0.8

const plansQuery = (controller: string | undefined) =>
  queryOptions({
    queryKey: ['plans', controller],
    queryFn: async ({ signal }) => {
      const search = new URLSearchParams({ limit: String(plansMax) })
      if (controller !== undefined) search.set('controller', controller)
      return (await callApi<{ items: PlanView[] }>(`/v1/plans?${search}`, { signal })).items
    },
    refetchInterval: 3_000,
  })

const boundsQuery = queryOptions({
  queryKey: ['bounds'],
  queryFn: async ({ signal }) =>
    (await callApi<{ items: BoundView[] }>('/v1/bounds', { signal })).items,
  refetchInterval: 5_000,
})

/** What the control loops decided last, each with one sentence why; and how full every bound is. */
export function LoopsPage() {
  const { controller } = route.useSearch()
  const { data: plans, error } = useQuery(plansQuery(controller))
  return (
    <>
      <title>Control loops · Roadstead</title>
      <div className={styles.head}>
        <h1>Control loops</h1>
        <p>what they decided last, newest first; a plan that only repeats itself is told once</p>
      </div>
      <div className={styles.page}>
        <Panel title="Last plans" note={<Controllers chosen={controller} />}>
          {error !== null && plans === undefined && <FailureNotice error={error} />}
          {plans === undefined && error === null && <Skeleton height={420} />}
          {plans?.length === 0 && (
            <Empty title="No plan was made yet" command="roadstead plans">
              Each control loop looks at what is and what should be, and writes down what it does:
            </Empty>
          )}
          <ol className={styles.plans}>
            {plans?.map((plan) => (
              <Plan key={`${plan.controller} ${plan.key} ${plan.at}`} plan={plan} />
            ))}
          </ol>
        </Panel>
        <Bounds />
      </div>
    </>
  )
}

/** The loops that have made a plan lately, to look at one of them alone. */
function Controllers({ chosen }: { readonly chosen: string | undefined }) {
  const { data: all = [] } = useQuery(plansQuery(undefined))
  const counts = new Map<string, number>()
  for (const { controller } of all) counts.set(controller, (counts.get(controller) ?? 0) + 1)
  if (chosen !== undefined && !counts.has(chosen)) counts.set(chosen, 0)
  return (
    <span className={styles.controllers}>
      <Link to="/loops" search={{}} activeProps={{}} data-chosen={chosen === undefined}>
        all
      </Link>
      {[...counts]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, times]) => (
          <Link
            key={name}
            to="/loops"
            search={{ controller: name }}
            activeProps={{}}
            data-chosen={chosen === name}
          >
            {name} <small>{count(times)}</small>
          </Link>
        ))}
    </span>
  )
}

function Plan({ plan }: { readonly plan: PlanView }) {
  const { controller, key, because, actions, error } = plan
  return (
    <li className={styles.plan}>
      <p className={styles.because}>{asSentence(because)}</p>
      {error !== null && <Notice tone="bad">{asSentence(error)}</Notice>}
      <p className={styles.what}>
        <b>{controller}</b>
        <code>{key}</code>
        <span>{actions === 0 ? 'nothing to do' : plural(actions, 'action')}</span>
        <Moment at={plan.at} />
      </p>
    </li>
  )
}

/** Everything that grows, and how near it is to its bound: the fullest first. */
function Bounds() {
  const { data: bounds, error } = useQuery(boundsQuery)
  const ordered = (bounds ?? []).toSorted((a, b) => shareOf(b) - shareOf(a))
  const full = ordered.filter((bound) => shareOf(bound) >= fullShare)
  const lossy = ordered.filter(({ lost }) => lost > 0)
  const isWell = bounds !== undefined && full.length === 0 && lossy.length === 0
  return (
    <Panel title="Bounds" note={bounds === undefined ? '\u00a0' : plural(bounds.length, 'bound')}>
      {error !== null && bounds === undefined && <FailureNotice error={error} />}
      {bounds === undefined && error === null && <Skeleton height={320} />}
      {isWell && (
        <Mark icon="check" tone="good" word="None is near its limit, none lost anything" />
      )}
      {full.length > 0 && (
        <Notice tone="warning">{plural(full.length, 'bound is', 'bounds are')} nearly full.</Notice>
      )}
      <ul className={styles.bounds}>
        {ordered.map((bound) => (
          <Bound key={bound.name} bound={bound} />
        ))}
      </ul>
      <code className={styles.command}>roadstead doctor</code>
    </Panel>
  )
}

function Bound({ bound }: { readonly bound: BoundView }) {
  const { name, says, unit, used, limit, lost, overflow } = bound
  const text = unit === 'bytes' ? bytes : count
  const losses = overflow === 'refuses' ? 'refused' : overflow === 'waits' ? 'waited' : 'dropped'
  return (
    <li className={styles.bound} title={says}>
      <Meter name={name} used={used} of={limit} text={`${text(used)} of ${text(limit)}`} />
      {lost > 0 && (
        <span className={styles.lost}>
          {count(lost)} {losses} since the start
        </span>
      )}
    </li>
  )
}

function shareOf({ used, limit }: BoundView): number {
  return limit === 0 ? 0 : used / limit
}
