import { assert } from '../../../base/errors.ts'
import type { Backend, CounterSeries, Endpoint } from '../../../parts/ingress/model.ts'
import { bounds } from './bounds.ts'
import type { PoolText } from './config.ts'

/**
 * One instance in one HAProxy backend. It stands there twice: as itself, which the first refused
 * connection takes out until its port answers again, and as a backup that nothing takes out, so that
 * a request never finds a pool empty while it has instances.
 */
export interface PoolServer {
  readonly name: string
  readonly isBackup: boolean
  readonly instanceId: string
  readonly releaseId: string
  readonly address: string
  readonly port: number
  /** Whether it may be sent requests. */
  isEnabled: boolean
  /** Monotonic ms since when it has been out of the pool; undefined: it is in. */
  parkedSince: number | undefined
  /** Out of the pool, and nothing is under way any more. */
  isIdle: boolean
}

/** One HAProxy backend in use. Its name is never given to another pool while processes know it. */
export interface Pool {
  readonly key: string
  readonly name: string
  readonly isHeld: boolean
  readonly backendId: string
  /** The series that its requests are counted in. */
  readonly counted: CounterSeries['pool']
  readonly servers: Map<string, PoolServer>
}

/** What a pool is to hold. */
interface Wanted {
  readonly side: string
  readonly counted: CounterSeries['pool']
  readonly isHeld: boolean
  /** Those that its requests are for. */
  readonly own: readonly Endpoint[]
  /** Those that serve when none of its own can. */
  readonly others: readonly Endpoint[]
}

/** Idle connections are kept for less than Node.js keeps them, and for dynamic servers only when told. */
const connectionOptions = 'pool-max-conn -1 pool-purge-delay 4s sni var(txn.fresh)'

const serverOptions =
  'check inter 1h fastinter 200ms downinter 200ms rise 1 fall 1 ' +
  `observe layer4 error-limit 1 on-error mark-down ${connectionOptions}`

const backupOptions = `backup ${connectionOptions}`

/** The HAProxy backends: which are in use for what, and the spare ones. */
export class Pools {
  readonly #byKey = new Map<string, Pool>()
  readonly #byName = new Map<string, Pool>()
  /** All servers that processes may know, with the pools that they are in. */
  readonly #servers = new Map<string, { readonly pool: Pool; readonly server: PoolServer }>()
  #spares: { held: string[]; quick: string[] } = { held: [], quick: [] }
  #sparesWanted: number = bounds.sparesMin
  #count = 0
  /** A pool was wanted and none was spare: only a reload brings more. */
  needsReload = true

