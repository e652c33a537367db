import { Readable } from 'node:stream'
import Type from 'typebox'
import { nothingLost, type Bound } from '../base/bounds.ts'
import type { Clock } from '../base/clock.ts'
import { Refusal } from '../base/errors.ts'
import type { Change, Kind, Revision, Snapshot } from '../store/port.ts'
import { appKind, releaseKind } from '../parts/apps/records.ts'
import { listenerKind } from '../parts/discovery/records.ts'
import { instanceKind } from '../parts/instances/records.ts'
import { nodeKind } from '../parts/nodes/records.ts'
import { rolloutKind } from '../parts/rollouts/records.ts'
import type { ChangeEvent } from '../wire/api.ts'
import { route, type RouteDefinition, type RouteReply } from '../wire/route.ts'
import { ChangeRing, type RememberedChange } from './change-ring.ts'

/**
 * The change feed for people's programs, as server-sent events.
 *
 * `change`: a record was written or deleted. `observed`: an agent said something new of an
 * instance; no commit, so no id. `reset`: what came between is no longer known, read again.
 */

/** Changes that a watcher may have missed and still resume. */
const ringMax = 10_000

/** Text that waits for one watcher at the most, in characters; a slower one is cut. */
const waitingCharsMax = 1024 * 1024

/** Watchers at once. */
const watchersMax = 256

/** A comment this often keeps proxies from closing a quiet stream, in ms. */
const heartbeatMs = 15_000

/** Observations of one instance within this time are told once, in ms. */
const observedEveryMs = 100

/** What may be watched. Any other kind, tokens and sessions above all, stays inside. */
const watchedKinds: readonly Kind<never>[] = [
  appKind,
  releaseKind,
  rolloutKind,
  instanceKind,
  nodeKind,
  listenerKind,
]

interface Watcher {
  readonly stream: Readable
  /** Undefined: every kind. */
  readonly kinds: ReadonlySet<string> | undefined
}

/** Tells all watchers of each change, once it is durable. */
export class Watch {
  readonly #snapshot: Snapshot
  readonly #clock: Clock
  readonly #kinds = new Map(watchedKinds.map((kind) => [kind.name, kind as Kind<unknown>]))
  readonly #ring: ChangeRing
  readonly #watchers = new Set<Watcher>()
  #pending: RememberedChange[] = []
  readonly #observed = new Set<string>()
  #isBeating = false

  constructor(snapshot: Snapshot, clock: Clock) {
    this.#snapshot = snapshot
    this.#clock = clock
    this.#ring = new ChangeRing(ringMax, snapshot.revision)
  }

  bounds(): Bound[] {
    return [
      {
        name: 'server.changes-remembered',
        says: 'changes that a watcher may have missed and still resume; beyond it it reads anew',
        unit: 'items',
        overflow: 'drops-oldest',
        limit: ringMax,
        used: () => this.#ring.length,
        lost: nothingLost,
      },
      {
        name: 'server.watchers',
        says: 'programs and consoles that follow changes; the next is refused with 429',
        unit: 'items',
        overflow: 'refuses',
        limit: watchersMax,
        used: () => this.#watchers.size,
        lost: nothingLost,
      },
    ]
  }

  notice(change: Change): void {
    if (change.of === 'record') this.#noticeRecord(change)
    else if (change.of === 'instance' && this.#watchers.size > 0) {
      if (this.#observed.size === 0) {
        this.#clock.after(observedEveryMs, () => this.#tellObserved())
      }
      this.#observed.add(change.instanceId)
    }
  }

  route(): RouteDefinition {
    return route({
      method: 'GET',
      path: '/v1/watch',
      rule: { roles: ['operator', 'developer', 'viewer'] },
      summary: 'Server-sent events of each change; resumes after a revision.',
      tag: 'watch',
      query: Type.Object({
        after: Type.Optional(Type.Integer({ minimum: 0 })),
        kinds: Type.Optional(Type.String({ maxLength: 256 })),
      }),
      answers: { 200: Type.String() },
      handle: async ({ query, headers }) =>
        this.#open(resumeAfter(headers['last-event-id']) ?? query.after, query.kinds),
    })
  }

