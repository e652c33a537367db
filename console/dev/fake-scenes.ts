import type { AppView, EventView, NodeView, RolloutView, ServiceView } from '../../src/wire/api.ts'
import { endedRollout, judgedSlow } from './fake-rollout.ts'
import type { Load } from './fake-traffic.ts'

/** What the fake worlds begin with. */

/** An app that lives by itself. */
export interface FakeApp {
  readonly at: AppView['at']
  version: string
  releaseNumber: number
  rolloutId: string | null
  services: ServiceView[]
  drift: AppView['drift']
  readonly loads: Readonly<Record<string, Load>>
  /** Requests so far, by service. */
  readonly sent: Map<string, number>
}

export interface Scene {
  readonly apps: FakeApp[]
  readonly nodes: NodeView[]
  readonly rollouts: RolloutView[]
  /** Oldest first. */
  readonly events: EventView[]
}

export type SceneName = 'shop' | 'fleet' | 'empty' | 'hostile' | 'large' | 'wide'

const minute = 60_000

/**
 * `shop`: one machine; `fleet`: a matrix; `empty`: a first start; `hostile`: names that bite;
 * `large`: 4 environments of 10 tenants with 70 services, 20,000 instances on 600 nodes;
 * `wide`: the same cells with 70 apps of one service each.
 */
export const scenes: Readonly<Record<SceneName, (now: number) => Scene>> = {
  shop: (now) => {
    const app = shop('local', 'default', 'v1', 6, 1)
    return {
      apps: [app],
      nodes: [node('node-1', 'a', now)],
      rollouts: pastOf(app, now),
      events: eventsOf(app, now),
    }
  },
  fleet: (now) => {
    const first = shop('prod', 'cz', 'v41', 118, 1)
    const apps = [
      first,
      shop('prod', 'sk', 'v41', 64, 0.45),
      shop('qa', 'cz', 'v42', 203, 0.02),
      billing('prod', 'cz', 3),
      { ...billing('prod', 'sk', 2), version: '2026.46' },
      billing('qa', 'cz', 3),
    ]
    const nodes = ['a', 'b', 'c'].flatMap((zone) =>
      [1, 2].map((index) => node(`${zone}${index}.shop-europe`, zone, now)),
    )
    const [lost] = nodes.splice(3, 1)
    if (lost !== undefined) nodes.push({ ...lost, status: 'lost', heardAt: now - 48_000 })
    return { apps, nodes, rollouts: pastOf(first, now), events: eventsOf(first, now) }
  },
  large: (now) =>
    fleetOf(
      largeApps.map((name, index) => [name, index, largeParts]),
      now,
    ),
  wide: (now) =>
    fleetOf(
      wideApps.map((name, index) => [name, index, ['api']]),
      now,
    ),
  empty: () => ({ apps: [], nodes: [], rollouts: [], events: [] }),
  hostile: (now) => {
    const scene = scenes.shop(now)
    const [app] = scene.apps
    const [first] = app?.services ?? []
    if (app === undefined || first === undefined) return scene
    const name = '<img src=x onerror="document.title=\'taken\'">'
    app.services = [{ ...first, name, url: 'javascript:alert(1)' }, ...app.services.slice(1)]
    const why =
      'printed \u001b[31mred\u001b[0m <script>document.title="taken"</script> \u202egnp.exe'
    const event = { revision: 4_199, at: now - 500, who: '<b>mallory</b>', what: 'app.deploy', why }
    return { ...scene, events: [...scene.events, { ...event, keys: ['app/a/b/<i>c</i>/-'] }] }
  },
}

function shop(
  environment: string,
  tenant: string,
  version: string,
  releaseNumber: number,
  size: number,
): FakeApp {
  const services = [
    service('storefront', 4, ['catalogue', 'checkout'], 'http://shop.localhost:8080/'),
    service('catalogue', 3, []),
    service('checkout', 2, ['credit-check', 'shipment']),
    service('credit-check', 2, []),
    service('shipment', 2, []),
    { ...service('mailer', 1, []), worker: true },
  ]
  const loads = {
    storefront: load(96, 6.1, size),
    catalogue: load(61, 2.3, size),
    checkout: load(17, 9.8, size),
    'credit-check': load(16, 4.4, size),
    shipment: load(12, 3.2, size),
  }
  return anApp(environment, tenant, 'shop', version, releaseNumber, services, loads)
}

