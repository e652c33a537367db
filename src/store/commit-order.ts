/**
 * Gives commits their revisions, in the order in which they are submitted.
 *
 * Invariant: the stamps are those of all commits accepted so far, durable or not yet. So a commit
 * is judged against what lies before it in the order, never against what happens to be on the disk.
 * That keeps rule 6 of docs/reference/rules.md: an older leadership's commit is refused, and so is a
 * decision on records that have changed since.
 */
import { Refusal } from '../base/errors.ts'
import type { Key } from '../base/key.ts'
import { operationsMax, type Commit, type Expectation, type Revision } from './port.ts'

/** The commits that wrote a record last and created it. */
export interface Stamp {
  readonly revision: Revision
  readonly createdRevision: Revision
}

/** A commit that was given its place. */
export interface Accepted {
  readonly revision: Revision
  /** Per operation: what the record's stamp was before, to take the commit back. */
  readonly before: readonly (Stamp | undefined)[]
}

/** Checks commits against each other and orders them; holds a stamp per record, no values. */
export class CommitOrder {
  readonly #stamps = new Map<Key, Stamp>()
  #revision: Revision
  #epoch: number
  #isLed = false

  constructor(revision: Revision, epoch: number) {
    this.#revision = revision
    this.#epoch = epoch
  }

  /** The newest revision given. */
  get revision(): Revision {
    return this.#revision
  }

  /** The epoch of the newest leadership. */
  get epoch(): number {
    return this.#epoch
  }

  /** Notes a record that was there when the store was opened. */
  restore(key: Key, stamp: Stamp): void {
    this.#stamps.set(key, stamp)
  }

  stampOf(key: Key): Stamp | undefined {
    return this.#stamps.get(key)
  }

  /** From now on only commits under `epoch` are accepted. */
  lead(epoch: number): void {
    this.#epoch = epoch
    this.#isLed = true
  }

  /** Ends the leadership of `epoch`, unless a later one has begun. */
  resign(epoch: number): void {
    if (this.#epoch === epoch) this.#isLed = false
  }

  /** Checks a commit and gives it the next revision, or throws a Refusal and changes nothing. */
  accept(commit: Commit): Accepted {
    this.#checkSize(commit)
    this.#checkEpoch(commit.epoch)
    for (const expectation of commit.expectations) this.#checkExpectation(expectation)
    const revision = ++this.#revision
    const before = commit.operations.map((operation) => {
      const stamp = this.#stamps.get(operation.key)
      if (operation.op === 'delete') this.#stamps.delete(operation.key)
      else {
        const createdRevision = stamp?.createdRevision ?? revision
        this.#stamps.set(operation.key, { revision, createdRevision })
      }
      return stamp
    })
    return { revision, before }
  }

  /** Takes the newest commit back: it could not be written. Newest first, one by one. */
  takeBack(commit: Commit, accepted: Accepted): void {
    for (let index = commit.operations.length - 1; index >= 0; index--) {
      const key = commit.operations[index]?.key
      const stamp = accepted.before[index]
      if (key === undefined) continue
      if (stamp === undefined) this.#stamps.delete(key)
      else this.#stamps.set(key, stamp)
    }
    this.#revision = accepted.revision - 1
  }

  #checkSize(commit: Commit): void {
    const count = commit.operations.length
    if (count >= 1 && count <= operationsMax) return
    throw new Refusal(
      'commit-too-large',
      `a commit has 1 to ${operationsMax} operations, not ${count}`,
      { status: 413, hint: 'split it into several commits', details: { count, operationsMax } },
    )
  }

  #checkEpoch(epoch: number): void {
    if (this.#isLed && epoch === this.#epoch) return
    throw new Refusal('fenced', 'the leadership that this commit was made under has ended', {
      status: 409,
      hint: 'another server leads now: repeat the request there',
      details: { epoch, current: this.#epoch },
    })
  }

  #checkExpectation({ key, revision }: Expectation): void {
    const current = this.#stamps.get(key)?.revision ?? 'absent'
    if (current === revision) return
    throw new Refusal('conflict', conflictSentence(key, revision, current), {
      status: 409,
      hint: 'read it again and decide anew',
      details: { key, revision: current, expected: revision },
    })
  }
}

function conflictSentence(
  key: Key,
  expected: Revision | 'absent',
  current: Revision | 'absent',
): string {
  if (expected === 'absent') return `${key} exists already`
  if (current === 'absent') return `${key} does not exist any more`
  return `${key} has changed since it was read (revision ${expected}, now ${current})`
}
