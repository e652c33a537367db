/** The past as the program of today reads it: old records are upgraded, nothing is observed. */
import { Fault } from '../base/errors.ts'
import { kindOf } from '../base/key.ts'
import { LiveSnapshot } from './live-snapshot.ts'
import type { Observations } from './observations.ts'
import type {
  HistoryPage,
  HistoryQuery,
  Kind,
  Moment,
  Past,
  RecordVersion,
  Revision,
  Snapshot,
  Store,
} from './port.ts'
import type { RecordSchema } from './record-schema.ts'

/**
 * Questions that may wait while another is answered: each builds a state of its own, some 50 MB
 * of it in a large cloud, so they are answered one at a time; eight of them take about 2 s.
 */
const waitingMax = 8

/** Reads the past of a store. */
export class StoredPast implements Past {
  readonly #store: Store
  readonly #kinds: readonly Kind<unknown>[]
  readonly #schemas: ReadonlyMap<string, RecordSchema>
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(
    store: Store,
    kinds: readonly Kind<unknown>[],
    schemas: ReadonlyMap<string, RecordSchema>,
  ) {
    this.#store = store
    this.#kinds = kinds
    this.#schemas = schemas
  }

  async snapshotAt(revision: Revision): Promise<Snapshot> {
    if (this.#waiting > waitingMax) {
      throw new Fault('past-busy', `${waitingMax} questions about the past wait already`)
    }
    this.#waiting++
    const answer = this.#last.then(() => this.#build(revision))
    this.#last = answer.catch(() => undefined)
    try {
      return await answer
    } finally {
      this.#waiting--
    }
  }

  momentAt(at: number): Promise<Moment> {
    return this.#store.momentAt(at)
  }

  async history(query: HistoryQuery): Promise<HistoryPage> {
    const { changes, next } = await this.#store.history(query)
    const upgraded = changes.map((change) => {
      const schema = this.#schemas.get(kindOf(change.key))
      return {
        ...change,
        before: upgradedVersion(change.before, schema),
        after: upgradedVersion(change.after, schema),
      }
    })
    return { changes: upgraded, next }
  }

  async #build(revision: Revision): Promise<Snapshot> {
    const records = await this.#store.recordsAt(revision)
    const snapshot = new LiveSnapshot(this.#kinds, unobserved, revision)
    for (const { key, value, schema, ...stamp } of records) {
      const parsed = this.#schemas.get(kindOf(key))?.parse(value, schema)
      if (parsed?.ok === true) snapshot.tableOf(key)?.put({ key, value: parsed.value, ...stamp })
    }
    return snapshot
  }
}

/** What was observed is never committed, so of the past none of it is known. */
const unobserved: Observations = {
  since: Number.POSITIVE_INFINITY,
  node: () => undefined,
  instance: () => undefined,
  ingress: () => undefined,
  ingresses: () => [],
}

/** The version in today's schema; one that cannot be brought there stays as it was written. */
function upgradedVersion(
  version: RecordVersion | undefined,
  schema: RecordSchema | undefined,
): RecordVersion | undefined {
  if (version === undefined || schema === undefined) return version
  const parsed = schema.parse(version.value, version.schema)
  return parsed.ok ? { value: parsed.value, schema: schema.version } : version
}
