/**
 * The records in memory, fed by the store's change feed and by nothing else: a write is visible
 * when the store has made it durable, and in the order of revisions. Reads never leave memory.
 */
import type { Clock } from '../base/clock.ts'
import { assert, Bug, messageOf, Refusal } from '../base/errors.ts'
import { kindOf, type Key } from '../base/key.ts'
import type { Log } from '../base/log.ts'
import type { Attribution } from '../parts/audit/model.ts'
import { LiveSnapshot } from './live-snapshot.ts'
import type { Observations } from './observations.ts'
import { StoredPast } from './past.ts'
import type {
  Change,
  CommittedChange,
  Entry,
  Expectation,
  Kind,
  Leadership,
  LogQuery,
  Operation,
  Past,
  Proposal,
  Revision,
  State,
  Store,
  StoredRecord,
  Write,
} from './port.ts'
import { RecordSchema } from './record-schema.ts'
import { WaitingRoom } from './waiting-room.ts'

/** Observations that tell of their changes. */
export interface ObservedChanges extends Observations {
  subscribe(listener: (change: Change) => void): () => void
}

export interface StateOptions {
  readonly store: Store
  readonly kinds: readonly Kind<never>[]
  readonly clock: Clock
  readonly observations: ObservedChanges
  readonly log: Log
  /** What every commit is made under. */
  readonly leadership: Leadership
}

/** A stored record that could not be believed: it stays in the store, and out of the state. */
export interface ParkedRecord {
  readonly key: Key
  readonly schema: number
  readonly revision: Revision
  readonly createdRevision: Revision
  readonly reason: string
}

/** A state with what its host needs of it. */
export interface OpenState extends State {
  /** Records that were set aside, each with its reason. */
  parked(): Iterable<ParkedRecord>
  /** Ends the feed; the store itself is closed by whoever opened it. */
  close(): Promise<void>
}

/** Loads everything from the store and follows its feed from there. */
export async function openState(options: StateOptions): Promise<OpenState> {
  const { records, revision } = await options.store.load()
  const state = new FollowedState(options, revision)
  state.start(records)
  return state
}

/** A sentence in the log is cut at this length (see Attribution). */
const whyLengthMax = 1_024

class FollowedState implements OpenState {
  readonly snapshot: LiveSnapshot
  readonly past: Past
  readonly #store: Store
  readonly #clock: Clock
  readonly #log: Log
  readonly #leadership: Leadership
  readonly #schemas: ReadonlyMap<string, RecordSchema>
  readonly #parked = new Map<Key, ParkedRecord>()
  readonly #listeners = new Set<(change: Change) => void>()
  readonly #arrivals: WaitingRoom
  readonly #closing = new AbortController()
  readonly #stopObserving: () => void
  #following: Promise<void> = Promise.resolve()

  constructor(options: StateOptions, revision: Revision) {
    const { store, kinds, clock, observations, log, leadership } = options
    this.#store = store
    this.#clock = clock
    this.#log = log
    this.#leadership = leadership
    this.#arrivals = new WaitingRoom(revision)
    const known = kinds as unknown as readonly Kind<unknown>[]
    this.snapshot = new LiveSnapshot(known, observations, revision)
    this.#schemas = new Map(known.map((kind) => [kind.name, new RecordSchema(kind)]))
    this.past = new StoredPast(store, known, this.#schemas)
    this.#stopObserving = observations.subscribe((change) => this.#notify(change))
  }

  start(records: readonly StoredRecord[]): void {
    for (const record of records) this.#restore(record)
    this.#following = this.#follow()
  }

  async commit(proposal: Proposal): Promise<Revision> {
    const expectations = [...(proposal.expectations ?? [])]
    const operations = proposal.writes.map((write) => this.#checkWrite(write, expectations))
    const revision = await this.#store.commit({
      operations,
      expectations,
      attribution: checkAttribution(proposal.attribution),
      at: this.#clock.now(),
      epoch: this.#leadership.epoch,
    })
    if (revision > this.snapshot.revision) await this.#arrival(revision)
    return revision
  }

