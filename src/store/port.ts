import type { TSchema } from 'typebox'
import type { Key } from '../base/key.ts'
import type { Attribution, LogEntry } from '../parts/audit/model.ts'
import type { Observations } from './observations.ts'

/**
 * The store's port. Drivers (`memory`, `sqlite`) persist and order commits; the records themselves
 * live in memory (`state.ts`), so that no read touches a disk.
 */

/** The store's own count of commits: rises by one with each. */
export type Revision = number

/** A record as a driver keeps it. */
export interface StoredRecord {
  readonly key: Key
  /** Plain JSON data. */
  readonly value: unknown
  /** The schema version of `value`; upgraders run when it is loaded. */
  readonly schema: number
  /** The commit that wrote it last, and the one that created it. */
  readonly revision: Revision
  readonly createdRevision: Revision
}

/** One operation of a commit. */
export type Operation =
  | { readonly op: 'put'; readonly key: Key; readonly value: unknown; readonly schema: number }
  | { readonly op: 'delete'; readonly key: Key }

/** What a decision was based on: the record's revision, or that there was none. */
export interface Expectation {
  readonly key: Key
  readonly revision: Revision | 'absent'
}

/** All or nothing. */
export interface Commit {
  /** 1 to `operationsMax`. */
  readonly operations: readonly Operation[]
  /** Every record that the decision read; one that has changed since refuses the commit. */
  readonly expectations: readonly Expectation[]
  readonly attribution: Attribution
  /** Wall time in ms. */
  readonly at: number
  /** The leadership under which it is made; an older epoch is refused (`fenced`). */
  readonly epoch: number
}

/** Operations in one commit at the most. */
export const operationsMax = 100

/** Characters of one commit as JSON at the most: what one fsync and one log entry may carry. */
export const commitCharsMax = 4 * 1024 * 1024

/** How much of the past a driver keeps. */
export interface Horizon {
  /** Commits that can be read one by one, and behind each of which the state can be read. */
  readonly commits: number
  /** Bytes of the log of commits and of the bases that it is replayed from. */
  readonly bytes: number
  readonly ms: number
}

/**
 * What is kept of the past, whichever is reached first: 100,000 commits are the last day at one a
 * second, and weeks of a quiet cloud; 1 GiB is 10 KiB for each of them; after 30 days a question
 * is one for the audit chain. Older commits are compacted away, a base at a time (so there is
 * always somewhat more than this); the records of today stay.
 */
export const horizonDefault: Horizon = {
  commits: 100_000,
  bytes: 1024 ** 3,
  ms: 30 * 24 * 60 * 60 * 1_000,
}

/** Changes of records that one page of a history answers, rounded up to a whole commit. */
export const historyLimitMax = 500

/**
 * Commits that may wait to become durable; beyond it a commit is refused with the Fault
 * `store-busy`. At 20,000 a second it is the work of less than one second.
 */
export const pendingCommitsMax = 16_384

/** Entries that one log query answers at the most. */
export const logLimitMax = 10_000

/** A commit as the change feed tells it. */
export interface CommittedChange {
  readonly revision: Revision
  readonly at: number
  readonly attribution: Attribution
  readonly operations: readonly Operation[]
}

/** The right to commit; lost to whoever campaigns later. */
export interface Leadership {
  /** Rises with each leadership; carried by every commit. */
  readonly epoch: number
  /** Aborts when the leadership is lost. */
  readonly lost: AbortSignal
  resign(): Promise<void>
}

export interface LogQuery {
  /** Entries after this revision; 0 for all that are kept. */
  readonly after?: Revision | undefined
  /** Entries before this revision, newest first when given without `after`. */
  readonly before?: Revision | undefined
  /** Entries that touched a key with this prefix. */
  readonly keyPrefix?: string | undefined
  /** Verbs that are left out, such as housekeeping. */
  readonly without?: readonly string[] | undefined
  /** Entries of this name alone. */
  readonly who?: string | undefined
  /** Entries whose verb begins so: `rollout.`. */
  readonly whatPrefix?: string | undefined
  /** Entries whose sentence contains it; capitals and small letters are the same. */
  readonly text?: string | undefined
  readonly limit: number
}

