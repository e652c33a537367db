/**
 * Reads the log backwards once, and makes of it the changes of some records, each with what stood
 * there before: the change before it tells, or else the base that the log begins on.
 */
import type { Key } from '../base/key.ts'
import {
  historyLimitMax,
  type CommittedChange,
  type HistoryPage,
  type HistoryQuery,
  type Operation,
  type RecordChange,
  type RecordVersion,
  type Revision,
} from './port.ts'

/** A commit as a driver's log holds it; `created` spares the search for what came before. */
export interface ScannedCommit extends Omit<CommittedChange, 'operations'> {
  readonly operations: readonly (Operation & { readonly created?: Revision })[]
}

type Draft = { -readonly [Member in keyof RecordChange]: RecordChange[Member] }

/** One page of a history under way; commits are given to it newest first. */
export class HistoryScan {
  readonly #prefixes: readonly string[]
  readonly #ending: string | undefined
  readonly #before: Revision
  readonly #limit: number
  readonly #changes: Draft[] = []
  /** The oldest change found of each record whose version before is not known yet. */
  readonly #open = new Map<Key, Draft>()
  #next: Revision | undefined

  constructor({ keyPrefixes, name, before, limit }: HistoryQuery) {
    this.#prefixes = keyPrefixes
    this.#ending = name === undefined ? undefined : `/${name}`
    this.#before = before ?? Number.MAX_SAFE_INTEGER
    this.#limit = Math.min(Math.max(1, limit), historyLimitMax)
  }

  /** Where in the log it begins: commits before this revision are of interest. */
  get before(): Revision {
    return this.#before
  }

  /** Whether nothing older is of interest. */
  get isDone(): boolean {
    return this.#next !== undefined && this.#open.size === 0
  }

  /** Records of which the version before the oldest change is to be found in the base. */
  get openKeys(): Iterable<Key> {
    return this.#open.keys()
  }

  /** Whether a text of the log may hold something of interest: its keys stand in it as `"key"`. */
  mayConcern(text: string): boolean {
    if (this.#next === undefined) {
      if (this.#ending !== undefined && text.includes(`${this.#ending}"`)) return true
      return this.#prefixes.some((prefix) => text.includes(`"key":"${prefix}`))
    }
    for (const key of this.#open.keys()) if (text.includes(`"key":"${key}"`)) return true
    return false
  }

  take(commit: ScannedCommit): void {
    if (commit.revision >= this.#before || this.isDone) return
    const isCollecting = this.#next === undefined
    for (const operation of commit.operations.toReversed()) {
      const after = versionOf(operation)
      const draft = this.#open.get(operation.key)
      if (draft !== undefined) {
        draft.before = after
        this.#open.delete(operation.key)
      }
      if (isCollecting && this.#matches(operation.key)) this.#add(commit, operation.key, after)
    }
    this.#closeCreated(commit)
    if (isCollecting && this.#changes.length >= this.#limit) this.#next = commit.revision
  }

  /** Ends the page; `versionAtStart` tells what stood under an open key where the log begins. */
  finish(versionAtStart: (key: Key) => RecordVersion | undefined): HistoryPage {
    for (const [key, draft] of this.#open) draft.before = versionAtStart(key)
    this.#open.clear()
    return { changes: this.#changes, next: this.#next }
  }

  #matches(key: Key): boolean {
    if (this.#ending !== undefined && key.endsWith(this.#ending)) return true
    return this.#prefixes.some((prefix) => key.startsWith(prefix))
  }

  #add(commit: ScannedCommit, key: Key, after: RecordVersion | undefined): void {
    const { revision, at, attribution } = commit
    const draft: Draft = { revision, at, attribution, key, before: undefined, after }
    this.#changes.push(draft)
    this.#open.set(key, draft)
  }

  /** What a commit created had no version before: nothing older is read for it. */
  #closeCreated({ revision, operations }: ScannedCommit): void {
    const seen = new Set<Key>()
    for (const { key, created } of operations) {
      if (!seen.has(key) && created === revision) this.#open.delete(key)
      seen.add(key)
    }
  }
}

function versionOf(operation: Operation): RecordVersion | undefined {
  if (operation.op === 'delete') return undefined
  return { value: operation.value, schema: operation.schema }
}
