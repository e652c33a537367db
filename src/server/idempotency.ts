import { AsyncLocalStorage } from 'node:async_hooks'
import Type, { type Static } from 'typebox'
import { nothingLost, type Bound } from '../base/bounds.ts'
import type { Clock } from '../base/clock.ts'
import { digestOf } from '../base/digest.ts'
import { Refusal } from '../base/errors.ts'
import { keyOf, type Key } from '../base/key.ts'
import {
  create,
  replace,
  type Kind,
  type Proposal,
  type Revision,
  type Snapshot,
  type State,
  type Write,
} from '../store/port.ts'
import type { RouteReply } from '../wire/route.ts'
import type { Identity } from './authentication.ts'

/**
 * A write with an `Idempotency-Key` is carried out once, however often it is sent.
 *
 * The key is recorded in the same commit as the write itself, so that no crash can come between
 * them; the answer is added before it is sent. A retry gets that answer, also from a server that
 * was started anew. One gap is left and told honestly: a crash after the write and before its
 * answer was kept makes the retry a 409 with the revision of the write.
 */

/** Keys are kept this long, in ms: longer than any client's retries. */
const keptMs = 24 * 60 * 60 * 1_000

/** Keys kept at the most; the oldest goes first. */
const keysMax = 10_000

/** Outdated keys that one write clears away: twice what it adds, so the bound is reached again. */
const clearedAtOnce = 2

/** Characters of an answer that is kept; all answers to writes are far below. */
const answerCharsMax = 16_384

/** Answers to what wrote nothing that are remembered at the most: 16 MB of them at their largest. */
const unwrittenMax = 1_000

/** Printable ASCII, as the header's draft standard has it. */
const keyPattern = /^[!-~]{1,128}$/

const IdempotentWrite = Type.Object({
  /** The sha256 of the caller's name and key. */
  id: Type.String(),
  /** The digest of method, URL and body: another request under the same key is refused. */
  request: Type.String(),
  at: Type.Number(),
  /** Null until the write's answer is known. */
  answer: Type.Union([
    Type.Object({
      status: Type.Integer(),
      headers: Type.Record(Type.String(), Type.String()),
      body: Type.Unknown(),
    }),
    Type.Null(),
  ]),
})
type IdempotentWrite = Static<typeof IdempotentWrite>

/** The record behind one `Idempotency-Key`. */
export const idempotencyKind: Kind<IdempotentWrite> = {
  name: 'idempotency',
  version: 1,
  schema: IdempotentWrite,
  keyOf: (write) => idempotencyKey(write.id),
  upgraders: {},
  indexes: {},
}

function idempotencyKey(id: string): Key {
  return keyOf({ kind: 'idempotency', name: id })
}

/** What makes two requests the same one. */
export interface KeyedRequest {
  readonly identity: Identity | undefined
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The body as it was sent, where there is a key. */
  readonly rawBody: string | undefined
}

/** A keyed write that is under way. */
interface Running {
  readonly record: IdempotentWrite
  readonly reply: Promise<RouteReply>
}

/** Carries the record to the commit that the handler makes, without the handler knowing. */
interface Pending {
  readonly record: IdempotentWrite
  isRecorded: boolean
}

/** Runs writes once per key. Routes must commit through `state`. */
export class Idempotency {
  /** The state for routes: the first commit inside a keyed write carries its record. */
  readonly state: State
  readonly #inner: State
  readonly #clock: Clock
  readonly #pending = new AsyncLocalStorage<Pending>()
  readonly #running = new Map<string, Running>()
  /** Answers to what wrote nothing, oldest first: a restart forgets them, and nothing is lost. */
  readonly #unwritten = new Map<string, IdempotentWrite>()
  /** Keys of kept records, oldest first. */
  readonly #kept: Set<Key>

