import type { LogEntry } from '../../parts/audit/model.ts'
import type { LogRange } from '../log-query.ts'
import type { HistoryPage, HistoryQuery, Horizon, Moment, Revision } from '../port.ts'
import type { JournalRow } from './journal.ts'

/** What the worker thread is started with. */
export interface WorkerSettings {
  readonly file: string
  readonly horizon: Horizon
  /** Bytes of the file at the most; beyond it commits are refused as on a full disk. */
  readonly bytesMax: number
}

/** What the store's thread asks of its worker; those with an `id` are answered. */
export type Request =
  | { readonly of: 'append'; readonly row: JournalRow }
  | { readonly of: 'keep-from'; readonly revision: Revision }
  | { readonly of: 'epoch'; readonly id: number; readonly epoch: number }
  | { readonly of: 'load'; readonly id: number }
  | { readonly of: 'log'; readonly id: number; readonly range: LogRange }
  | { readonly of: 'changes'; readonly id: number; readonly after: Revision }
  | { readonly of: 'records-at'; readonly id: number; readonly revision: Revision }
  | { readonly of: 'moment-at'; readonly id: number; readonly at: number }
  | { readonly of: 'history'; readonly id: number; readonly query: HistoryQuery }
  | { readonly of: 'copy'; readonly id: number; readonly file: string }
  | { readonly of: 'close'; readonly id: number }

/** A record as it crosses between the threads: its value still as JSON. */
export type RecordRow = readonly [
  key: string,
  value: string,
  schema: number,
  revision: Revision,
  createdRevision: Revision,
]

/** Why the worker could not do something. */
export interface Failure {
  readonly code:
    | 'store-failed'
    | 'store-full'
    | 'store-corrupt'
    | 'store-newer'
    | 'store-in-use'
    | 'compacted'
    | 'beyond-horizon'
  readonly message: string
  /** Of `compacted`: the oldest revision that is kept. */
  readonly oldest?: Revision
  /** Of `beyond-horizon`: the oldest that is kept. */
  readonly moment?: Moment
}

/** What the worker answers, by the request's kind. */
export interface Answers {
  readonly epoch: null
  readonly load: Revision
  readonly log: readonly LogEntry[]
  /** Rows that hold the commits after the revision asked for, in order; none: there are none. */
  readonly changes: readonly string[]
  readonly 'records-at': null
  readonly 'moment-at': Moment
  readonly history: HistoryPage
  readonly copy: Moment
  readonly close: null
}

export type Reply =
  /** The file is open and in order; its stamps follow from `load`. */
  | { readonly of: 'opened'; readonly revision: Revision; readonly epoch: number }
  | { readonly of: 'refused-to-open'; readonly failure: Failure }
  /** Everything up to `revision` is on the disk. */
  | { readonly of: 'durable'; readonly revision: Revision }
  /** Nothing from `first` on was written, nor will be. */
  | { readonly of: 'unwritten'; readonly first: Revision; readonly failure: Failure }
  /** Records of a `load` or of `records-at`, before its answer. */
  | { readonly of: 'records'; readonly id: number; readonly rows: readonly RecordRow[] }
  | { readonly of: 'answer'; readonly id: number; readonly value: Answers[keyof Answers] }
  | { readonly of: 'failure'; readonly id: number; readonly failure: Failure }
  /** Housekeeping was put off; it is tried again with the next commits. */
  | { readonly of: 'maintenance-put-off'; readonly failure: Failure }
