/** Reads the past from bases and log. While it does, neither is taken away under it. */
import type { Key } from '../../base/key.ts'
import { HistoryScan } from '../history-scan.ts'
import type { HistoryPage, HistoryQuery, Moment, RecordVersion, Revision } from '../port.ts'
import type { Bases } from './bases.ts'
import type { CommitLog } from './commit-log.ts'
import { readLatest, type Latest } from './fold.ts'
import type { RecordRow } from './messages.ts'
import { StoreFileError } from './store-file-error.ts'

/** Records told at a time. */
const pageLength = 1_000

/** Before the first commit there was nothing. */
const nothing: Moment = { revision: 0, at: Number.NEGATIVE_INFINITY }

export class PastReader {
  readonly #log: CommitLog
  readonly #bases: Bases
  #readers = 0

  constructor(log: CommitLog, bases: Bases) {
    this.#log = log
    this.#bases = bases
  }

  get isBeingRead(): boolean {
    return this.#readers > 0
  }

  /** Keeps bases and log as they are until the work has ended, in whichever way. */
  *whileReading<Slice, Result>(work: () => Generator<Slice, Result>): Generator<Slice, Result> {
    this.#readers++
    try {
      return yield* work()
    } finally {
      this.#readers--
    }
  }

  recordsAt(revision: Revision): Generator<readonly RecordRow[]> {
    return this.whileReading(() => this.#recordsAt(revision))
  }

  history(query: HistoryQuery): Generator<void, HistoryPage> {
    return this.whileReading(() => this.#history(query))
  }

  momentAt(at: number): Moment {
    const start = this.#start
    const found = this.#log.momentAt(at)
    if (found !== undefined && found.revision > start.revision) return found
    if (start === nothing || start.at > at) throw this.#beyondHorizon()
    return start
  }

  /** What the log that is kept begins on. */
  get #start(): Moment {
    if (this.#log.oldest === 1) return nothing
    const newest = this.#log.newest
    return this.#bases.all[0] ?? { revision: newest.revision + 1, at: newest.at }
  }

  *#recordsAt(revision: Revision): Generator<readonly RecordRow[]> {
    if (revision < this.#start.revision) throw this.#beyondHorizon()
    const base = this.#bases.atOrBefore(revision) ?? nothing
    const latest: Latest = new Map()
    for (let read = base.revision; read < revision; yield []) {
      read = readLatest(this.#log, latest, read, revision)
    }
    for (const page of this.#bases.records(base)) yield page.filter(([key]) => !latest.has(key))
    let page: RecordRow[] = []
    for (const { operation, revision: written } of latest.values()) {
      if (operation.op === 'delete') continue
      const { key, value, schema, created } = operation
      page.push([key, JSON.stringify(value), schema, written, created])
      if (page.length < pageLength) continue
      yield page
      page = []
    }
    yield page
  }

  *#history(query: HistoryQuery): Generator<void, HistoryPage> {
    const start = this.#start
    const scan = new HistoryScan(query)
    yield* this.#log.scan(scan, start.revision)
    const wanted = new Set<string>(scan.openKeys)
    const found = new Map<string, RecordVersion>()
    if (wanted.size > 0 && start !== nothing) {
      for (const page of this.#bases.records(start)) {
        for (const [key, value, schema] of page) {
          if (wanted.has(key)) found.set(key, { value: JSON.parse(value), schema })
        }
        yield
      }
    }
    return scan.finish((key: Key) => found.get(key))
  }

  #beyondHorizon(): StoreFileError {
    const { oldest } = this.#log
    const start = this.#start
    const moment =
      start === nothing ? { revision: oldest, at: this.#log.timeOf(oldest) ?? 0 } : start
    const message = `what was before revision ${moment.revision} is not kept`
    return new StoreFileError({ code: 'beyond-horizon', message, moment })
  }
}
