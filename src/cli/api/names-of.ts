import type { Cell } from '../../parts/tenants/model.ts'
import type { AppView } from '../../wire/api.ts'
import type { ApiClient } from './client.ts'

/** Rollouts and runs that are offered: the newest, of which a person may mean one. */
const newestMax = 50

/** What has names that a command line may hold. */
export type NameKind =
  | 'apps'
  | 'services'
  | 'instances'
  | 'jobs'
  | 'rollouts'
  | 'runs'
  | 'nodes'
  | 'cells'
  | 'objects'

type Asker = (client: ApiClient, cell: Cell) => Promise<string[]>

const askers: Readonly<Record<NameKind, Asker>> = {
  apps: async (client, cell) => (await appsIn(client, cell)).map(({ at }) => at.app),
  /** A whole app stands for all of its services. */
  services: async (client, cell) =>
    (await appsIn(client, cell)).flatMap(({ at, services }) => [
      at.app,
      ...services.flatMap(({ name }) => [name, `${at.app}/${name}`]),
    ]),
  instances: async (client, cell) => (await client.instances({ ...cell })).map(({ id }) => id),
  jobs: async (client, cell) => {
    const apps = await appsIn(client, cell)
    const jobs = (await Promise.all(apps.map(({ at }) => client.jobs(at)))).flat()
    return jobs.flatMap(({ at, spec }) => [spec.name, `${at.app}/${spec.name}`])
  },
  rollouts: async (client) => (await client.rollouts(newestMax)).map(({ id }) => id),
  runs: async (client) => (await client.runs(newestMax)).map(({ id }) => id),
  nodes: async (client) => (await client.nodes()).map(({ id }) => id),
  cells: async (client) => (await client.apps()).map(({ at }) => `${at.environment}/${at.tenant}`),
  objects: async (client, cell) => {
    const kinds = ['services', 'instances', 'rollouts', 'nodes'] as const
    return (await Promise.all(kinds.map((kind) => namesOf(client, cell, kind)))).flat()
  },
}

export function isNameKind(kind: string): kind is NameKind {
  return Object.hasOwn(askers, kind)
}

/** All names of a kind that the server knows in a cell. */
export function namesOf(client: ApiClient, cell: Cell, kind: NameKind): Promise<string[]> {
  return askers[kind](client, cell)
}

async function appsIn(client: ApiClient, cell: Cell): Promise<AppView[]> {
  const apps = await client.apps()
  return apps.filter(({ at }) => at.environment === cell.environment && at.tenant === cell.tenant)
}
