import { Fault, Refusal } from '../src/base/errors.ts'
import { recordKinds } from '../src/cli/server-parts.ts'
import { LiveSnapshot } from '../src/store/live-snapshot.ts'
import { compactedRefusal } from '../src/store/log-query.ts'
import { openMemoryStore } from '../src/store/memory/memory-store.ts'
import type { Observations } from '../src/store/observations.ts'
import type {
  Commit,
  CommittedChange,
  HistoryQuery,
  Kind,
  Leadership,
  LogQuery,
  Operation,
  Revision,
  Snapshot,
  Store,
  StoredRecord,
} from '../src/store/port.ts'
import type { Chance } from './chance.ts'
import type { Life } from './life.ts'
import type { Network } from './network.ts'
import type { SimEvent } from './view.ts'

/** The host that the store answers on. */
export const storeHost = 'store'

/** A leader that is silent for so long may be replaced, in ms. */
const leaseMs = 5_000
/** A leader says that it is there this often, and a follower asks whether it may lead, in ms. */
const renewEveryMs = 1_500
/** A call of the store that is not answered for so long has failed, in ms. */
const patienceMs = 4_000
/** A stream of changes that does not get through is tried again after this long, in ms. */
const streamAgainMs = 250
/** Making a commit durable takes this long, in ms, by chance in between. */
const syncMs = [0.5, 3] as const
/** Changes kept for servers that fall behind. */
const historyMax = 20_000

/** What is wrong with the store's disk now. */
export interface StoreTrouble {
  readonly isFull?: boolean
  /** Commits may or may not be durable, and are not acknowledged. */
  readonly failsSync?: boolean
  readonly slowMs?: number
}

export interface SharedStoreOptions {
  readonly network: Network
  readonly chance: Chance
  readonly tell: (event: SimEvent) => void
}

/**
 * The store that all servers share, as etcd will be: one order of commits, a lease for the leader, a
 * rising epoch, and a stream of changes to each server. What is durable here is the truth.
 */
export class SharedStore {
  trouble: StoreTrouble = {}
  readonly records: Snapshot
  readonly #snapshot: LiveSnapshot
  readonly #inner = openMemoryStore()
  readonly #options: SharedStoreOptions
  readonly #sessions = new Set<StoreSession>()
  #history: CommittedChange[] = []
  #first = 1
  #lease: { readonly session: StoreSession; until: number } | undefined

  constructor(options: SharedStoreOptions) {
    this.#options = options
    const kinds = recordKinds as unknown as readonly Kind<unknown>[]
    this.#snapshot = new LiveSnapshot(kinds, nothingObserved, 0)
    this.records = this.#snapshot
  }

  get network(): Network {
    return this.#options.network
  }

  get chance(): Chance {
    return this.#options.chance
  }

  /** What is there before the first server starts. */
  async begin(operations: readonly Operation[]): Promise<void> {
    const { epoch } = await this.#inner.campaign(new AbortController().signal)
    const attribution = { who: 'world', what: 'world.begin', why: 'the world begins' }
    await this.commit({ operations, expectations: [], attribution, at: 0, epoch }, 'world')
  }

