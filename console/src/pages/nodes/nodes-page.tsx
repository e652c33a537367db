import { Skeleton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { useCallback, useDeferredValue, useMemo, useState, useSyncExternalStore } from 'react'
import type { NodeView } from '../../../../src/wire/api.ts'
import { fleet, type FleetInstance } from '../../api/fleet.ts'
import { nodesQuery } from '../../api/queries.ts'
import { Empty, FailureNotice } from '../../marks/panel.tsx'
import { count, plural } from '../../words/numbers.ts'
import { AttentionPanel } from './attention-panel.tsx'
import { NodePanel } from './node-panel.tsx'
import { zonesOf, type Measure } from './packing.ts'
import { PointedCard } from './pointed-card.tsx'
import { ZonePicture, type Pointed } from './zone-picture.tsx'
import styles from './nodes.module.css'

const route = getRouteApi('/signed-in/nodes')

/** The machines as a picture: what of each is reserved, by whom, and which of them need a look. */
export function NodesPage() {
  const { data: nodes, error } = useQuery(nodesQuery)
  const { phase, error: fleetError, unplaced } = useSyncExternalStore(fleet.subscribe, fleet.state)
  return (
    <>
      <title>Nodes · Roadstead</title>
      <div className={styles.head}>
        <h1>Nodes</h1>
        <p>{nodes === undefined ? '\u00a0' : sentenceOf(nodes, unplaced)}</p>
      </div>
      {error !== null && nodes === undefined && <FailureNotice error={error} />}
      {phase === 'failed' && <FailureNotice error={fleetError} />}
      {nodes === undefined && error === null && <Skeleton height={420} />}
      {nodes?.length === 0 && (
        <Empty title="No node has joined" command="roadstead agent">
          An agent registers the machine that it runs on:
        </Empty>
      )}
      {nodes !== undefined && nodes.length > 0 && <Fleet nodes={nodes} unplaced={unplaced} />}
    </>
  )
}

function Fleet(props: { readonly nodes: readonly NodeView[]; readonly unplaced: number }) {
  const { nodes, unplaced } = props
  const { node: chosen, instance, by = 'cpu', q } = route.useSearch()
  const navigate = route.useNavigate()
  const [pointed, setPointed] = useState<Pointed>()
  const zones = useMemo(() => zonesOf(nodes), [nodes])
  const sought = useDeferredValue(q)
  const isSought = useCallback(
    (one: FleetInstance) => sought === undefined || nameOf(one).includes(sought),
    [sought],
  )
  const choose = useCallback(
    (nodeId: string | undefined, instanceId?: string) =>
      void navigate({
        search: (before) => ({ ...before, node: nodeId, instance: instanceId }),
        resetScroll: false,
      }),
    [navigate],
  )
  const seek = (text: string): void =>
    void navigate({
      search: (before) => ({ ...before, q: text === '' ? undefined : text }),
      replace: true,
      resetScroll: false,
    })
  const node = nodes.find(({ id }) => id === chosen)
  return (
    <div className={styles.page}>
      <div className={styles.picture}>
        <Tools by={by} sought={q ?? ''} onSeek={seek} />
        <Legend />
        {zones.map(([zone, members]) => (
          <ZonePicture
            key={zone}
            zone={zone}
            nodes={members}
            nodesInAll={nodes.length}
            by={by}
            isSought={isSought}
            chosen={chosen}
            onChoose={choose}
            onPoint={setPointed}
          />
        ))}
      </div>
      <div className={styles.side}>
        {node !== undefined && <NodePanel node={node} instanceId={instance} onClose={choose} />}
        {node === undefined && chosen !== undefined && (
          <Empty title={`There is no node ${chosen}`}>
            It was taken out, or the address is of another roadstead.
          </Empty>
        )}
        <AttentionPanel nodes={nodes} unplaced={unplaced} />
      </div>
      <PointedCard pointed={pointed} />
    </div>
  )
}

function Tools(props: {
  readonly by: Measure
  readonly sought: string
  readonly onSeek: (text: string) => void
}) {
  const navigate = route.useNavigate()
  const measure = (by: Measure): void =>
    void navigate({ search: (before) => ({ ...before, by }), replace: true, resetScroll: false })
  return (
    <div className={styles.tools}>
      <fieldset className={styles.switch}>
        <legend className="visually-hidden">Filled by</legend>
        {(['cpu', 'memory'] as const).map((by) => (
          <label key={by}>
            <input
              type="radio"
              name="measure"
              checked={props.by === by}
              onChange={() => measure(by)}
            />
            <span>{by}</span>
          </label>
        ))}
      </fieldset>
      <input
        type="search"
        className={styles.seek}
        placeholder="Light up a service: prod/cz/shop/web"
        aria-label="Light up instances whose service or id contains"
        value={props.sought}
        onChange={(event) => props.onSeek(event.currentTarget.value)}
      />
    </div>
  )
}

const legend = [
  { tone: 'good', word: 'ready' },
  { tone: 'moving', word: 'starting or warming up' },
  { tone: 'warning', word: 'in maintenance' },
  { tone: 'bad', word: 'in trouble' },
  { tone: 'quiet', word: 'draining, or not heard of' },
] as const

function Legend() {
  return (
    <ul className={styles.legend} aria-label="What the colours mean">
      {legend.map(({ tone, word }) => (
        <li key={tone} data-tone={tone}>
          <span className={styles.swatch} data-tone={tone} />
          {word}
        </li>
      ))}
    </ul>
  )
}

/** `prod/cz/shop/web i-7k3`: what a search may find it by. */
function nameOf({ id, service: { at, service } }: FleetInstance): string {
  return `${at.environment}/${at.tenant}/${at.app}/${service} ${id}`
}

function sentenceOf(nodes: readonly NodeView[], unplaced: number): string {
  const zones = new Set(nodes.map(({ zone }) => zone)).size
  const lost = nodes.filter(({ status }) => status === 'lost').length
  const held = nodes.reduce((sum, { reserved }) => sum + reserved.instances, 0)
  const parts = [
    `${plural(nodes.length, 'node')} in ${plural(zones, 'zone')}`,
    plural(held, 'instance'),
  ]
  if (unplaced > 0) parts.push(`${count(unplaced)} without a place`)
  parts.push(lost === 0 ? 'all are heard' : `${count(lost)} lost`)
  return parts.join(' · ')
}