  constructor(state: State, clock: Clock) {
    this.#inner = state
    this.#clock = clock
    this.state = this.#recordingState()
    const records = [...state.snapshot.list(idempotencyKind)]
    this.#kept = new Set(
      records.toSorted((a, b) => a.value.at - b.value.at).map((entry) => entry.key),
    )
    state.subscribe((change) => {
      if (change.of !== 'record' || change.kind !== idempotencyKind.name) return
      if (change.after === undefined) this.#kept.delete(change.key)
      else this.#kept.add(change.key)
    })
  }

  bounds(): Bound[] {
    const key = { unit: 'items', overflow: 'drops-oldest', lost: nothingLost } as const
    return [
      {
        ...key,
        name: 'server.idempotency-keys',
        says: 'keys of writes whose answers are kept for a day; the oldest goes first',
        limit: keysMax,
        used: () => this.#kept.size,
      },
      {
        ...key,
        name: 'server.idempotency-keys-unwritten',
        says: 'keys of requests that wrote nothing; the oldest goes first',
        limit: unwrittenMax,
        used: () => this.#unwritten.size,
      },
    ]
  }

  /** Runs `handle`, or answers as the write with the same key was answered. */
  async run(request: KeyedRequest, handle: () => Promise<RouteReply>): Promise<RouteReply> {
    const header = request.headers['idempotency-key']
    if (header === undefined || request.identity === undefined) return handle()
    const record = this.#recordOf(request, header)
    const before = this.#before(record)
    if (before !== undefined) return before
    const reply = this.#runOnce(record, handle)
    this.#running.set(record.id, { record, reply })
    try {
      return await reply
    } finally {
      this.#running.delete(record.id)
    }
  }

  #recordOf(request: KeyedRequest, header: string | string[]): IdempotentWrite {
    if (typeof header !== 'string' || !keyPattern.test(header)) {
      throw new Refusal('input-invalid', 'the idempotency key is not 1 to 128 printable letters', {
        path: '/headers/idempotency-key',
      })
    }
    const caller = request.identity?.caller.name ?? ''
    return {
      id: digestOf(`${caller}\n${header}`).slice('sha256:'.length),
      request: digestOf(`${request.method}\n${request.url}\n${request.rawBody ?? ''}`),
      at: this.#clock.now(),
      answer: null,
    }
  }

  /** The answer of the write that came first, if there was one. */
  #before(record: IdempotentWrite): Promise<RouteReply> | RouteReply | undefined {
    const running = this.#running.get(record.id)
    if (running !== undefined) {
      checkSame(running.record, record)
      return running.reply
    }
    const unwritten = this.#unwritten.get(record.id)
    if (unwritten !== undefined && unwritten.at + keptMs > record.at) {
      checkSame(unwritten, record)
      return unwritten.answer ?? undefined
    }
    const kept = this.#inner.snapshot.get(idempotencyKind, idempotencyKey(record.id))
    if (kept === undefined || kept.value.at + keptMs <= record.at) return undefined
    checkSame(kept.value, record)
    if (kept.value.answer !== null) return kept.value.answer
    throw new Refusal('idempotency-interrupted', 'the write was made, but its answer is lost', {
      status: 409,
      hint: 'read what you wrote; it is there since the revision in details',
      details: { revision: kept.createdRevision },
    })
  }

  async #runOnce(record: IdempotentWrite, handle: () => Promise<RouteReply>): Promise<RouteReply> {
    const pending: Pending = { record, isRecorded: false }
    const reply = await this.#pending.run(pending, handle)
    const { status = 200, headers = {}, body = null } = reply
    if (JSON.stringify(body).length > answerCharsMax) return reply
    const answered = { ...record, answer: { status, headers: { ...headers }, body } }
    if (pending.isRecorded) await this.#keep(answered)
    else this.#remember(answered)
    return reply
  }

  /** What wrote nothing makes no commit of its own: a plan, a deploy of what runs already. */
  #remember(answered: IdempotentWrite): void {
    this.#unwritten.set(answered.id, answered)
    for (const [id, { at }] of this.#unwritten) {
      const isOutdated = at + keptMs <= answered.at
      if (!isOutdated && this.#unwritten.size <= unwrittenMax) break
      this.#unwritten.delete(id)
    }
  }

  /** Adds the answer to the record. */
  async #keep(answered: IdempotentWrite): Promise<void> {
    await this.#inner.commit({
      writes: [this.#put(answered), ...this.#clearing(idempotencyKey(answered.id))],
      attribution: { who: 'server', what: 'idempotency.keep', why: 'kept in case of a retry' },
    })
  }

  #put(record: IdempotentWrite): Write {
    const entry = this.#inner.snapshot.get(idempotencyKind, idempotencyKey(record.id))
    return entry === undefined
      ? create(idempotencyKind, record)
      : replace(idempotencyKind, entry, record)
  }

  #clearing(own: Key): Write[] {
    const writes: Write[] = []
    const outdatedBefore = this.#clock.now() - keptMs
    let surplus = this.#kept.size - keysMax
    for (const key of this.#kept) {
      const entry = this.#inner.snapshot.get(idempotencyKind, key)
      const isOutdated = entry === undefined || entry.value.at <= outdatedBefore
      if ((!isOutdated && surplus-- <= 0) || writes.length === clearedAtOnce) break
      // Two writes may clear the same record: whoever comes second finds nothing to do.
      if (key !== own) writes.push({ op: 'delete', key, expect: 'any' })
    }
    return writes
  }

  #recordingState(): State {
    const inner = this.#inner
    const commit = (proposal: Proposal): Promise<Revision> => this.#commit(proposal)
    return {
      get snapshot(): Snapshot {
        return inner.snapshot
      },
      commit,
      subscribe: (listener) => inner.subscribe(listener),
      waitFor: (revision, timeoutMs) => inner.waitFor(revision, timeoutMs),
      log: (query) => inner.log(query),
      past: inner.past,
    }
  }

  async #commit(proposal: Proposal): Promise<Revision> {
    const pending = this.#pending.getStore()
    if (pending === undefined || pending.isRecorded) return this.#inner.commit(proposal)
    const writes = [...proposal.writes, this.#put(pending.record)]
    const revision = await this.#inner.commit({ ...proposal, writes })
    pending.isRecorded = true
    return revision
  }
}

function checkSame(before: IdempotentWrite, now: IdempotentWrite): void {
  if (before.request === now.request) return
  throw new Refusal('idempotency-mismatch', 'this idempotency key belongs to another request', {
    status: 422,
    hint: 'use a new key for each write; repeat a key only with the very same request',
    path: '/headers/idempotency-key',
  })
}