function billing(environment: string, tenant: string, ready: number): FakeApp {
  const services = [{ ...service('ledger', 3, ['rates']), ready }, service('rates', 2, [])]
  const loads = { ledger: load(34, 11, 1), rates: load(21, 1.8, 1) }
  return anApp(environment, tenant, 'billing', '2026.47', 31, services, loads)
}

const largeTenants = ['at', 'cz', 'de', 'es', 'fr', 'hu', 'it', 'pl', 'ro', 'sk']

/** Ten apps of seven services. */
const largeApps = [
  'basket',
  'billing',
  'catalogue',
  'identity',
  'notices',
  'pricing',
  'search',
  'shipping',
  'shop',
  'stock',
]

function cellsOf(environments: readonly string[], tenants: readonly string[]) {
  return environments.flatMap((environment) =>
    tenants.map((tenant) => [environment, tenant] as const),
  )
}

const largeParts = ['api', 'web', 'worker', 'feed', 'index', 'export', 'mail']

/** Seventy apps: each of the ten with each of the seven words. */
const wideApps = largeApps.flatMap((name) => largeParts.map((part) => `${name}-${part}`))

type LargeApp = readonly [name: string, index: number, parts: readonly string[]]

/** Apps in 4 environments of 10 tenants each, on 600 nodes, two of which are silent. */
function fleetOf(named: readonly LargeApp[], now: number): Scene {
  const apps = cellsOf(['dev', 'qa', 'stage', 'prod'], largeTenants).flatMap(([env, tenant]) =>
    named.map((app) => largeApp(env, tenant, app)),
  )
  const nodes = ['a', 'b', 'c'].flatMap((zone) =>
    Array.from({ length: 200 }, (_none, index) => largeNode(`${zone}-${index + 1}`, zone, now)),
  )
  for (const index of [31, 202]) {
    const silent = nodes[index]
    if (silent !== undefined) nodes[index] = { ...silent, status: 'lost', heardAt: now - 48_000 }
  }
  const [first] = apps
  return {
    apps,
    nodes,
    rollouts: first === undefined ? [] : pastOf(first, now),
    events: first === undefined ? [] : eventsOf(first, now),
  }
}

/** Seven instances of each service, here and there one more: 20,000 of 70 services in 40 cells. */
function largeApp(environment: string, tenant: string, [name, index, parts]: LargeApp): FakeApp {
  const wanted = (part: number): number => 7 + ((index + part) % 7 === 0 ? 1 : 0)
  const services = parts.map((part, place) => ({
    ...service(part, wanted(place), place === 1 ? ['api'] : []),
    worker: place > 2,
  }))
  const size = environment === 'prod' ? 1 : 0.1
  const loads = { api: load(40 + index, 4, size), web: load(55 + index, 7, size) }
  // One tenant is behind with some of them.
  const isBehind = environment === 'prod' && tenant === 'ro' && index % 7 === 3
  const version = environment === 'dev' ? 52 : environment === 'qa' ? 51 : isBehind ? 49 : 50
  const app = anApp(environment, tenant, name, `v${version}`, version, services, loads)
  // A few are not as they should be: one short, one stopped by hand.
  const trouble = (tenant.length * 31 + tenant.charCodeAt(0) + index * 7 + environment.length) % 29
  if (trouble === 3) {
    app.services = services.map((one, place) => (place === 0 ? { ...one, ready: 5 } : one))
  }
  if (trouble === 11) {
    const scaled = { service: 'api', kind: 'scaled', byHand: 7, inManifest: 6 } as const
    app.drift = [{ ...scaled, by: 'alice', since: Date.now() - 40 * minute }]
  }
  return app
}

function largeNode(id: string, zone: string, now: number): NodeView {
  const capacity = { cpu: 16, memoryBytes: 64 * 2 ** 30, diskBytes: 800 * 2 ** 30 }
  return { ...node(`node-${id}`, zone, now), capacity }
}

function anApp(
  environment: string,
  tenant: string,
  app: string,
  version: string,
  releaseNumber: number,
  services: ServiceView[],
  loads: Record<string, Load>,
): FakeApp {
  const at = { environment, tenant, app }
  const sent = new Map(Object.entries(loads).map(([name, { base }]) => [name, base * 2_100]))
  return { at, version, releaseNumber, rolloutId: null, services, drift: [], loads, sent }
}

