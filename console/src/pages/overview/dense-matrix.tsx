import { useNavigate } from '@tanstack/react-router'
import { memo, useMemo, type MouseEvent } from 'react'
import type { AppView } from '../../../../src/wire/api.ts'
import { healthIcons } from '../../marks/state-mark.tsx'
import { Icon } from '../../marks/icon.tsx'
import { curveName } from '../../traffic/history.ts'
import { plural } from '../../words/numbers.ts'
import { healthWords, releaseWord } from '../../words/states.ts'
import styles from './dense-matrix.module.css'

/**
 * The matrix where it is large: a row for each app in each environment, a column for each tenant,
 * in a cell the version, the health, and where it is not as its manifest says. A cell is drawn anew
 * only when one of these changes.
 */
export function DenseMatrix(props: {
  readonly apps: readonly AppView[]
  readonly chosen: AppView | undefined
}) {
  const { apps, chosen } = props
  const navigate = useNavigate()
  const { tenants, rows } = useMemo(() => rowsOf(apps), [apps])
  const chosenName = chosen === undefined ? undefined : curveName(chosen.at)
  const onClick = (event: MouseEvent): void => {
    const link = (event.target as Element).closest<HTMLElement>('a[data-at]')
    if (link === null || event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    void navigate({ to: '/', search: { at: link.dataset['at'] }, resetScroll: false })
  }
  return (
    <div className={styles.frame} role="group" aria-label="Matrix" tabIndex={0}>
      <table className={styles.matrix} aria-label="Apps and cells" onClick={onClick}>
        <thead>
          <tr>
            <th scope="col">app</th>
            <th scope="col">environment</th>
            {tenants.map((tenant) => (
              <th key={tenant} scope="col">
                {tenant}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ app, environment, isFirst, places }) => (
            <tr key={`${app} ${environment}`} data-first={isFirst}>
              <th scope="row">{isFirst ? app : <span className="visually-hidden">{app}</span>}</th>
              <td className={styles.environment}>{environment}</td>
              {tenants.map((tenant) => {
                const place = places.get(tenant)
                const name = `${environment}/${tenant}/${app}`
                return (
                  <td key={tenant}>
                    {place !== undefined && (
                      <Cell name={name} isChosen={name === chosenName} {...factsOf(place)} />
                    )}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface Facts {
  readonly version: string
  readonly health: AppView['health']
  readonly ready: number
  readonly wanted: number
  readonly drift: number
}

const Cell = memo(function Cell(
  props: Facts & { readonly name: string; readonly isChosen: boolean },
) {
  const { name, isChosen, version, health, ready, wanted, drift } = props
  const { word, tone } = healthWords[health]
  const drifted = drift > 0 ? `, ${plural(drift, 'difference')} by hand` : ''
  const says = `${name}, ${version}: ${word}, ${ready} of ${wanted} ready${drifted}`
  return (
    <a
      href={`/?at=${encodeURIComponent(name)}`}
      className={styles.cell}
      data-at={name}
      data-tone={tone}
      aria-current={isChosen}
      aria-label={says}
      title={says}
    >
      <Icon name={healthIcons[health]} />
      <span>{version}</span>
      {ready < wanted && (
        <small>
          {ready}/{wanted}
        </small>
      )}
      {drift > 0 && <small aria-hidden="true">±</small>}
    </a>
  )
})

function factsOf({ version, releaseNumber, health, services, drift }: AppView): Facts {
  let ready = 0
  let wanted = 0
  for (const service of services) {
    ready += Math.min(service.ready, service.wanted)
    wanted += service.wanted
  }
  const word = releaseWord(version, releaseNumber)
  return { version: word, health, ready, wanted, drift: drift.length }
}

interface Row {
  readonly app: string
  readonly environment: string
  readonly isFirst: boolean
  readonly places: ReadonlyMap<string, AppView>
}

function rowsOf(apps: readonly AppView[]) {
  const places = new Map<string, Map<string, AppView>>()
  for (const app of apps) {
    const row = `${app.at.app} ${app.at.environment}`
    const known = places.get(row) ?? new Map<string, AppView>()
    known.set(app.at.tenant, app)
    places.set(row, known)
  }
  const tenants = [...new Set(apps.map(({ at }) => at.tenant))].toSorted()
  const rows: Row[] = []
  for (const name of [...places.keys()].toSorted()) {
    const [app = '', environment = ''] = name.split(' ')
    const isFirst = rows.at(-1)?.app !== app
    rows.push({ app, environment, isFirst, places: places.get(name) ?? new Map() })
  }
  return { tenants, rows }
}
