import Type, { type Static } from 'typebox'
import { keyOf, type Key } from '../../base/key.ts'

/** A cell is one environment for one tenant: the place that a release is carried into. */
export const Cell = Type.Object({ tenant: Type.String(), environment: Type.String() })
export type Cell = Static<typeof Cell>

/** The cell of a platform without environments. */
export const localCell: Cell = { tenant: 'default', environment: 'local' }

/** Names of tenants, environments, apps and services: a DNS label of at most 40 characters. */
export const namePattern = '^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$'

/** A cell as people write it: `prod/cz`. */
export function cellName(cell: Cell): string {
  return `${cell.environment}/${cell.tenant}`
}

/** Where one app runs: the identity that app records, rollouts and listeners share. */
export const AppCell = Type.Object({
  tenant: Type.String(),
  environment: Type.String(),
  app: Type.String(),
})
export type AppCell = Static<typeof AppCell>

/** `prod/cz/webshop`: the control loops' key for one app in one cell. */
export function appCellName(at: AppCell): string {
  return `${at.environment}/${at.tenant}/${at.app}`
}

/** The inverse of `appCellName`. */
export function appCellOf(name: string): AppCell {
  const [environment = '', tenant = '', app = ''] = name.split('/')
  return { environment, tenant, app }
}

/** A span without releases: as it was written, and as instants (wall ms; `until` is not in it). */
export const Freeze = Type.Object({
  from: Type.String(),
  until: Type.String(),
  timezone: Type.String(),
  fromAt: Type.Number(),
  untilAt: Type.Number(),
})
export type Freeze = Static<typeof Freeze>

/** What a release has to pass before it goes out in an environment; empty: nothing. */
export const Gate = Type.Object({
  approve: Type.Optional(
    Type.Object({
      /** Whoever holds this role may approve. */
      role: Type.String(),
      /** How many different people. */
      people: Type.Integer(),
      /** Nobody who made the change. */
      notAuthor: Type.Boolean(),
    }),
  ),
  freeze: Type.Optional(Type.Array(Freeze)),
})
export type Gate = Static<typeof Gate>

/** The operators' file as the server keeps it: what it says goes before any that is sent along. */
export const KeptPlatform = Type.Object({
  /** platform.yaml as it was applied. */
  text: Type.String(),
  /** The sha256 of the text. */
  digest: Type.String(),
  /** By environment. */
  gates: Type.Record(Type.String(), Gate),
  appliedBy: Type.String(),
  /** Wall ms. */
  appliedAt: Type.Number(),
})
export type KeptPlatform = Static<typeof KeptPlatform>

/** There is one. */
export const platformKey: Key = keyOf({ kind: 'platform', name: 'platform' })
