import type { AppView } from '../../../../src/wire/api.ts'
import { curveName } from '../../traffic/history.ts'
import { releaseWord } from '../../words/states.ts'

/** What the large matrix shows of all apps: which of them fit, their rows, and ways between cells. */

/** What an operator may want to see alone. */
export const onlyWords = {
  wrong: 'Not as it should be',
  hand: 'Changed by hand',
  rolling: 'Rolling out',
  stopped: 'Stopped',
} as const

export type Only = keyof typeof onlyWords

/** One of them; anything else is left out. */
export function onlyOf(value: unknown): Only | undefined {
  return Object.keys(onlyWords).find((word): word is Only => word === value)
}

/** What the address says of the overview. */
export interface OverviewSearch {
  /** The app that is looked at: `prod/cz/shop`. */
  readonly at?: string | undefined
  /** Words that the app's place or version must contain. */
  readonly q?: string | undefined
  readonly only?: Only | undefined
}

export interface Row {
  readonly app: string
  readonly environment: string
  readonly isFirst: boolean
  /** By tenant. */
  readonly places: ReadonlyMap<string, AppView>
  /** The version that most of the row's cells have; the others are told apart. */
  readonly version: string
}

export interface Rows {
  readonly tenants: readonly string[]
  readonly rows: readonly Row[]
  /** Characters of the longest version that most of a row's cells have, 14 at the most. */
  readonly versionChars: number
}

/** A longer version is cut; its cell's title tells all of it. */
const versionCharsMax = 14

/** Whether somebody should look: it fails, or is not as its manifest says. */
export function isWrong({ health, drift }: AppView): boolean {
  return health === 'degraded' || health === 'down' || drift.length > 0
}

/** Those that fit, in the order that they came. */
export function fitting(
  apps: readonly AppView[],
  { q = '', only }: OverviewSearch,
): readonly AppView[] {
  const words = q.toLowerCase().split(/\s+/)
  return apps.filter((app) => isOnly(app, only) && isNamed(app, words))
}

function isOnly(app: AppView, only: Only | undefined): boolean {
  switch (only) {
    case undefined:
      return true
    case 'wrong':
      return isWrong(app)
    case 'hand':
      return app.drift.length > 0
    case 'rolling':
    case 'stopped':
      return app.health === only
  }
}

function isNamed({ at, version, releaseNumber }: AppView, words: readonly string[]): boolean {
  const name = `${curveName(at)} ${releaseWord(version, releaseNumber)}`.toLowerCase()
  return words.every((word) => name.includes(word))
}

/** A row for each app in each environment, a column for each tenant. */
export function rowsOf(apps: readonly AppView[]): Rows {
  const places = new Map<string, Map<string, AppView>>()
  for (const app of apps) {
    const row = `${app.at.app} ${app.at.environment}`
    const known = places.get(row) ?? new Map<string, AppView>()
    known.set(app.at.tenant, app)
    places.set(row, known)
  }
  const tenants = [...new Set(apps.map(({ at }) => at.tenant))].toSorted()
  const rows: Row[] = []
  for (const [name, own] of [...places].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const [app = '', environment = ''] = name.split(' ')
    const isFirst = rows.at(-1)?.app !== app
    rows.push({ app, environment, isFirst, places: own, version: commonVersion(own) })
  }
  const versionChars = rows.reduce((most, { version }) => Math.max(most, version.length), 0)
  return { tenants, rows, versionChars: Math.min(versionCharsMax, versionChars) }
}

function commonVersion(places: ReadonlyMap<string, AppView>): string {
  const counts = new Map<string, number>()
  for (const { version, releaseNumber } of places.values()) {
    const word = releaseWord(version, releaseNumber)
    counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? ''
}

/** Where in the rows an app stands, as `prod/cz/shop`. */
export function placeOf({ rows }: Rows, name: string | undefined): number {
  const [environment = '', tenant = '', app = ''] = name?.split('/') ?? []
  return rows.findIndex(
    (row) => row.app === app && row.environment === environment && row.places.has(tenant),
  )
}

/** Rows that Page Up and Page Down go. */
const pageRows = 20

/** The cell that a key leads to from a cell; undefined where it leads nowhere, or is another key. */
export function step(all: Rows, from: string, key: string, isWide: boolean): string | undefined {
  const { rows, tenants } = all
  const index = placeOf(all, from)
  const row = rows[index]
  if (row === undefined) return undefined
  const tenant = from.split('/')[1] ?? ''
  const own = tenants.filter((one) => row.places.has(one))
  const column = own.indexOf(tenant)
  switch (key) {
    case 'ArrowLeft':
      return nameIn(row, own[column - 1])
    case 'ArrowRight':
      return nameIn(row, own[column + 1])
    case 'Home':
      return isWide ? nearIn(rows[0], all, tenants[0]) : nameIn(row, own[0])
    case 'End':
      return isWide ? nearIn(rows.at(-1), all, tenants.at(-1)) : nameIn(row, own.at(-1))
    case 'ArrowUp':
      return nearIn(rows[index - 1], all, tenant)
    case 'ArrowDown':
      return nearIn(rows[index + 1], all, tenant)
    case 'PageUp':
      return nearIn(rows[Math.max(0, index - pageRows)], all, tenant)
    case 'PageDown':
      return nearIn(rows[Math.min(rows.length - 1, index + pageRows)], all, tenant)
    default:
      return undefined
  }
}

/** The row's cell of that tenant, or the nearest one where there is none. */
function nearIn(row: Row | undefined, { tenants }: Rows, tenant = ''): string | undefined {
  if (row === undefined) return undefined
  const wanted = tenants.indexOf(tenant)
  const own = tenants.filter((one) => row.places.has(one))
  const far = (one: string): number => Math.abs(tenants.indexOf(one) - wanted)
  return nameIn(row, own.toSorted((a, b) => far(a) - far(b))[0])
}

function nameIn(row: Row, tenant: string | undefined): string | undefined {
  return tenant === undefined ? undefined : `${row.environment}/${tenant}/${row.app}`
}

/** The first cell of all. */
export function firstOf(all: Rows): string | undefined {
  return nearIn(all.rows[0], all, all.tenants[0])
}
