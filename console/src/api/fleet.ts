import type { ChangeEvent, InstanceView } from '../../../src/wire/api.ts'
import type { PackedService, PackingAnswer } from '../../../src/wire/packing.ts'
import { callApi } from './client.ts'
import { Pace } from './pace.ts'
import type { ObservedNews } from './watch.ts'

/**
 * What lies on which node, read once and then kept fresh by what the watch tells: a change costs as
 * much as the one node that it concerns, however large the fleet is. Held only while somebody looks.
 */

/** An instance as the picture needs it. */
export interface FleetInstance {
  readonly id: string
  readonly service: PackedService
  readonly cpu: number
  readonly memoryBytes: number
  readonly pool: InstanceView['pool']
  readonly state: NonNullable<InstanceView['observed']>['state'] | null
}

export type NodeLoad = ReadonlyMap<string, FleetInstance>

/** What has been read of it; `revision` rises with every change. */
export interface FleetState {
  readonly phase: 'loading' | 'ready' | 'failed'
  readonly error: unknown
  readonly unplaced: number
  readonly revision: number
}

/** Nodes in one page: some megabyte of JSON. */
const pageNodes = 200

/** A fleet of 600 nodes is three pages; what is beyond this many is not shown. */
const pagesMax = 25

/** Unplaced instances are counted by the server alone; changes have it counted again this late. */
const recountMs = 5_000

/** Whoever draws is told this much later of all that came until then, in ms. */
const tellMs = 40

type Read = (path: string, signal: AbortSignal) => Promise<PackingAnswer>

/** The fleet as the pages see it. */
export class Fleet {
  readonly #read: Read
  readonly #nodes = new Map<string, Map<string, FleetInstance>>()
  readonly #nodeOf = new Map<string, string>()
  readonly #revisions = new Map<string, number>()
  readonly #subscribers = new Set<() => void>()
  /** A full read is the answer to a reset, and slow: paced by its own length. */
  readonly #reload = new Pace(() => this.#load())
  #loading: AbortController | undefined
  /** What the watch told while a read was under way: it may be newer than the answer. */
  #missed: ((fleet: Fleet) => void)[] = []
  #recount: ReturnType<typeof setTimeout> | undefined
  #telling: ReturnType<typeof setTimeout> | undefined
  #state: FleetState = { phase: 'loading', error: undefined, unplaced: 0, revision: 0 }

  constructor(read: Read = (path, signal) => callApi<PackingAnswer>(path, { signal })) {
    this.#read = read
  }

  readonly state = (): FleetState => this.#state

  /** What lies on a node, in an order that stays. */
  on(nodeId: string): NodeLoad {
    return this.#nodes.get(nodeId) ?? nothing
  }