  get all(): readonly Pool[] {
    return [...this.#byKey.values()]
  }

  find(backendId: string, side: string): Pool | undefined {
    return this.#byKey.get(`${backendId} ${side}`)
  }

  named(name: string): Pool | undefined {
    return this.#byName.get(name)
  }

  server(name: string): { readonly pool: Pool; readonly server: PoolServer } | undefined {
    return this.#servers.get(name)
  }

  /**
   * Brings the pools of a backend up to what the table says; undefined: it is no more. Gives what is
   * to be done before ways lead to them, and after.
   */
  change(backendId: string, backend: Backend | undefined, now: number): Change {
    const wanted = backend === undefined ? [] : wantedOf(backend)
    const change: Change = { before: [], after: [], left: [] }
    for (const one of wanted) {
      const pool = this.#take(backendId, one)
      this.#fill(pool, one, change, now)
    }
    const sides = new Set(wanted.map(({ side }) => side))
    for (const pool of this.#byKey.values()) {
      if (pool.backendId !== backendId || sides.has(pool.key.slice(backendId.length + 1))) continue
      for (const server of pool.servers.values()) park(pool, server, change, now)
    }
    return change
  }

  /** What a new process is started with; from here on more are spare. */
  texts(): PoolText[] {
    if (this.needsReload) this.#renew()
    this.needsReload = false
    const used = this.all.map(({ name, isHeld, servers }) => ({
      name,
      isHeld,
      servers: [...servers.values()].flatMap((server) =>
        server.parkedSince === undefined ? [lineOf(server)] : [],
      ),
    }))
    const spare = (isHeld: boolean, names: readonly string[]): PoolText[] =>
      names.map((name) => ({ name, isHeld, servers: [] }))
    return [...used, ...spare(true, this.#spares.held), ...spare(false, this.#spares.quick)]
  }

  /** Forgets a server that no process has any more. */
  forget(pool: Pool, server: PoolServer): void {
    this.#servers.delete(server.name)
    pool.servers.delete(keyOf(server, server.isBackup))
  }

  /** Twice as many spares as were used up, and pools of backends that are gone are given up. */
  #renew(): void {
    this.#sparesWanted = Math.max(this.#sparesWanted, this.#byKey.size, bounds.sparesMin)
    for (const names of [this.#spares.held, this.#spares.quick]) {
      const prefix = names === this.#spares.held ? 'b' : 'm'
      while (names.length < this.#sparesWanted) names.push(`${prefix}${this.#count++}`)
    }
  }

  #take(backendId: string, { side, counted, isHeld }: Wanted): Pool {
    const key = `${backendId} ${side}`
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const spares = isHeld ? this.#spares.held : this.#spares.quick
    const spare = spares.shift()
    if (spare === undefined) this.needsReload = true
    const name = spare ?? `${isHeld ? 'b' : 'm'}${this.#count++}`
    const pool = { key, name, isHeld, backendId, counted, servers: new Map<string, PoolServer>() }
    this.#byKey.set(key, pool)
    this.#byName.set(name, pool)
    return pool
  }

  #fill(pool: Pool, { own, others }: Wanted, change: Change, now: number): void {
    const wanted = new Set<string>()
    const enter = (endpoint: Endpoint, isBackup: boolean): void => {
      wanted.add(keyOf(endpoint, isBackup))
      this.#enter(pool, endpoint, isBackup, change)
    }
    for (const endpoint of own) enter(endpoint, false)
    for (const endpoint of fittest([...own, ...others])) enter(endpoint, true)
    for (const [key, server] of pool.servers) {
      if (!wanted.has(key)) park(pool, server, change, now)
    }
  }

  #enter(pool: Pool, endpoint: Endpoint, isBackup: boolean, change: Change): void {
    const { instanceId, releaseId, address, port } = endpoint
    const isEnabled = isBackup || endpoint.ready
    const key = keyOf(endpoint, isBackup)
    let server = pool.servers.get(key)
    if (server === undefined) {
      const name = `${isBackup ? 'r' : 's'}${this.#count++}`
      const fixed = { name, isBackup, instanceId, releaseId, address, port }
      server = { ...fixed, isEnabled: false, parkedSince: undefined, isIdle: false }
      pool.servers.set(key, server)
      this.#servers.set(name, { pool, server })
      const options = isBackup ? backupOptions : serverOptions
      change.before.push(`add server ${pool.name}/${name} ${placeOf(server)} ${options}`)
      if (!isBackup) change.before.push(`enable health ${pool.name}/${name}`)
    }
    server.parkedSince = undefined
    server.isIdle = false
    if (server.isEnabled === isEnabled) return
    server.isEnabled = isEnabled
    const commands = isEnabled ? change.before : change.after
    commands.push(`set server ${pool.name}/${server.name} state ${isEnabled ? 'ready' : 'maint'}`)
  }
}

export interface Change {
  /** Commands that add, to be run first, so that no request ever meets a gap. */
  readonly before: string[]
  /** Commands that take away. */
  readonly after: string[]
  /** Servers that left their pool with this change. */
  readonly left: PoolServer[]
}

function park(pool: Pool, server: PoolServer, change: Change, now: number): void {
  if (server.parkedSince !== undefined) return
  server.parkedSince = now
  server.isIdle = false
  change.left.push(server)
  if (!server.isEnabled) return
  server.isEnabled = false
  change.after.push(`set server ${pool.name}/${server.name} state maint`)
}

function wantedOf(backend: Backend): Wanted[] {
  const { online, maintenance, split, passes = [] } = backend
  const groups = split?.groups ?? []
  const grouped = new Set(groups.flatMap(({ instanceIds }) => instanceIds))
  const isHeld = true
  const rest = online.filter(({ instanceId }) => !grouped.has(instanceId))
  const wanted: Wanted[] = [
    { side: 'online', counted: 'online', isHeld, own: rest, others: without(online, rest) },
    { side: 'maintenance', counted: 'maintenance', isHeld: false, own: maintenance, others: [] },
  ]
  for (const { name, instanceIds } of groups) {
    const own = online.filter(({ instanceId }) => instanceIds.includes(instanceId))
    wanted.push({ side: name, counted: 'online', isHeld, own, others: without(online, own) })
  }
  for (const releaseId of new Set(passes.map((pass) => pass.releaseId))) {
    const isIts = (endpoint: Endpoint): boolean => endpoint.releaseId === releaseId
    const [behind, inFront] = [maintenance.filter(isIts), online.filter(isIts)]
    if (behind.length > 0) {
      const side = `pass-maintenance ${releaseId}`
      wanted.push({ side, counted: 'maintenance', isHeld, own: behind, others: inFront })
    } else if (inFront.length > 0) {
      const [side, others] = [`pass-online ${releaseId}`, without(online, inFront)]
      wanted.push({ side, counted: 'online', isHeld, own: inFront, others })
    }
  }
  return wanted
}

/** Those that are ready; where nobody is, all: for all we know they accept connections. */
function fittest(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready)
  return ready.length > 0 ? ready : endpoints
}

function without(all: readonly Endpoint[], some: readonly Endpoint[]): Endpoint[] {
  return all.filter((endpoint) => !some.includes(endpoint))
}

function keyOf(
  of: { instanceId: string; address: string; port: number },
  isBackup: boolean,
): string {
  return `${isBackup ? 'r' : 's'} ${of.instanceId} ${of.address} ${of.port}`
}

function placeOf({ address, port }: PoolServer): string {
  assert(/^[\w.:-]+$/.test(address), 'an address is a host name or an IP address')
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function lineOf(server: PoolServer): string {
  const options = server.isBackup ? backupOptions : serverOptions
  const state = server.isEnabled ? '' : ' disabled'
  return `  server ${server.name} ${placeOf(server)} ${options}${state}`
}