  #open(after: Revision | undefined, kinds: string | undefined): RouteReply {
    if (this.#watchers.size >= watchersMax) {
      throw new Refusal('too-many-watchers', `${watchersMax} watches are open already`, {
        status: 429,
      })
    }
    const stream = new Readable({ read() {} })
    const watcher = { stream, kinds: kinds === undefined ? undefined : new Set(kinds.split(',')) }
    this.#watchers.add(watcher)
    stream.once('close', () => this.#watchers.delete(watcher))
    this.#beat()
    stream.push('retry: 1000\n\n')
    if (after !== undefined) this.#resume(watcher, after)
    return { headers: { 'content-type': 'text/event-stream; charset=utf-8' }, body: stream }
  }

  #resume(watcher: Watcher, after: Revision): void {
    const missed = after > this.#snapshot.revision ? undefined : this.#ring.after(after)
    if (missed === undefined) {
      const { revision } = this.#snapshot
      send(watcher, `event: reset\nid: ${revision}\ndata: ${JSON.stringify({ revision })}\n\n`)
    } else {
      // What waits for the microtask below is in the ring already.
      const pending = new Set(this.#pending)
      this.#tell(
        missed.filter((change) => !pending.has(change)),
        [watcher],
      )
    }
  }

  #noticeRecord({ kind, key, revision }: Extract<Change, { of: 'record' }>): void {
    if (!this.#kinds.has(kind)) return
    const change = { revision, kind, key }
    this.#ring.add(change)
    if (this.#watchers.size === 0) return
    this.#pending.push(change)
    // All of a commit is told in one go: only its last event may carry its revision as id.
    if (this.#pending.length === 1) queueMicrotask(() => this.#tellPending())
  }

  #tellPending(): void {
    const changes = this.#pending
    this.#pending = []
    this.#tell(changes, this.#watchers)
  }

  #tell(changes: readonly RememberedChange[], watchers: Iterable<Watcher>): void {
    for (const [index, change] of changes.entries()) {
      const isLast = changes[index + 1]?.revision !== change.revision
      const id = isLast ? `id: ${change.revision}\n` : ''
      const event = `event: change\n${id}data: ${JSON.stringify(this.#eventOf(change))}\n\n`
      for (const watcher of watchers) {
        if (wants(watcher, change.kind)) send(watcher, event)
      }
    }
  }

  #eventOf({ revision, kind, key }: RememberedChange): ChangeEvent {
    const known = this.#kinds.get(kind)
    const value = known === undefined ? undefined : this.#snapshot.get(known, key)?.value
    return { revision, kind, key, value: value ?? null }
  }

  #tellObserved(): void {
    for (const instanceId of this.#observed) {
      const observed = this.#snapshot.observations.instance(instanceId) ?? null
      const event = `event: observed\ndata: ${JSON.stringify({ instanceId, observed })}\n\n`
      for (const watcher of this.#watchers) {
        if (wants(watcher, instanceKind.name)) send(watcher, event)
      }
    }
    this.#observed.clear()
  }

  #beat(): void {
    if (this.#isBeating) return
    this.#isBeating = true
    this.#clock.after(heartbeatMs, () => {
      for (const watcher of this.#watchers) send(watcher, ': still here\n\n')
      this.#isBeating = false
      if (this.#watchers.size > 0) this.#beat()
    })
  }
}

function wants({ kinds }: Watcher, kind: string): boolean {
  return kinds === undefined || kinds.has(kind)
}

function send({ stream }: Watcher, text: string): void {
  if (stream.destroyed) return
  stream.push(text)
  if (stream.readableLength > waitingCharsMax) stream.destroy()
}

function resumeAfter(header: string | undefined): Revision | undefined {
  const revision = Number(header ?? NaN)
  return Number.isSafeInteger(revision) && revision >= 0 ? revision : undefined
}
