/**
 * Whether a chain is what was sealed: each line against the one before, and the whole against
 * checkpoints that were kept elsewhere. It looks at bytes, not at what they mean: a line that is
 * not written exactly as the program writes it was not written by the program.
 */
import { compiledOf } from '../../wire/compiled.ts'
import { chainStart, sealedFormat, SealedRecord, type Checkpoint } from './model.ts'
import { hashOf, lineOf } from './plan-seal.ts'

/** What is wrong, in the first place where something is. */
export type ProblemKind =
  /** A line that is no record, or whose content has another hash than the one beside it. */
  | 'altered'
  /** Records are gone from the middle of a segment, or from its end. */
  | 'cut'
  /** A whole segment is gone. */
  | 'segment-missing'
  /** The chain begins later than the newest checkpoint says. */
  | 'head-cut'
  /** The chain ends before a record that a checkpoint knows. */
  | 'tail-cut'
  /** A record that does not belong there; what follows is chained past it. */
  | 'inserted'
  /** Two neighbours stand in each other's place. */
  | 'swapped'
  /** From here on another chain follows; or a checkpoint knows another hash. */
  | 'rewritten'
  /** The last line has no end. */
  | 'torn'
  /** The server itself says that it could not seal some revisions. */
  | 'gap'
  /** A checkpoint that none of the keys beside it has signed. */
  | 'checkpoint-forged'
  /** A later program's record. */
  | 'format-newer'

export interface ChainProblem {
  readonly kind: ProblemKind
  /** The first revision that cannot be believed. */
  readonly revision: number
  /** One sentence for people. */
  readonly says: string
  /** Where: a segment and a line in it, from 1; undefined where only a checkpoint shows it. */
  readonly segment?: string
  readonly line?: number
}

/** A line with its place. */
export interface ChainLine {
  readonly segment: string
  /** From 1. */
  readonly line: number
  readonly text: string
  /** Whether a line break follows. */
  readonly isWhole: boolean
}

/** What a chain was found to be. */
export interface ChainReport {
  readonly isGood: boolean
  /** The first problem; what follows on it cannot be judged. */
  readonly problem: ChainProblem | undefined
  readonly first: number | undefined
  /** The last record that is good, and how many are. */
  readonly last: number | undefined
  readonly hash: string | undefined
  readonly count: number
  /** Checkpoints that bear the chain out, and those that a restore of the store excuses. */
  readonly checkpoints: number
  readonly excused: number
}

export interface ChainCheckOptions {
  /** Those whose signature is right, in any order. */
  readonly checkpoints: readonly Checkpoint[]
  /**
   * Whether restores that the chain itself records explain why older checkpoints know another
   * chain. Whoever can rewrite the chain can also write such a record, so a person has to say it.
   */
  readonly acceptRestores?: boolean
}

/** The record of a line; undefined when it is none. */
export function parseLine(text: string): SealedRecord | undefined {
  const record = parseJson(text)
  return compiledOf(SealedRecord).Check(record) ? record : undefined
}

/** Takes the lines of a chain in their order, and says what it was at the end. */
export class ChainCheck {
  readonly #checkpoints = new Map<number, Checkpoint[]>()
  readonly #newest: Checkpoint | undefined
  readonly #acceptRestores: boolean
  /** It is judged when the line behind it is known. */
  #waiting: ChainLine | undefined
  #problem: ChainProblem | undefined
  #first: number | undefined
  #last: SealedRecord | undefined
  #count = 0
  #borneOut = 0
  #excused = 0
  #agreed: Checkpoint | undefined
  #restore: SealedRecord | undefined

  constructor({ checkpoints, acceptRestores = false }: ChainCheckOptions) {
    for (const checkpoint of checkpoints) {
      const same = this.#checkpoints.get(checkpoint.revision) ?? []
      this.#checkpoints.set(checkpoint.revision, [...same, checkpoint])
    }
    this.#newest = checkpoints.toSorted((a, b) => a.at - b.at || a.revision - b.revision).at(-1)
    this.#acceptRestores = acceptRestores
  }

