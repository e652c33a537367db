import { Refusal } from '../base/errors.ts'
import type { LogEntry } from '../parts/audit/model.ts'
import { logLimitMax, type CommittedChange, type LogQuery, type Revision } from './port.ts'

/** What a log query asks for, with its bounds made plain. */
export interface LogRange {
  /** Both ends excluded. */
  readonly after: Revision
  readonly before: Revision
  readonly newestFirst: boolean
  readonly keyPrefix: string
  readonly without: readonly string[]
  /** Undefined: anybody. */
  readonly who: string | undefined
  readonly whatPrefix: string
  /** In small letters. */
  readonly text: string
  readonly limit: number
}

export function logRangeOf(query: LogQuery): LogRange {
  return {
    after: query.after ?? 0,
    before: query.before ?? Number.MAX_SAFE_INTEGER,
    newestFirst: query.before !== undefined && query.after === undefined,
    keyPrefix: query.keyPrefix ?? '',
    without: query.without ?? [],
    who: query.who,
    whatPrefix: query.whatPrefix ?? '',
    text: query.text?.toLowerCase() ?? '',
    limit: Math.min(Math.max(0, query.limit), logLimitMax),
  }
}

/** A commit as the log tells it, without its values. */
export function logEntryOf(change: CommittedChange): LogEntry {
  const { revision, at, attribution, operations } = change
  const { who, what, why } = attribution
  return { revision, at, who, what, why, keys: operations.map(({ key }) => key) }
}

/** Whether the range holds the entry, one of its keys begins with the prefix, and it is wanted. */
export function isInRange(range: LogRange, entry: LogEntry): boolean {
  if (entry.revision <= range.after || entry.revision >= range.before) return false
  if (range.without.includes(entry.what)) return false
  if ((range.who ?? entry.who) !== entry.who || !entry.what.startsWith(range.whatPrefix))
    return false
  if (range.text !== '' && !entry.why.toLowerCase().includes(range.text)) return false
  return range.keyPrefix === '' || entry.keys.some((key) => key.startsWith(range.keyPrefix))
}

/** The refusal of a feed that begins before the oldest commit that is kept. */
export function compactedRefusal(after: Revision, oldest: Revision): Refusal {
  return new Refusal('compacted', `commits before revision ${oldest} are no longer kept`, {
    status: 410,
    hint: 'load everything again and follow from there',
    details: { after, oldest },
  })
}
