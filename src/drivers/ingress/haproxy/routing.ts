import type { TableChange } from '../../../parts/ingress/driver.ts'
import type { Backend } from '../../../parts/ingress/model.ts'
import { emptyMaps, mapCommands, mappings, type Mapping } from './maps.ts'
import { Pools, type Pool, type PoolServer } from './pools.ts'
import { mapsOf, waysTo } from './ways.ts'

/** A server that is out of its pool, and that processes still know. */
export interface Parked {
  readonly pool: Pool
  readonly server: PoolServer
}

/** What a change of the table means for HAProxy. */
export interface Steps {
  /** In this order: what adds, the ways, what takes away. */
  readonly commands: string[]
  /** Instances that are in a pool since this change. */
  readonly entered: string[]
}

/** The table as HAProxy has it: pools, servers and the maps that lead to them. */
export class Routing {
  readonly pools = new Pools()
  readonly #fileOf: (mapping: Mapping) => string
  readonly #table = new Map<string, Backend>()
  readonly #ways = new Map<string, ReturnType<typeof waysTo>>()
  #maps = emptyMaps()
  /** Instances in a pool of the table, with how many backends name them. */
  readonly #present = new Map<string, number>()
  readonly #parked = new Map<string, Parked>()

  constructor(fileOf: (mapping: Mapping) => string) {
    this.#fileOf = fileOf
  }

  get maps(): ReadonlyMap<Mapping, ReadonlyMap<string, string>> {
    return this.#maps
  }

  get parked(): readonly Parked[] {
    return [...this.#parked.values()]
  }

  /** Whether the instance is in no pool of the table. */
  readonly isGone = (instanceId: string): boolean => !this.#present.has(instanceId)

  /** The local ports that the table asks for. */
  ports(): number[] {
    return [...(this.#maps.get('ports')?.keys() ?? [])].map(Number)
  }

  /** How many servers a process has to know. */
  serverCount(): number {
    return this.pools.all.reduce((sum, { servers }) => sum + servers.size, 0)
  }

  apply(change: TableChange, now: number): Steps {
    const kept = new Set(change.backends.map(({ id }) => id))
    const removed = change.full
      ? [...this.#table.keys()].filter((id) => !kept.has(id))
      : change.removed
    const [before, after, entered]: [string[], string[], string[]] = [[], [], []]
    let areWaysNew = false
    const place = (id: string, backend: Backend | undefined): void => {
      this.#count(this.#table.get(id), -1)
      entered.push(...this.#count(backend, 1))
      if (backend === undefined) this.#table.delete(id)
      else this.#table.set(id, backend)
      const steps = this.pools.change(id, backend, now)
      before.push(...steps.before)
      after.push(...steps.after)
      const ways = backend === undefined ? [] : waysTo(backend, this.pools)
      if (JSON.stringify(ways) === JSON.stringify(this.#ways.get(id) ?? [])) return
      areWaysNew = true
      this.#ways.set(id, ways)
    }
    for (const id of removed) place(id, undefined)
    for (const backend of change.backends) place(backend.id, backend)
    const ways = this.#renewMaps(areWaysNew)
    return { commands: [...before, ...ways, ...after], entered }
  }

  /** The server is known to no process any more. */
  forget({ pool, server }: Parked): void {
    this.#parked.delete(server.name)
    this.pools.forget(pool, server)
  }

  #renewMaps(areWaysNew: boolean): string[] {
    this.#parked.clear()
    const leaving = new Map<string, string>()
    for (const pool of this.pools.all) {
      for (const server of pool.servers.values()) {
        if (server.parkedSince === undefined) continue
        this.#parked.set(server.name, { pool, server })
        if (this.isGone(server.instanceId)) leaving.set(server.name, '1')
      }
    }
    const maps = areWaysNew ? mapsOf(this.#ways) : new Map(this.#maps)
    maps.set('leaving', leaving)
    const commands: string[] = []
    for (const mapping of mappings) {
      const [old, fresh] = [this.#maps.get(mapping), maps.get(mapping)]
      if (old === undefined || fresh === undefined || old === fresh) continue
      commands.push(...mapCommands(this.#fileOf(mapping), old, fresh))
    }
    this.#maps = maps
    return commands
  }

  /** Counts a backend's instances; gives those that came in by it. */
  #count(backend: Backend | undefined, by: 1 | -1): string[] {
    const entered: string[] = []
    for (const { instanceId } of [...(backend?.online ?? []), ...(backend?.maintenance ?? [])]) {
      const count = (this.#present.get(instanceId) ?? 0) + by
      if (count > 0) this.#present.set(instanceId, count)
      else this.#present.delete(instanceId)
      if (count === 1 && by === 1) entered.push(instanceId)
    }
    return entered
  }
}