  /** Takes the next line; true once nothing that follows can be judged any more. */
  take(line: ChainLine): boolean {
    const current = this.#waiting
    this.#waiting = line
    if (current !== undefined) this.#step(current, line)
    return this.#problem !== undefined
  }

  end(): ChainReport {
    if (this.#waiting !== undefined) this.#step(this.#waiting, undefined)
    this.#problem ??= this.#tailProblem()
    return {
      isGood: this.#problem === undefined,
      problem: this.#problem,
      first: this.#first,
      last: this.#last?.revision,
      hash: this.#last?.hash,
      count: this.#count,
      checkpoints: this.#borneOut,
      excused: this.#excused,
    }
  }

  #step(line: ChainLine, next: ChainLine | undefined): void {
    if (this.#problem !== undefined) return
    const record = parseLine(line.text)
    const found =
      textProblem(line, record) ?? (record && this.#orderProblem(record, line, next)) ?? undefined
    if (found !== undefined || record === undefined) {
      this.#problem = {
        revision: this.#expected,
        ...(found ?? unreadable),
        segment: line.segment,
        line: line.line,
      }
      return
    }
    this.#first ??= startOf(record)
    this.#last = record
    this.#count++
    if (record.what === 'backup.restore') this.#restore = record
    this.#problem = this.#checkpointProblem(record)
  }

  get #expected(): number {
    return this.#last === undefined ? (this.#newest?.first ?? 1) : this.#last.revision + 1
  }

  #orderProblem(
    record: SealedRecord,
    line: ChainLine,
    next: ChainLine | undefined,
  ): Found | undefined {
    if (line.line === 1 && isMisnamed(line.segment, record)) {
      const says = `${line.segment} begins with revision ${startOf(record)}: not what its name says`
      return { kind: 'altered', says }
    }
    const last = this.#last
    if (last === undefined) return this.#headProblem(record)
    const following = next === undefined ? undefined : parseLine(next.text)
    const isNext = record.previous === last.hash && startOf(record) === last.revision + 1
    if (!isNext) return misplaced(record, last, line, following)
    if (record.from !== undefined) return { kind: 'gap', says: record.why }
    if (following?.previous !== last.hash) return undefined
    const says = `two records follow on revision ${last.revision}: one of them was put in`
    return { kind: 'inserted', says }
  }

  /** A chain may begin late where the newest checkpoint says so: its oldest segments were dropped. */
  #headProblem(record: SealedRecord): Found | undefined {
    const first = startOf(record)
    const isAttested = this.#newest?.first === first
    const isLate = this.#newest !== undefined && this.#newest.first < first
    if (!isLate && (record.previous === chainStart || isAttested)) return undefined
    const says = isLate
      ? `the chain begins with revision ${first}, and should with ${this.#newest?.first ?? 1}`
      : `the chain begins with revision ${first}, which is chained to one before it`
    return { kind: 'head-cut', says }
  }

  #checkpointProblem({ revision, hash }: SealedRecord): ChainProblem | undefined {
    for (const checkpoint of this.#checkpoints.get(revision) ?? []) {
      if (checkpoint.hash === hash) {
        this.#borneOut++
        this.#agreed = checkpoint
      } else if (!this.#isExcused(checkpoint)) {
        const from = this.#agreed === undefined ? this.#first : this.#agreed.revision + 1
        const says = `the chain was rewritten in revisions ${from ?? 1} to ${revision}: the checkpoint of ${timeOf(checkpoint)} knows another hash of revision ${revision}`
        return {
          kind: 'rewritten',
          revision: from ?? 1,
          says: says + this.#restoreHint(checkpoint),
        }
      }
    }
    return undefined
  }

  #tailProblem(): ChainProblem | undefined {
    const end = this.#last?.revision ?? 0
    const beyond = [...this.#checkpoints.values()]
      .flat()
      .filter((checkpoint) => checkpoint.revision > end && !this.#isExcused(checkpoint))
      .toSorted((a, b) => b.revision - a.revision)
    const [furthest] = beyond
    if (furthest === undefined) return undefined
    const says = `revisions ${end + 1} to ${furthest.revision} were cut from the tail: the checkpoint of ${timeOf(furthest)} knows them`
    return { kind: 'tail-cut', revision: end + 1, says: says + this.#restoreHint(furthest) }
  }

  /** Made in a past that a restore of the store has undone. */
  #isExcused(checkpoint: Checkpoint): boolean {
    if (!this.#acceptRestores || !this.#isBeforeRestore(checkpoint)) return false
    this.#excused++
    return true
  }

  #isBeforeRestore({ at, revision }: Checkpoint): boolean {
    return (
      this.#restore !== undefined && this.#restore.revision <= revision && at < this.#restore.at
    )
  }

  #restoreHint(checkpoint: Checkpoint): string {
    return this.#isBeforeRestore(checkpoint)
      ? `; if you restored a backup at revision ${this.#restore?.revision ?? 0}, this is why: say --accept-restores`
      : ''
  }
}