function load(base: number, p50Ms: number, size: number): Load {
  return { base: base * size, p50Ms }
}

function service(name: string, count: number, needs: string[], url?: string): ServiceView {
  return {
    name,
    worker: false,
    wanted: count,
    ready: count,
    maintenance: 0,
    draining: 0,
    stopped: false,
    needs,
    url: url ?? null,
    traffic: null,
  }
}

function node(id: string, zone: string, now: number): NodeView {
  const gibibyte = 2 ** 30
  return {
    id,
    zone,
    address: '127.0.0.1',
    capacity: { cpu: 8, memoryBytes: 16 * gibibyte, diskBytes: 200 * gibibyte },
    ports: { from: 21_000, to: 21_999 },
    labels: {},
    registeredAt: now - 60 * minute,
    status: 'ready',
    heardAt: now,
    reserved: { cpu: 3.5, memoryBytes: 3.6 * gibibyte, diskBytes: 7 * gibibyte, instances: 14 },
  }
}

function pastOf({ at, releaseNumber, version }: FakeApp, now: number): RolloutView[] {
  const services = [
    { name: 'storefront', count: 4 },
    { name: 'catalogue', count: 3 },
  ]
  const identity = (back: number, to: string, from: string) => ({
    id: `ro-${releaseNumber - back}`,
    at,
    releaseNumber: releaseNumber - back,
    version: to,
    fromVersion: from,
  })
  const over = { purpose: 'deploy' as const, failed: 0 }
  return [
    endedRollout(identity(0, version, 'v0.9'), services, {
      ...over,
      state: 'done',
      because: `Every instance runs ${version}.`,
      at: now - 22 * minute,
      sent: 8_412,
    }),
    endedRollout(identity(1, 'v0.9-rc2', 'v0.8'), services, {
      ...over,
      state: 'reverted',
      because: 'The test failed: exit code 1, "basket total is 0 instead of 1,290".',
      at: now - 95 * minute,
      sent: 12_077,
    }),
    endedRollout(identity(2, 'v0.9-rc1', 'v0.8'), services, {
      ...over,
      state: 'superseded',
      because: 'A newer rollout took its place.',
      at: now - 97 * minute,
      sent: 0,
    }),
    {
      ...endedRollout(identity(3, 'v0.8', 'v0.7'), services, {
        ...over,
        state: 'reverted',
        because: '3 requests failed, and the manifest allows none.',
        at: now - 26 * 60 * minute,
        sent: 20_931,
        failed: 3,
        gaps: ['ingress node-1 was restarted: what it had counted before is missing'],
      }),
      judging: judgedSlow(now - 26 * 60 * minute - 40_000),
    },
  ]
}

function eventsOf({ at }: FakeApp, now: number): EventView[] {
  const base = (kind: string, name: string): string =>
    `${kind}/${at.tenant}/${at.environment}/${at.app}/${name}`
  const told: [number, string, string, string, string][] = [
    [
      61 * minute,
      'node-1',
      'node.register',
      'joined with 8 cores and 16 GiB.',
      'node/-/-/-/node-1',
    ],
    [24 * minute, 'operator', 'app.deploy', 'deployed v1 of shop.', base('rollout', 'ro-6')],
    [
      22.4 * minute,
      'rollouts',
      'rollout.advance',
      'carried the rest out.',
      base('rollout', 'ro-6'),
    ],
    [22.2 * minute, 'rollouts', 'rollout.advance', 'carried it out.', base('rollout', 'ro-6')],
    [9 * minute, 'operator', 'app.scale', 'scaled storefront from 3 to 4.', base('app', '-')],
    [
      8.9 * minute,
      'instances',
      'instance.create',
      'storefront wants 4, has 3.',
      base('instance', 'i'),
    ],
    [
      3 * minute,
      'instances',
      'instance.end',
      'i-7k3m9q2x was lost: SIGKILL.',
      base('instance', 'i'),
    ],
    [2.9 * minute, 'instances', 'instance.create', 'replaces i-7k3m9q2x.', base('instance', 'i')],
  ]
  return told.map(([ago, who, what, why, key], index) => ({
    revision: 4_000 + index,
    at: now - ago,
    who,
    what,
    why,
    keys: [key],
  }))
}
