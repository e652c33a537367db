import { Refusal } from '../../base/errors.ts'
import type { AppCell, Cell } from '../../parts/tenants/model.ts'
import type { AppView, InstanceView, ServiceView } from '../../wire/api.ts'

/**
 * What people type becomes what it names: `storefront`, `shop/storefront`, `shop`, `i-7k3`. Short
 * forms are taken where only one thing fits; otherwise the refusal lists what does.
 */

/** Candidates that a refusal lists at the most. */
const listedMax = 8

/** An app in the cell: the one named, or the only one there is. */
export function resolveApp(
  text: string | undefined,
  apps: readonly AppView[],
  cell: Cell,
): AppView {
  const here = appsIn(apps, cell)
  if (text === undefined) {
    const [only] = here
    if (only !== undefined && here.length === 1) return only
    if (only === undefined) throw noApps(cell)
    throw new Refusal('app-ambiguous', `which app? ${nameOf(cell)} has ${here.length}`, {
      hint: `name one of: ${listed(here.map((app) => app.at.app))}`,
    })
  }
  const found = here.find((app) => app.at.app === text)
  if (found !== undefined) return found
  if (here.length === 0) throw noApps(cell)
  const names = here.map((app) => app.at.app)
  throw new Refusal('app-unknown', `there is no app "${text}" in ${nameOf(cell)}`, {
    status: 404,
    hint: `there ${here.length === 1 ? 'is' : 'are'}: ${listed(names)}`,
  })
}

/** A service of an app in the cell, as `app/service`, or as `service` where one app has it. */
export function resolveService(
  text: string,
  apps: readonly AppView[],
  cell: Cell,
): { readonly app: AppView; readonly service: ServiceView } {
  const [first = '', second, ...rest] = text.split('/')
  if (rest.length > 0) throw notFound(text, apps, cell)
  const within = second === undefined ? appsIn(apps, cell) : [resolveApp(first, apps, cell)]
  const wanted = second ?? first
  const found = within.flatMap((app) =>
    app.services.filter((service) => service.name === wanted).map((service) => ({ app, service })),
  )
  const [only] = found
  if (only === undefined) throw notFound(text, apps, cell)
  if (found.length === 1) return only
  const names = found.map(({ app }) => `${app.at.app}/${wanted}`)
  throw new Refusal('service-ambiguous', `several apps have a service "${wanted}"`, {
    hint: `write one of: ${listed(names)}`,
  })
}

/** A whole app, or one service: `shop`, `shop/storefront`, `storefront`; an app's name goes first. */
export function resolveAppOrService(
  text: string | undefined,
  apps: readonly AppView[],
  cell: Cell,
): { readonly app: AppView; readonly service: ServiceView | undefined } {
  if (text === undefined) return { app: resolveApp(undefined, apps, cell), service: undefined }
  const app = appsIn(apps, cell).find((candidate) => candidate.at.app === text)
  return app === undefined ? resolveService(text, apps, cell) : { app, service: undefined }
}

/**
 * A whole app, or one service, whose lines may be kept: as above, and also a service that no
 * release has, but an instance had: of a first release that was reverted, or a test.
 */
export function resolveWriter(
  text: string | undefined,
  apps: readonly AppView[],
  instances: readonly InstanceView[],
  cell: Cell,
): AppCell & { readonly service: string | undefined } {
  const writers = new Map(
    instances
      .filter(({ at, service }) => text === `${at.app}/${service}` || text === service)
      .map(({ at, service }) => [`${at.app}/${service}`, { ...at, service }]),
  )
  try {
    const { app, service } = resolveAppOrService(text, apps, cell)
    return { ...app.at, service: service?.name }
  } catch (error) {
    const [only] = writers.values()
    const isUnknown = error instanceof Refusal && error.code === 'service-unknown'
    if (isUnknown && only !== undefined && writers.size === 1) return only
    throw error
  }
}

/** An instance by its id or any beginning of it that only one has; `i-` may be left out. */
export function resolveInstance(text: string, instances: readonly InstanceView[]): InstanceView {
  const wanted = text.startsWith('i-') ? text : `i-${text}`
  const exact = instances.find((instance) => instance.id === wanted)
  if (exact !== undefined) return exact
  const found = instances.filter((instance) => instance.id.startsWith(wanted))
  const [only] = found
  if (only === undefined) {
    throw new Refusal('instance-unknown', `there is no instance "${text}"`, {
      status: 404,
      hint: '`roadstead ps` lists them, `roadstead ps --all` those that have ended too',
    })
  }
  if (found.length === 1) return only
  throw new Refusal('instance-ambiguous', `${found.length} instances begin with "${text}"`, {
    hint: `type more of one of: ${listed(found.map((instance) => instance.id))}`,
  })
}

/** A rollout, by a beginning of its id that only one has. */
export function resolveRollout<T extends { readonly id: string }>(
  text: string,
  items: readonly T[],
): T {
  return resolveId(text, items, 'rollout', '`roadstead rollouts` lists them')
}

/** A run of a job, by a beginning of its id that only one has. */
export function resolveRun<T extends { readonly id: string }>(
  text: string,
  items: readonly T[],
): T {
  return resolveId(text, items, 'run', '`roadstead runs` lists them')
}

function resolveId<T extends { readonly id: string }>(
  text: string,
  items: readonly T[],
  noun: 'rollout' | 'run',
  hint: string,
): T {
  const found = items.filter((item) => item.id.startsWith(text))
  const exact = items.find((item) => item.id === text)
  const [only] = exact === undefined ? found : [exact]
  if (only !== undefined && (exact !== undefined || found.length === 1)) return only
  if (only === undefined) {
    const code = noun === 'run' ? 'run-unknown' : 'rollout-unknown'
    throw new Refusal(code, `there is no ${noun} "${text}"`, { status: 404, hint })
  }
  const code = noun === 'run' ? 'run-ambiguous' : 'rollout-ambiguous'
  throw new Refusal(code, `${found.length} ${noun}s begin with "${text}"`, {
    hint: `type more of one of: ${listed(found.map((item) => item.id))}`,
  })
}

function appsIn(apps: readonly AppView[], cell: Cell): AppView[] {
  return apps.filter(
    (app) => app.at.environment === cell.environment && app.at.tenant === cell.tenant,
  )
}

function notFound(text: string, apps: readonly AppView[], cell: Cell): Refusal {
  const here = appsIn(apps, cell)
  if (here.length === 0) return noApps(cell)
  const names = here.flatMap((app) => app.services.map(({ name }) => `${app.at.app}/${name}`))
  const hint =
    names.length === 0 ? '`roadstead status` lists the apps' : `there are: ${listed(names)}`
  return new Refusal('service-unknown', `there is no service "${text}" in ${nameOf(cell)}`, {
    status: 404,
    hint,
  })
}

function noApps(cell: Cell): Refusal {
  return new Refusal('app-unknown', `nothing is deployed in ${nameOf(cell)}`, {
    status: 404,
    hint: 'deploy with `roadstead deploy`, or name another cell with --cell environment/tenant',
  })
}

function nameOf(cell: Cell): string {
  return `${cell.environment}/${cell.tenant}`
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, listedMax).join(', ')
  return names.length > listedMax ? `${shown} and ${names.length - listedMax} more` : shown
}