  /** The store as one run of a server sees it. */
  sessionOf(life: Life): Store {
    const session = new StoreSession(this, life)
    this.#sessions.add(session)
    life.onKilled(() => this.#sessions.delete(session))
    return session
  }

  load(): ReturnType<Store['load']> {
    return this.#inner.load()
  }

  log(query: LogQuery): ReturnType<Store['log']> {
    return this.#inner.log(query)
  }

  /** The past as the store has it. */
  get past(): Pick<Store, 'recordsAt' | 'momentAt' | 'history' | 'keepFrom'> {
    return this.#inner
  }

  /** Makes a commit durable, or throws why it is not. */
  async commit(commit: Commit, by: string): Promise<Revision> {
    try {
      const revision = await this.#inner.commit(commit)
      const { at, attribution, operations, epoch } = commit
      this.#apply({ revision, at, attribution, operations }, by, epoch)
      return revision
    } catch (error) {
      if (error instanceof Refusal && error.code === 'fenced') {
        this.#options.tell({ is: 'fenced', by, epoch: commit.epoch })
      }
      throw error
    }
  }

  /** Gives the lease to whoever has it, or to the first who asks when nobody has. */
  async lead(session: StoreSession, signal: AbortSignal): Promise<number | undefined> {
    const now = this.network.timeline.now()
    if (this.#lease !== undefined && this.#lease.until > now) return undefined
    const lease = { session, until: now + leaseMs }
    this.#lease = lease
    return (await this.#inner.campaign(signal)).epoch
  }

  renew(session: StoreSession): boolean {
    if (this.#lease?.session !== session) return false
    this.#lease.until = this.network.timeline.now() + leaseMs
    return true
  }

  resign(session: StoreSession): void {
    if (this.#lease?.session === session) this.#lease = undefined
  }

  /** All changes after `after` that are kept. */
  changesAfter(after: Revision): readonly CommittedChange[] {
    if (after + 1 < this.#first) throw compactedRefusal(after, this.#first)
    return this.#history.slice(after + 1 - this.#first)
  }

  #apply(change: CommittedChange, by: string, epoch: number): void {
    const { revision, operations } = change
    this.#snapshot.revision = revision
    for (const operation of operations) {
      const { key } = operation
      const table = this.#snapshot.tableOf(key)
      if (operation.op === 'delete') table?.remove(key)
      else {
        const createdRevision = table?.get(key)?.createdRevision ?? revision
        table?.put({ key, value: operation.value, revision, createdRevision })
      }
    }
    this.#history.push(change)
    if (this.#history.length > historyMax * 2) {
      this.#first += this.#history.length - historyMax
      this.#history = this.#history.slice(-historyMax)
    }
    this.#options.tell({ is: 'commit', change, by, epoch })
    for (const session of this.#sessions) session.stream()
  }
}

/** What the store itself knows of observations: nothing, they are never committed. */
const nothingObserved: Observations = {
  node: () => undefined,
  instance: () => undefined,
  ingress: () => undefined,
  ingresses: () => [],
  since: 0,
}

/** One server's connection to the store, over the network. */
class StoreSession implements Store {
  readonly #store: SharedStore
  readonly #life: Life
  #isStreaming = false
  #reader: { after: Revision; deliver: (changes: readonly CommittedChange[]) => void } | undefined
  #lost = new AbortController()

  constructor(store: SharedStore, life: Life) {
    this.#store = store
    this.#life = life
  }

  load(): Promise<{ readonly records: readonly StoredRecord[]; readonly revision: Revision }> {
    return this.#ask(() => this.#store.load())
  }

  log(query: LogQuery): ReturnType<Store['log']> {
    return this.#ask(() => this.#store.log(query))
  }

  recordsAt(revision: Revision): ReturnType<Store['recordsAt']> {
    return this.#ask(() => this.#store.past.recordsAt(revision))
  }

  momentAt(at: number): ReturnType<Store['momentAt']> {
    return this.#ask(() => this.#store.past.momentAt(at))
  }

  history(query: HistoryQuery): ReturnType<Store['history']> {
    return this.#ask(() => this.#store.past.history(query))
  }

  keepFrom(revision: Revision): void {
    void this.#ask(async () => this.#store.past.keepFrom(revision)).catch(() => undefined)
  }

  async commit(commit: Commit): Promise<Revision> {
    try {
      return await this.#ask(() => this.#commitDurably(commit))
    } catch (error) {
      if (error instanceof Fault && error.retry === 'never') this.#lost.abort(error)
      throw error
    }
  }

  async *changes(after: Revision, signal: AbortSignal): AsyncIterable<CommittedChange> {
    for (let next = after; !signal.aborted;) {
      const changes = await this.#next(next, signal)
      for (const change of changes) {
        next = change.revision
        yield change
      }
    }
  }

  async campaign(signal: AbortSignal): Promise<Leadership> {
    for (;;) {
      const asked = this.#life.monotonic()
      const epoch = await this.#ask(() => this.#store.lead(this, signal)).catch(() => undefined)
      if (epoch !== undefined) {
        this.#lost = new AbortController()
        void this.#keepLease(asked, this.#lost)
        const resign = async (): Promise<void> => this.#store.resign(this)
        return { epoch, lost: this.#lost.signal, resign }
      }
      await this.#life.sleep(renewEveryMs, signal)
    }
  }

  async close(): Promise<void> {
    this.#store.resign(this)
    this.#lost.abort(new Fault('store-closed', 'the store is closed', { retry: 'never' }))
  }

  /** Sends what the reader has not seen, in order, as soon as it gets through. */
  stream(): void {
    if (this.#isStreaming || this.#reader === undefined) return
    this.#isStreaming = true
    const { network, chance } = this.#store
    const { host } = this.#life
    const send = (): void => {
      if (!this.#life.isAlive) return
      if (!network.reaches(storeHost, host)) return void network.timeline.after(streamAgainMs, send)
      this.#isStreaming = false
      this.#life.enter(() => this.#deliver())
    }
    network.timeline.after(chance.between(0.1, 1), send)
  }

  #deliver(): void {
    const reader = this.#reader
    if (reader === undefined) return
    const changes = this.#store.changesAfter(reader.after)
    if (changes.length === 0) return
    this.#reader = undefined
    reader.deliver(changes)
  }

  #next(after: Revision, signal: AbortSignal): Promise<readonly CommittedChange[]> {
    return new Promise((resolve) => {
      const end = (changes: readonly CommittedChange[]): void => {
        signal.removeEventListener('abort', stop)
        resolve(changes)
      }
      const stop = (): void => {
        this.#reader = undefined
        end([])
      }
      signal.addEventListener('abort', stop, { once: true })
      this.#reader = { after, deliver: end }
      // What came while it was busy with the changes before.
      this.stream()
    })
  }

  /** A lease counts from when its renewal was sent: the store may have heard it no earlier. */
  async #keepLease(since: number, lost: AbortController): Promise<void> {
    let held = since
    while (this.#life.isAlive && !lost.signal.aborted) {
      await this.#life.sleep(renewEveryMs)
      const asked = this.#life.monotonic()
      const left = held + leaseMs - asked
      const answer = left <= 0 ? false : await this.#renew()
      if (answer === true) held = asked
      if (answer === false) lost.abort(new Fault('leadership-lost', 'the lease has run out'))
    }
  }

  /** Undefined: no answer, so the lease that is held runs on. */
  #renew(): Promise<boolean | undefined> {
    return this.#ask(async () => this.#store.renew(this), renewEveryMs).catch(() => undefined)
  }

  async #commitDurably(commit: Commit): Promise<Revision> {
    const { trouble, chance, network } = this.#store
    const { timeline } = network
    if (trouble.isFull === true) throw new Fault('store-full', 'the disk of the store is full')
    if (trouble.failsSync === true) {
      // Whether it is durable nobody knows: it may turn up later, it is never acknowledged.
      if (chance.happens(0.5)) await this.#store.commit(commit, this.#life.name).catch(() => {})
      throw new Fault('store-failed', 'the sync of the store failed', { retry: 'never' })
    }
    const revision = await this.#store.commit(commit, this.#life.name)
    const ms = chance.between(...syncMs) + (trouble.slowMs ?? 0)
    await new Promise<void>((resolve) => void timeline.after(ms, resolve))
    return revision
  }

  /** Runs `work` where the store is, and brings back what comes of it. */
  #ask<T>(work: () => Promise<T>, waitMs = patienceMs): Promise<T> {
    const { network } = this.#store
    const life = this.#life
    return new Promise((resolve, reject) => {
      const timer = life.after(waitMs, () => {
        reject(new Fault('store-failed', 'the store does not answer', { retry: 'never' }))
      })
      const back = (settle: () => void): void => {
        network.carry(storeHost, life.host, () => {
          life.enter(() => {
            timer.cancel()
            settle()
          })
        })
      }
      let hasCome = false
      network.carry(life.host, storeHost, () => {
        // A connection carries each request once, however often its packets are sent.
        if (hasCome) return
        hasCome = true
        work().then(
          (answer) => back(() => resolve(answer)),
          (error: unknown) => back(() => reject(error)),
        )
      })
    })
  }
}
