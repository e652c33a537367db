import { Skeleton, Switch } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useRef } from 'react'
import type { InstanceView } from '../../../../src/wire/api.ts'
import { appInstancesQuery } from '../../api/app-queries.ts'
import type { AppPlace } from '../../api/queries.ts'
import { InstanceMark } from '../../marks/instance-mark.tsx'
import { Moment } from '../../marks/moment.tsx'
import { Empty, FailureNotice, Panel } from '../../marks/panel.tsx'
import { plural } from '../../words/numbers.ts'
import { asSentence } from '../../words/sentences.ts'
import styles from './instances.module.css'

const route = getRouteApi('/signed-in/apps/$environment/$tenant/$app')

/** A line's height in pixels, as instances.module.css has it. */
const linePx = 52

/** The instances of the app, those that have ended too where asked for. */
export function InstancesPart({ at }: { readonly at: AppPlace }) {
  const { ended = false, service } = route.useSearch()
  const { data: all, error } = useQuery(appInstancesQuery(at, ended))
  const shown = all?.filter((one) => service === undefined || one.service === service)
  return (
    <Panel
      title="Instances"
      note={shown === undefined ? '\u00a0' : plural(shown.length, 'instance')}
    >
      <Filter at={at} services={[...new Set(all?.map((one) => one.service))].toSorted()} />
      {error !== null && all === undefined && <FailureNotice error={error} />}
      {all === undefined && error === null && <Skeleton height={300} />}
      {shown?.length === 0 && (
        <Empty title="No instance" command={`roadstead ps ${at.app}`}>
          Instances stand here as soon as a rollout, a start or a job makes some:
        </Empty>
      )}
      {shown !== undefined && shown.length > 0 && <Lines instances={shown} />}
    </Panel>
  )
}

function Filter({ at, services }: { readonly at: AppPlace; readonly services: readonly string[] }) {
  const search = route.useSearch()
  const navigate = useNavigate()
  const choose = (change: { service?: string | undefined; ended?: boolean | undefined }): void => {
    const to = '/apps/$environment/$tenant/$app'
    void navigate({ to, params: at, search: { ...search, ...change }, replace: true })
  }
  return (
    <div className={styles.filter}>
      <label>
        Service{' '}
        <select
          value={search.service ?? ''}
          onChange={({ currentTarget: { value } }) =>
            choose({ service: value === '' ? undefined : value })
          }
        >
          <option value="">all</option>
          {services.map((name) => (
            <option key={name}>{name}</option>
          ))}
          {search.service !== undefined && !services.includes(search.service) && (
            <option>{search.service}</option>
          )}
        </select>
      </label>
      <Switch
        size="sm"
        label="Ended ones too"
        checked={search.ended ?? false}
        onChange={({ currentTarget: { checked } }) => choose({ ended: checked || undefined })}
      />
    </div>
  )
}

function Lines({ instances }: { readonly instances: readonly InstanceView[] }) {
  const frame = useRef<HTMLDivElement>(null)
  const lines = useVirtualizer({
    count: instances.length,
    getScrollElement: () => frame.current,
    estimateSize: () => linePx,
    overscan: 12,
  })
  return (
    <div
      ref={frame}
      className={styles.frame}
      role="table"
      aria-label="Instances"
      aria-rowcount={instances.length + 1}
      tabIndex={0}
    >
      <div role="row" className={`${styles.line} ${styles.heads}`}>
        {['Instance', 'State', 'Where', 'Since', 'Why'].map((name) => (
          <span key={name} role="columnheader">
            {name}
          </span>
        ))}
      </div>
      <div role="rowgroup" className={styles.water} style={{ height: lines.getTotalSize() }}>
        {lines.getVirtualItems().map(({ index, start }) => {
          const instance = instances[index]
          if (instance === undefined) return null
          return <Line key={instance.id} instance={instance} index={index} topPx={start} />
        })}
      </div>
    </div>
  )
}

function Line(props: {
  readonly instance: InstanceView
  readonly index: number
  readonly topPx: number
}) {
  const { instance, index, topPx } = props
  const { id, service, purpose, pool, placement, observed, ended, createdAt } = instance
  const because = ended?.because ?? observed?.because ?? instance.unplaced?.because
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={styles.line}
      style={{ transform: `translateY(${topPx}px)` }}
    >
      <span role="cell" className={styles.name}>
        <Link to="/instances/$id" params={{ id }}>
          {service} <code>{id}</code>
        </Link>
        <small>{purpose === 'job' ? 'a job’s attempt' : pool}</small>
      </span>
      <span role="cell">
        <InstanceMark instance={instance} />
      </span>
      <span role="cell" className={styles.where}>
        {placement === null ? 'nowhere' : placement.nodeId}
      </span>
      <span role="cell" className={styles.since}>
        <Moment at={ended?.at ?? observed?.since ?? createdAt} />
      </span>
      <span role="cell" className={styles.why} title={because ?? instance.because}>
        {asSentence(because ?? instance.because)}
      </span>
    </div>
  )
}