/** A commit in time. */
export interface Moment {
  readonly revision: Revision
  /** Wall time in ms. */
  readonly at: number
}

/** What stood under a key, in the schema that it was written in. */
export interface RecordVersion {
  readonly value: unknown
  readonly schema: number
}

/** What one commit did to one record. */
export interface RecordChange extends Moment {
  readonly attribution: Attribution
  readonly key: Key
  /** Undefined: it was created. */
  readonly before: RecordVersion | undefined
  /** Undefined: it was deleted. */
  readonly after: RecordVersion | undefined
}

export interface HistoryQuery {
  /** Whole keys, or beginnings of them: `instance/default/local/shop/`. */
  readonly keyPrefixes: readonly string[]
  /** Records of any kind whose key ends so: an instance that is long forgotten, too. */
  readonly name?: string | undefined
  /** Changes before this revision; the newest by default. */
  readonly before?: Revision | undefined
  /** 1 to `historyLimitMax`. */
  readonly limit: number
}

/** Changes, the newest first. */
export interface HistoryPage {
  readonly changes: readonly RecordChange[]
  /** Where the next page begins (`before`); undefined when this was all that is kept. */
  readonly next: Revision | undefined
}

/**
 * A driver. One contract suite (test/contract/store.contract.ts) runs against each.
 *
 * Errors: Refusal `conflict` (409, `details.key`, `details.revision` the current one) when an
 * expectation fails; Refusal `fenced` (409) under an older epoch; Refusal `commit-too-large`;
 * Refusal `store-newer` when opening a store of a newer version; Fault `store-failed` (never
 * retried) after a failed write or fsync, when nothing more is acknowledged and the leadership is
 * lost; Fault `store-full` (retried) when the disk is full; Fault `store-busy` (retried) beyond
 * `pendingCommitsMax`; Fault `store-corrupt`; Fault `store-closed`.
 */
export interface Store {
  /** Everything there is, at one revision. */
  load(): Promise<{ readonly records: readonly StoredRecord[]; readonly revision: Revision }>
  /** Resolves with the commit's revision once it is durable; concurrent commits share an fsync. */
  commit(commit: Commit): Promise<Revision>
  /**
   * Every commit after `after`, in order, without a gap, until `signal` aborts. Throws a Refusal
   * `compacted` (410) when entries after `after` are no longer kept: load again.
   */
  changes(after: Revision, signal: AbortSignal): AsyncIterable<CommittedChange>
  /** The ordered log, oldest first, unless `before` is given alone. */
  log(query: LogQuery): Promise<readonly LogEntry[]>
  /**
   * Every record as it was behind a commit. Refusal `beyond-horizon` (410, `details.oldest` a
   * Moment) when that is no longer kept; `revision-late` (409) when there is no such commit yet.
   */
  recordsAt(revision: Revision): Promise<readonly StoredRecord[]>
  /**
   * The newest commit made at or before a wall time; where the clock was set back in between, one
   * of those that carry it. Refusal `beyond-horizon` before the oldest that is kept.
   */
  momentAt(at: number): Promise<Moment>
  /** What became of records, each change with what stood there before. */
  history(query: HistoryQuery): Promise<HistoryPage>
  /**
   * Keeps the commits from `revision` on, whatever the horizon says, until told otherwise; it is
   * remembered with the next commit. Whoever has to see every commit (the audit's sealer) moves it.
   */
  keepFrom(revision: Revision): void
  /** Waits until it leads. */
  campaign(signal: AbortSignal): Promise<Leadership>
  close(): Promise<void>
}

/**
 * What the program knows of one kind of record: its schema, its version and upgraders, its key,
 * and the indexes by which passes find it without looking at all.
 */
