import Type, { type Static } from 'typebox'

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