  subscribe(listener: (change: Change) => void): () => void {
    // A function of its own, so that one listener may subscribe twice and stop once.
    const own = (change: Change): void => listener(change)
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  waitFor(revision: Revision, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (revision <= this.snapshot.revision) return resolve()
      const timer = this.#clock.after(timeoutMs, () => {
        giveUp()
        reject(revisionLate(revision, this.snapshot.revision))
      })
      const giveUp = this.#arrivals.wait(revision, () => {
        timer.cancel()
        resolve()
      })
    })
  }

  log(query: LogQuery): ReturnType<State['log']> {
    return this.#store.log(query)
  }

  parked(): Iterable<ParkedRecord> {
    return [...this.#parked.values()]
  }

  async close(): Promise<void> {
    this.#stopObserving()
    this.#closing.abort()
    await this.#following
    // What is durable will be seen at the next start; nobody waits for it here any more.
    this.#arrivals.reach(Number.MAX_SAFE_INTEGER)
  }

  /** Checks a write and turns it into an operation; adds what it expects to `expectations`. */
  #checkWrite(write: Write, expectations: Expectation[]): Operation {
    const { key, expect } = write
    const table = this.snapshot.tableOf(key)
    if (table === undefined) throw new Bug(`the state was opened without the kind of ${key}`)
    if (expect !== 'any') expectations.push({ key, revision: expect })
    if (write.op === 'delete') return { op: 'delete', key }
    const { kind } = table
    const { value, schema } = write
    assert(schema === kind.version, `${kind.name} is written with schema ${kind.version}`)
    this.#schemas.get(kind.name)?.check(value)
    assert(kind.keyOf(value) === key, `${key} is not the key of what is written there`)
    if (kind.checkChange !== undefined) {
      const before = table.get(key)
      kind.checkChange(before?.value, value)
      // The step was judged from this entry, so it holds only as long as the entry does.
      const judged = before ?? this.#parked.get(key)
      if (expect === 'any') expectations.push({ key, revision: judged?.revision ?? 'absent' })
    }
    return { op: 'put', key, value: freeze(value), schema }
  }

  #arrival(revision: Revision): Promise<void> {
    return new Promise((resolve) => {
      this.#arrivals.wait(revision, resolve)
    })
  }

  #restore({ key, value, schema, revision, createdRevision }: StoredRecord): void {
    const kind = kindOf(key)
    const parsed = this.#schemas.get(kind)?.parse(value, schema)
    if (parsed?.ok === true) {
      this.#parked.delete(key)
      const entry = { key, value: freeze(parsed.value), revision, createdRevision }
      this.snapshot.tableOf(key)?.put(entry)
      return
    }
    const reason = parsed?.reason ?? `this version knows no records of the kind ${kind}`
    this.#parked.set(key, { key, schema, revision, createdRevision, reason })
    this.snapshot.tableOf(key)?.remove(key)
    this.#log.warn('record parked', { key, schema, reason })
  }

  async #follow(): Promise<void> {
    try {
      // Rule 1 of docs/reference/rules.md: after a gap everything is read again.
      while (!(await this.#followToTheEnd())) await this.#reload()
    } catch (error) {
      // The leadership is lost with the store, and with it this process.
      this.#log.error('change feed ended', { error: messageOf(error) })
    }
  }

  /** Applies what the feed tells; false when it no longer holds what comes next. */
  async #followToTheEnd(): Promise<boolean> {
    const changes = this.#store.changes(this.snapshot.revision, this.#closing.signal)
    try {
      for await (const change of changes) this.#apply(change)
      return true
    } catch (error) {
      if (error instanceof Refusal && error.code === 'compacted') return false
      throw error
    }
  }

  #apply({ revision, operations }: CommittedChange): void {
    this.snapshot.revision = revision
    // All of a commit is in place before anybody hears of a part of it.
    const told = operations.map((operation) => this.#applyOne(operation, revision))
    for (const change of told) if (change !== undefined) this.#notify(change)
    this.#arrivals.reach(revision)
  }

  #applyOne(operation: Operation, revision: Revision): Change | undefined {
    const { key } = operation
    if (operation.op === 'delete') return this.#remove(key, revision)
    const { value, schema } = operation
    const table = this.snapshot.tableOf(key)
    const before = table?.get(key)
    const known = before ?? this.#parked.get(key)
    const createdRevision = known?.createdRevision ?? revision
    if (schema === table?.kind.version) {
      // What this version wrote was checked on its way in.
      this.#parked.delete(key)
      table.put({ key, value, revision, createdRevision })
    } else this.#restore({ key, value, schema, revision, createdRevision })
    return changeOf(before, table?.get(key), revision)
  }

  #remove(key: Key, revision: Revision): Change | undefined {
    this.#parked.delete(key)
    return changeOf(this.snapshot.tableOf(key)?.remove(key), undefined, revision)
  }

  /** Takes over whatever became of the records while the feed was too far behind. */
  async #reload(): Promise<void> {
    const { records, revision } = await this.#store.load()
    this.#log.warn('state reloaded', { from: this.snapshot.revision, revision })
    const present = new Set(records.map(({ key }) => key))
    const told: (Change | undefined)[] = []
    for (const table of this.snapshot.tables()) {
      for (const { key } of table.list()) {
        if (!present.has(key)) told.push(this.#remove(key, revision))
      }
    }
    for (const record of records) {
      if (record.revision <= this.snapshot.revision) continue
      const table = this.snapshot.tableOf(record.key)
      const before = table?.get(record.key)
      this.#restore(record)
      told.push(changeOf(before, table?.get(record.key), record.revision))
    }
    this.snapshot.revision = revision
    for (const change of told) if (change !== undefined) this.#notify(change)
    this.#arrivals.reach(revision)
  }

  #notify(change: Change): void {
    for (const listener of this.#listeners) {
      try {
        listener(change)
      } catch (error) {
        // One listener's Bug must not hide the change from the others.
        this.#log.error('listener failed', { error: messageOf(error), of: change.of })
      }
    }
  }
}

function changeOf(
  before: Entry<unknown> | undefined,
  after: Entry<unknown> | undefined,
  revision: Revision,
): Change | undefined {
  const key = after?.key ?? before?.key
  if (key === undefined) return undefined
  const kind = kindOf(key)
  return { of: 'record', kind, key, before: before?.value, after: after?.value, revision }
}

const whatPattern = /^[a-z-]+\.[a-z-]+$/

function checkAttribution({ who, what, why }: Attribution): Attribution {
  assert(whatPattern.test(what), `not a verb of the log: ${what}`)
  if (why.length <= whyLengthMax) return { who, what, why }
  return { who, what, why: `${why.slice(0, whyLengthMax - 1)}…` }
}

function revisionLate(wanted: Revision, revision: Revision): Refusal {
  return new Refusal('revision-late', `this server has not seen revision ${wanted} in time`, {
    status: 409,
    hint: 'repeat the request, or leave Roadstead-Revision out to read what is there',
    details: { wanted, revision },
  })
}

/** Freezes plain data to its depth; parts that are shared with an earlier version are frozen. */
function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const member of Object.values(value)) freeze(member)
  return value
}