export interface Kind<T> {
  readonly name: string
  /** The version that is written today; 1 at first. */
  readonly version: number
  readonly schema: TSchema
  keyOf(value: T): Key
  /** `upgraders[n]` makes version n + 1 of version n; run when a record is loaded. */
  readonly upgraders: Readonly<Record<number, (old: unknown) => unknown>>
  /** Index name to the value that a record stands under; undefined: not in this index. */
  readonly indexes: Readonly<Record<string, (value: T) => string | undefined>>
  /** Throws a Refusal when a record may not change so: its state table, most of all. */
  checkChange?(before: T | undefined, after: T): void
}

/** A record in memory. */
export interface Entry<T> {
  readonly key: Key
  readonly value: T
  readonly revision: Revision
  readonly createdRevision: Revision
}

/** All records at one revision, and the latest observations; reads are synchronous. */
export interface Snapshot {
  readonly revision: Revision
  get<T>(kind: Kind<T>, key: Key): Entry<T> | undefined
  /** All records of a kind: O(kind), for the pass at start and for lists. */
  list<T>(kind: Kind<T>): Iterable<Entry<T>>
  /** The records that stand under `value` in the index: O(result). */
  find<T>(kind: Kind<T>, index: string, value: string): Iterable<Entry<T>>
  readonly observations: Observations
}

/** One write, with the entry that it was decided on. */
export type Write = Operation & { readonly expect: Revision | 'absent' | 'any' }

/** What a caller of `State.commit` says; epoch and time are added there. */
export interface Proposal {
  readonly writes: readonly Write[]
  /** Further records that the decision read but does not write. */
  readonly expectations?: readonly Expectation[]
  readonly attribution: Attribution
}

/** A change as control loops and watchers learn of it. */
export type Change =
  | {
      readonly of: 'record'
      readonly kind: string
      readonly key: Key
      readonly before: unknown
      /** Undefined when it was deleted. */
      readonly after: unknown
      readonly revision: Revision
    }
  | { readonly of: 'instance'; readonly instanceId: string }
  | { readonly of: 'node'; readonly nodeId: string }
  | { readonly of: 'ingress'; readonly ingressId: string }

/** What was. */
export interface Past {
  /**
   * All records behind a commit, brought up to today's schemas. Nothing of what was observed then
   * is known. Beyond the store's refusals: Fault `past-busy` when too many ask at once.
   */
  snapshotAt(revision: Revision): Promise<Snapshot>
  /** See `Store.momentAt`. */
  momentAt(at: number): Promise<Moment>
  /** See `Store.history`; versions that can be are brought up to today's schema. */
  history(query: HistoryQuery): Promise<HistoryPage>
}

/** Records in memory in front of a driver: the one way in and out of the state. */
export interface State {
  readonly snapshot: Snapshot
  /**
   * Checks each write against its kind (schema, state table), commits, and resolves with the
   * revision once it is durable and visible in `snapshot`. Values are frozen: they are the state.
   * Beyond the store's errors: Refusal `record-invalid` (422) with the place in `path`, and
   * whatever the kind's `checkChange` refuses.
   */
  commit(proposal: Proposal): Promise<Revision>
  /** Calls `listener` after each change, synchronously and in order; returns the way to stop. */
  subscribe(listener: (change: Change) => void): () => void
  /** Resolves when `snapshot.revision` has reached `revision`; Refusal `revision-late` in time. */
  waitFor(revision: Revision, timeoutMs: number): Promise<void>
  log(query: LogQuery): Promise<readonly LogEntry[]>
  readonly past: Past
}

/** A write that creates a record; refused if there is one. */
export function create<T>(kind: Kind<T>, value: T): Write {
  return { op: 'put', key: kind.keyOf(value), value, schema: kind.version, expect: 'absent' }
}

/** A write that replaces the record that was read as `entry`; refused if it changed since. */
export function replace<T>(kind: Kind<T>, entry: Entry<T>, value: T): Write {
  return { op: 'put', key: entry.key, value, schema: kind.version, expect: entry.revision }
}

/** A write that removes the record that was read as `entry`; refused if it changed since. */
export function remove<T>(entry: Entry<T>): Write {
  return { op: 'delete', key: entry.key, expect: entry.revision }
}