  /** Rises when something on the node changes: whoever draws it compares. */
  revisionOf(nodeId: string): number {
    return this.#revisions.get(nodeId) ?? 0
  }

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.#subscribers.add(subscriber)
    if (this.#subscribers.size === 1) void this.#load()
    return () => {
      this.#subscribers.delete(subscriber)
      if (this.#subscribers.size === 0) this.#forget()
    }
  }

  /** Anything may have changed. */
  refresh(): void {
    if (this.#subscribers.size > 0) this.#reload.mark()
  }

  /** A record was written or deleted. */
  take(change: ChangeEvent): void {
    if (change.kind !== 'instance' || this.#subscribers.size === 0) return
    if (this.#loading !== undefined) this.#missed.push((fleet) => fleet.#takeNow(change))
    this.#takeNow(change)
  }

  /** An agent said something of an instance. */
  hear(news: ObservedNews): void {
    if (this.#subscribers.size === 0) return
    if (this.#loading !== undefined) this.#missed.push((fleet) => fleet.#hearNow(news))
    this.#hearNow(news)
  }

  #takeNow({ key, value }: ChangeEvent): void {
    const instance = value as InstanceView | null
    const id = instance?.id ?? key.slice(key.lastIndexOf('/') + 1)
    const before = this.#instance(id)
    const nodeId = instance?.state === 'placed' ? instance.placement?.nodeId : undefined
    if (nodeId !== this.#nodeOf.get(id)) this.#remove(id)
    if (instance !== null && nodeId !== undefined) {
      this.#put(nodeId, packed(instance, before?.state ?? null))
    }
    // It came to a place, or waits for one: how many wait is the server's to count.
    if (before === undefined) this.#countLater()
    this.#tell()
  }

  #countLater(): void {
    this.#recount ??= setTimeout(() => {
      this.#recount = undefined
      this.refresh()
    }, recountMs)
  }

  #hearNow({ instanceId, observed }: ObservedNews): void {
    const nodeId = this.#nodeOf.get(instanceId)
    const known = this.#instance(instanceId)
    const state = observed?.state ?? null
    if (nodeId === undefined || known === undefined || known.state === state) return
    this.#put(nodeId, { ...known, state })
    this.#tell()
  }

  async #load(): Promise<void> {
    this.#loading?.abort()
    const loading = new AbortController()
    this.#loading = loading
    this.#missed = []
    try {
      const pages = await this.#pages(loading.signal)
      if (loading.signal.aborted) return
      this.#replace(pages)
      for (const missed of this.#missed) missed(this)
      this.#tell({ phase: 'ready', error: undefined, unplaced: pages[0]?.unplaced ?? 0 })
    } catch (error) {
      if (loading.signal.aborted) return
      // What is shown stays: an old picture says more than none.
      this.#tell({ phase: this.#state.phase === 'ready' ? 'ready' : 'failed', error })
    } finally {
      if (this.#loading === loading) {
        this.#loading = undefined
        this.#missed = []
      }
    }
  }

  async #pages(signal: AbortSignal): Promise<PackingAnswer[]> {
    const pages: PackingAnswer[] = []
    for (let cursor = ''; pages.length < pagesMax;) {
      const search = new URLSearchParams({ limit: String(pageNodes) })
      if (cursor !== '') search.set('cursor', cursor)
      const page = await this.#read(`/v1/packing?${search}`, signal)
      pages.push(page)
      if (page.next === undefined) break
      cursor = page.next
    }
    return pages
  }

  #replace(pages: readonly PackingAnswer[]): void {
    for (const nodeId of this.#nodes.keys()) this.#changed(nodeId)
    this.#nodes.clear()
    this.#nodeOf.clear()
    for (const { items, services } of pages) {
      for (const { nodeId, instances } of items) {
        for (const { service: place, ...instance } of instances) {
          const service = services[place]
          if (service !== undefined) this.#put(nodeId, { ...instance, service })
        }
      }
    }
  }

  #put(nodeId: string, instance: FleetInstance): void {
    const load = this.#nodes.get(nodeId) ?? new Map<string, FleetInstance>()
    load.set(instance.id, instance)
    this.#nodes.set(nodeId, load)
    this.#nodeOf.set(instance.id, nodeId)
    this.#changed(nodeId)
  }

  #remove(id: string): void {
    const nodeId = this.#nodeOf.get(id)
    if (nodeId === undefined) return
    this.#nodes.get(nodeId)?.delete(id)
    this.#nodeOf.delete(id)
    this.#changed(nodeId)
  }

  #instance(id: string): FleetInstance | undefined {
    const nodeId = this.#nodeOf.get(id)
    return nodeId === undefined ? undefined : this.#nodes.get(nodeId)?.get(id)
  }

  #changed(nodeId: string): void {
    this.#revisions.set(nodeId, this.revisionOf(nodeId) + 1)
  }

  /** Subscribers are told once for all that happens within a blink. */
  #tell(part: Partial<FleetState> = {}): void {
    this.#state = { ...this.#state, ...part, revision: this.#state.revision + 1 }
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined
      for (const subscriber of this.#subscribers) subscriber()
    }, tellMs)
  }

  #forget(): void {
    this.#loading?.abort()
    this.#loading = undefined
    this.#reload.stop()
    clearTimeout(this.#recount)
    clearTimeout(this.#telling)
    this.#recount = undefined
    this.#telling = undefined
    this.#nodes.clear()
    this.#nodeOf.clear()
    this.#revisions.clear()
    this.#missed = []
    this.#state = { phase: 'loading', error: undefined, unplaced: 0, revision: 0 }
  }
}

const nothing: NodeLoad = new Map()

function packed(instance: InstanceView, state: FleetInstance['state']): FleetInstance {
  const { id, at, service, resources, pool } = instance
  const { cpu, memoryBytes } = resources
  return { id, service: { at, service }, cpu, memoryBytes, pool, state }
}

/** The fleet in the browser. */
export const fleet = new Fleet()