/** What is wrong, with the place still to be said. */
type Found = Pick<ChainProblem, 'kind' | 'says'> & { readonly revision?: number }

const unreadable: Found = { kind: 'altered', says: 'this line is no record' }

/** What a line shows by itself. */
function textProblem(line: ChainLine, record: SealedRecord | undefined): Found | undefined {
  if (!line.isWhole) {
    const says = 'the last record has no end; a server that starts on this store writes it anew'
    return { kind: 'torn', says }
  }
  if (record === undefined) return isNewer(line.text) ? newer : unreadable
  if (record.v > sealedFormat) return newer
  const { revision } = record
  if (hashOf(record) !== record.hash) {
    const says = `revision ${revision} was altered: what it says has another hash than the one beside it`
    return { kind: 'altered', says }
  }
  if (lineOf(record) === line.text) return undefined
  return { kind: 'altered', says: `revision ${revision} is not written as the program writes it` }
}

const newer: Found = {
  kind: 'format-newer',
  says: 'this record was written by a later program: verify with that one',
}

function isNewer(text: string): boolean {
  const record = parseJson(text) as { readonly v?: unknown } | null | undefined
  return typeof record?.v === 'number' && record.v > sealedFormat
}

/** A good record that does not follow on the one before: what was done to the chain here. */
function misplaced(
  record: SealedRecord,
  last: SealedRecord,
  { line }: ChainLine,
  next: SealedRecord | undefined,
): Found {
  const { revision } = record
  const expected = last.revision + 1
  if (next?.previous === last.hash) {
    return record.previous === next.hash
      ? { kind: 'swapped', says: `revisions ${next.revision} and ${revision} were swapped` }
      : { kind: 'inserted', says: `this record of revision ${revision} was put in` }
  }
  const start = startOf(record)
  if (start > expected) {
    const missing = `revisions ${expected} to ${start - 1} are missing`
    return line === 1
      ? {
          kind: 'segment-missing',
          says: `${missing} between two segments: a file is gone, or was cut at its end`,
        }
      : { kind: 'cut', says: `${missing}: they were cut from the middle` }
  }
  if (start < expected) {
    return { kind: 'inserted', says: `a record of revision ${revision} was put in a second time` }
  }
  const says = `from revision ${revision} on another chain follows: it is not chained to ${last.revision}`
  return { kind: 'rewritten', says }
}

function isMisnamed(segment: string, record: SealedRecord): boolean {
  const first = /^(\d{12,16})\.jsonl$/.exec(segment)?.[1]
  return first !== undefined && Number(first) !== startOf(record)
}

function startOf({ from, revision }: SealedRecord): number {
  return from ?? revision
}

function timeOf({ at }: Checkpoint): string {
  return new Date(at).toISOString()
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
