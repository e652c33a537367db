import type { AppCell } from '../../parts/tenants/model.ts'
import type { LogBatch, LogLine } from '../../wire/agent.ts'
import type { LogLevel } from '../../wire/log-level.ts'

/** A line as it is stored. */
export interface StoredLine extends LogLine {
  readonly at: number
  readonly instanceId: string
  readonly service: string
  readonly releaseId: string
  /** Where its app runs. */
  readonly cell: AppCell
  /** Its place in the order of all lines; `positionOf` reads it. */
  readonly position: string
}

/** Whose lines: what is not named may be any. */
export interface LogScope {
  readonly cell: Partial<AppCell>
  readonly service?: string | undefined
  readonly instanceId?: string | undefined
}

/** Which of their lines. */
export interface LogFilter extends LogScope {
  /** A part of the text; capitals and small letters are the same. */
  readonly text?: string | undefined
  /** Lines at least this severe. */
  readonly level?: LogLevel | undefined
}

export interface LogSpan {
  /** Wall ms, both ends included. */
  readonly since?: number | undefined
  readonly until?: number | undefined
}

export interface LogSearch extends LogFilter, LogSpan {
  /** Only lines before this position, or after it: then the oldest of them are found first. */
  readonly before?: LogPosition | undefined
  readonly after?: LogPosition | undefined
  /** The newest `limit` lines (the oldest, with `after`), oldest first. */
  readonly limit: number
  /** Nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined
}

/** The order of lines: time, then instance, then the number of its lines so far. */
export interface LogPosition {
  readonly at: number
  readonly instanceId: string
  readonly count: number
}

export interface LogPage {
  readonly lines: readonly StoredLine[]
  /** How far was looked, wall ms, where not to the end: go on from there. */
  readonly reachedAt?: number
}

export interface LogCountSearch extends LogFilter {
  readonly since: number
  readonly until: number
  /** Length of a bucket, in ms. */
  readonly bucketMs: number
  readonly signal?: AbortSignal | undefined
}

export interface LogCounts {
  /** From `since` on, one after the other. */
  readonly buckets: readonly LogCount[]
  /** Lines before this wall time were not counted any more. */
  readonly reachedAt?: number
}

export interface LogCount {
  readonly lines: number
  readonly warnings: number
  readonly errors: number
}

/** What instances printed, kept after their death within a bound on disk. */
export interface LogStore {
  /**
   * Appends; a batch whose lines are stored already (by instance and offset) is skipped, a partly
   * stored one is completed. Resolves once the lines are in the operating system's hands.
   */
  append(batch: LogBatch): Promise<void>
  search(search: LogSearch): Promise<LogPage>
  /** How many lines match, by time. */
  count(search: LogCountSearch): Promise<LogCounts>
  /** Lines as they come in, until the signal aborts; a slow reader is told how many it missed. */
  follow(filter: LogFilter, signal: AbortSignal): AsyncIterable<StoredLine>
  /** How many lines of an instance are stored: where its agent goes on. */
  offset(instanceId: string): number
  close(): Promise<void>
}

/** A line's position as text: unique, and the same for ever. */
export function positionText({ at, instanceId, count }: LogPosition): string {
  return `${at}.${count}.${instanceId}`
}

/** The shape of a position, for schemas. */
export const positionPattern = '^[0-9]{1,16}(?:\\.[0-9]{1,12}){1,2}\\.[a-z0-9-]{1,64}$'

/** The inverse of `positionText`, of a text that has its shape. */
export function positionOf(text: string): LogPosition {
  const parts = text.split('.')
  const [instanceId = '', count = ''] = [parts.pop(), parts.pop()]
  // An agent's clock may tell parts of a millisecond.
  return { at: Number(parts.join('.')), instanceId, count: Number(count) }
}

/** Less than 0 where `a` comes before `b`. */
export function comparePositions(a: LogPosition, b: LogPosition): number {
  if (a.at !== b.at) return a.at - b.at
  if (a.instanceId !== b.instanceId) return a.instanceId < b.instanceId ? -1 : 1
  return a.count - b.count
}
