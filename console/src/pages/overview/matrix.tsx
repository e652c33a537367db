import { Link } from '@tanstack/react-router'
import type { AppView } from '../../../../src/wire/api.ts'
import { HealthMark } from '../../marks/state-mark.tsx'
import { Pips } from '../../marks/pips.tsx'
import { Chart } from '../../traffic/chart.tsx'
import { curveName } from '../../traffic/history.ts'
import { rate } from '../../words/numbers.ts'
import { releaseWord } from '../../words/states.ts'
import styles from './matrix.module.css'

/** Apps down, cells across. With one cell a tile has the whole width and shows more in one line. */
export function Matrix(props: {
  readonly apps: readonly AppView[]
  readonly chosen: AppView | undefined
}) {
  const { apps, chosen } = props
  const cells = sorted(apps.map(cellOf))
  const names = sorted(apps.map(({ at }) => at.app))
  const places = new Map(apps.map((app) => [`${cellOf(app)}/${app.at.app}`, app]))
  // The roles are spelt out, since the narrow layout makes blocks of the table.
  return (
    <div
      role="table"
      aria-label="Apps and cells"
      className={styles.matrix}
      style={{ '--cells': cells.length }}
    >
      <div role="row" className={styles.row} data-head>
        <span role="columnheader" className={styles.corner}>
          <span className="visually-hidden">App</span>
        </span>
        {cells.map((cell) => (
          <span key={cell} role="columnheader" className={styles.cellName}>
            {cell}
          </span>
        ))}
      </div>
      {names.map((name) => (
        <div role="row" className={styles.row} key={name}>
          <span role="rowheader" className={styles.appName}>
            {name}
          </span>
          {cells.map((cell) => {
            const app = places.get(`${cell}/${name}`)
            return (
              <div role="cell" key={cell} className={styles.place} data-empty={app === undefined}>
                {app === undefined ? (
                  <span aria-label="not here">–</span>
                ) : (
                  <Tile app={app} isChosen={app === chosen} />
                )}
              </div>
            )
          })}
        </div>
      ))}
    </div>
  )
}

function Tile({ app, isChosen }: { readonly app: AppView; readonly isChosen: boolean }) {
  const { at, traffic } = app
  const name = curveName(at)
  return (
    <article className={styles.tile} data-chosen={isChosen}>
      <div className={styles.release}>
        <Link
          to="/"
          search={(before) => ({ ...before, at: name })}
          className={styles.version}
          aria-label={`${name}, ${releaseWord(app.version, app.releaseNumber)}`}
          aria-current={isChosen}
          resetScroll={false}
          activeProps={{}}
        >
          {releaseWord(app.version, app.releaseNumber)}
        </Link>
        <span className={styles.number}>
          <span className={styles.cellHint}>{cellOf(app)} </span>
          {app.releaseNumber !== null && `release ${app.releaseNumber}`}
        </span>
      </div>
      <div className={styles.state}>
        <HealthMark health={app.health} />
        {app.rolloutId !== null && (
          <Link
            to="/rollouts/$environment/$tenant/$app/$id"
            params={{ ...at, id: app.rolloutId }}
            className={styles.rollout}
          >
            Watch it
          </Link>
        )}
      </div>
      <ul className={styles.services} aria-label="Services">
        {app.services.map((service) => (
          <li key={service.name} className={styles.service}>
            <Pips service={service} />
          </li>
        ))}
      </ul>
      <div className={styles.spark}>
        <Chart name={name} look="spark" label={`Traffic of ${name}`} />
      </div>
      <div className={styles.rates}>
        <span className={styles.rate}>
          <b>{rate(traffic?.requestsPerSecond ?? 0)}</b> req/s
        </span>
        <Failures perSecond={traffic?.failedPerSecond ?? 0} />
      </div>
    </article>
  )
}

function Failures({ perSecond }: { readonly perSecond: number }) {
  return (
    <span className={styles.failures} data-failing={perSecond > 0}>
      {perSecond > 0 ? `▲ ${rate(perSecond)}` : '0'} failed/s
    </span>
  )
}

function cellOf({ at }: AppView): string {
  return `${at.environment}/${at.tenant}`
}

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].toSorted()
}
