import { useElementSize } from '@mantine/hooks'
import { useEffect, useMemo, useState } from 'react'
import type { RolloutView } from '../../../../src/wire/api.ts'
import { Empty, Panel } from '../../marks/panel.tsx'
import { isOver, releaseWord } from '../../words/states.ts'
import {
  lastPicture,
  layHarbour,
  shipHeightPx,
  shipWidthPx,
  trimOf,
  waters,
  waterShares,
  type Berth,
  type Ship,
  type Water,
} from './harbour-layout.ts'
import styles from './harbour.module.css'

const waterNames: Readonly<Record<Water, string>> = {
  maintenance: 'Maintenance',
  online: 'Online',
  draining: 'Leaving',
}

/** As long as the ship's way out takes in harbour.module.css. */
const departureMs = 900

/** The picture of the pools: new ships are made ready in maintenance, go online, old ones leave. */
export function HarbourPanel({ rollout }: { readonly rollout: RolloutView }) {
  const ships = usePools(rollout)
  const services = servicesOf(rollout, ships)
  if (services.length === 0 && isOver(rollout.state)) return null
  return (
    <Panel title="Pools" note={<Legend rollout={rollout} />}>
      {services.length === 0 ? (
        <Empty title="No ship has moved">The pools fill as soon as the rollout begins.</Empty>
      ) : (
        <Picture services={services} ships={ships} />
      )}
    </Panel>
  )
}

function Picture(props: { readonly services: readonly string[]; readonly ships: readonly Ship[] }) {
  const { ref, width } = useElementSize()
  const departing = useDeparting(props.ships)
  return (
    <div className={styles.frame}>
      <div ref={ref} className={styles.names} style={columns}>
        {waters.map((water) => (
          <span key={water}>{waterNames[water]}</span>
        ))}
      </div>
      <ul className={styles.services}>
        {props.services.map((service) => (
          <Service
            key={service}
            name={service}
            ships={props.ships.filter((ship) => ship.service === service)}
            departing={departing.filter((ship) => ship.service === service)}
            widthPx={width}
          />
        ))}
      </ul>
    </div>
  )
}

const columns = {
  gridTemplateColumns: waters.map((water) => `${waterShares[water]}fr`).join(' '),
}

function Legend({ rollout }: { readonly rollout: RolloutView }) {
  const before = rollout.fromVersion
  return (
    <span className={styles.legend}>
      <span>
        <Hull kind="new" /> {releaseWord(rollout.version, rollout.releaseNumber)}, new
      </span>
      {rollout.fromReleaseId !== null && (
        <span>
          <Hull kind="old" /> {before === null || before === '' ? 'before' : `${before}, before`}
        </span>
      )}
    </span>
  )
}

function Service(props: {
  readonly name: string
  readonly ships: readonly Ship[]
  readonly departing: readonly Ship[]
  readonly widthPx: number
}) {
  const { name, ships, departing, widthPx } = props
  const { berths, heightPx, beyond } = layHarbour(ships, widthPx)
  return (
    <li className={styles.service}>
      <h3 className={styles.serviceName}>{name}</h3>
      <div className={styles.waters} style={{ height: heightPx }}>
        <div className={styles.grounds} style={columns}>
          {waters.map((water) => (
            <Ground
              key={water}
              water={water}
              count={ships.filter((ship) => ship.pool === water).length}
              beyond={beyond[water]}
            />
          ))}
        </div>
        <ul className={styles.ships} aria-label={`Instances of ${name}`}>
          {berths.map((berth) => (
            <Token key={berth.ship.instanceId} berth={berth} isGone={false} />
          ))}
          {departing.map((ship) => (
            <Token
              key={ship.instanceId}
              berth={{ ship, x: widthPx, y: heightPx / 2 - shipHeightPx / 2 }}
              isGone
            />
          ))}
        </ul>
      </div>
    </li>
  )
}

function Ground(props: { readonly water: Water; readonly count: number; readonly beyond: number }) {
  return (
    <div className={styles.ground} data-water={props.water}>
      <span className={styles.count}>
        <span className="visually-hidden">{waterNames[props.water]}: </span>
        {props.count}
        {props.beyond > 0 && <small> ({props.beyond} more)</small>}
      </span>
    </div>
  )
}

function Token({ berth, isGone }: { readonly berth: Berth; readonly isGone: boolean }) {
  const { ship, x, y } = berth
  const age = ship.successor ? 'new' : 'old'
  const words = `${ship.instanceId}, ${age}, ${waterNames[ship.pool].toLowerCase()}, ${ship.state}`
  return (
    <li
      className={styles.token}
      data-trim={trimOf(ship)}
      data-age={age}
      data-gone={isGone}
      data-pool={ship.pool}
      aria-hidden={isGone}
      title={words}
      style={{ transform: `translate(${x}px, ${y}px)` }}
    >
      <Hull kind={age} />
      <span className="visually-hidden">{words}</span>
    </li>
  )
}

/** A hull from above, bow to the right; old ones are hollow, so that colour is not needed. */
function Hull({ kind }: { readonly kind: 'new' | 'old' }) {
  return (
    <svg
      className={styles.hull}
      data-age={kind}
      width={shipWidthPx}
      height={shipHeightPx}
      viewBox="0 0 44 22"
      aria-hidden="true"
      focusable="false"
    >
      <path
        className={styles.side}
        d="M5 2.5h21c7 0 12.5 4 15.5 8.5-3 4.5-8.5 8.5-15.5 8.5H5c-2-2.5-3-5.4-3-8.5s1-6 3-8.5z"
      />
      <path className={styles.deck} d="M9 7.5h7v7H9zM20 7.5h6v7h-6z" />
    </svg>
  )
}

/** The pools while it runs; afterwards how they were left, if somebody looked on till then. */
function usePools(rollout: RolloutView): readonly Ship[] {
  const { pools, state } = rollout
  const [seen, setSeen] = useState(pools)
  if (pools !== seen && pools.length > 0) setSeen(pools)
  return useMemo(() => (isOver(state) ? lastPicture(seen, state) : pools), [seen, pools, state])
}

interface Departure {
  readonly ship: Ship
  readonly at: number
}

/** Ships that have gone since the last answer, kept until they have sailed out of the picture. */
function useDeparting(ships: readonly Ship[]): readonly Ship[] {
  const [before, setBefore] = useState(ships)
  const [departures, setDepartures] = useState<readonly Departure[]>([])
  if (before !== ships) {
    // While rendering, not in an effect: a ship that was away for a frame could not sail on.
    setBefore(ships)
    setDepartures(departuresOf(before, ships, departures, Date.now()))
  }
  useEffect(() => {
    if (departures.length === 0) return
    const timer = setTimeout(() => setDepartures([]), departureMs)
    return () => clearTimeout(timer)
  }, [departures])
  return departures.map(({ ship }) => ship)
}

function departuresOf(
  before: readonly Ship[],
  ships: readonly Ship[],
  departures: readonly Departure[],
  now: number,
): readonly Departure[] {
  const here = new Set(ships.map(({ instanceId }) => instanceId))
  const gone = before.map((ship) => ({ ship, at: now }))
  const underWay = departures.filter(({ at }) => now - at < departureMs)
  return [...gone, ...underWay].filter(({ ship }) => !here.has(ship.instanceId))
}

/** Services that have ships or are to be changed, in the order of the rollout. */
function servicesOf(rollout: RolloutView, ships: readonly Ship[]): readonly string[] {
  const changed = rollout.targets.map(({ service }) => service)
  return [...new Set([...(ships.length > 0 ? changed : []), ...ships.map((ship) => ship.service)])]
}
