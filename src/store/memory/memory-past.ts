/** The past of a store in memory: the log that it keeps, and the records where that log begins. */
import type { Key } from '../../base/key.ts'
import { HistoryScan, type ScannedCommit } from '../history-scan.ts'
import { basedEvery, beyondHorizon, notYet } from '../horizon.ts'
import type {
  Commit,
  HistoryPage,
  HistoryQuery,
  Horizon,
  Moment,
  Revision,
  StoredRecord,
} from '../port.ts'

/** Commits in order, over the records that they began with. */
export class MemoryPast {
  readonly #horizon: Horizon
  /** The records behind the commit before the oldest that is kept. */
  readonly #base = new Map<Key, StoredRecord>()
  #baseMoment: Moment = { revision: 0, at: Number.NEGATIVE_INFINITY }
  #log: ScannedCommit[] = []
  #floor = Number.POSITIVE_INFINITY

  constructor(horizon: Horizon) {
    this.#horizon = horizon
  }

  /** The commits that are kept, oldest first. */
  get log(): readonly ScannedCommit[] {
    return this.#log
  }

  /** The oldest commit that is kept, or would be. */
  get first(): Revision {
    return this.#baseMoment.revision + 1
  }

  keepFrom(revision: Revision): void {
    this.#floor = revision
  }

  append(revision: Revision, commit: Commit, createdOf: (index: number) => Revision): void {
    const { at, attribution } = commit
    const operations = commit.operations.map((operation, index) =>
      operation.op === 'delete' ? operation : { ...operation, created: createdOf(index) },
    )
    this.#log.push({ revision, at, attribution, operations })
    this.#forget()
  }

  recordsAt(revision: Revision): StoredRecord[] {
    const newest = this.first + this.#log.length - 1
    if (revision > newest) throw notYet(revision, newest)
    if (revision < this.#baseMoment.revision) throw beyondHorizon(this.#oldest())
    const records = new Map(this.#base)
    for (const commit of this.#log.slice(0, revision - this.first + 1)) apply(records, commit)
    return [...records.values()]
  }

  momentAt(at: number): Moment {
    const found = this.#log.findLast((commit) => commit.at <= at) ?? this.#baseMoment
    if (found.at > at || found.revision === 0) throw beyondHorizon(this.#oldest())
    return { revision: found.revision, at: found.at }
  }

  history(query: HistoryQuery): HistoryPage {
    const scan = new HistoryScan(query)
    for (let index = this.#log.length - 1; index >= 0 && !scan.isDone; index--) {
      const commit = this.#log[index]
      if (commit !== undefined) scan.take(commit)
    }
    return scan.finish((key) => this.#base.get(key))
  }

  #oldest(): Moment {
    const { revision, at } = this.#baseMoment.revision > 0 ? this.#baseMoment : firstOf(this.#log)
    return { revision, at }
  }

  /** Cuts in steps, as the store with a disk does: a cut costs a copy of the log. */
  #forget(): void {
    const { commits, ms } = this.#horizon
    const newest = this.#log.at(-1)
    const oldest = this.#log[0]
    if (newest === undefined || oldest === undefined) return
    const step = basedEvery(this.#horizon)
    const isOutdated = (commit: ScannedCommit): boolean => newest.at - commit.at > ms
    if (this.#log.length < commits + step && !isOutdated(oldest)) return
    const outdated = this.#log.findIndex((commit) => !isOutdated(commit))
    const surplus = Math.max(this.#log.length - commits, outdated)
    const dead = Math.min(surplus, this.#floor - this.first)
    if (dead <= 0) return
    for (const commit of this.#log.slice(0, dead)) {
      apply(this.#base, commit)
      this.#baseMoment = { revision: commit.revision, at: commit.at }
    }
    this.#log = this.#log.slice(dead)
  }
}

const neverYet: Moment = { revision: 0, at: 0 }

function firstOf(log: readonly Moment[]): Moment {
  return log[0] ?? neverYet
}

function apply(records: Map<Key, StoredRecord>, { revision, operations }: ScannedCommit): void {
  for (const operation of operations) {
    const { key } = operation
    if (operation.op === 'delete') records.delete(key)
    else {
      const { value, schema, created: createdRevision = revision } = operation
      records.set(key, { key, value, schema, revision, createdRevision })
    }
  }
}
