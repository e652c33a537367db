/**
 * How commits are written down: one line of JSON per commit, the lines of commits that became
 * durable together in one row. Both threads speak it; the value of a record is stringified once.
 */
import { assert } from '../../base/errors.ts'
import type { Key } from '../../base/key.ts'
import type { Attribution } from '../../parts/audit/model.ts'
import type { Commit, CommittedChange, Operation, Revision } from '../port.ts'

/** An operation as it is journalled: a put also says which commit created the record. */
export type JournalOperation =
  | {
      readonly op: 'put'
      readonly key: Key
      readonly schema: number
      readonly created: Revision
      readonly value: unknown
    }
  | { readonly op: 'delete'; readonly key: Key }

/** One line of the journal. */
export interface JournalLine extends Attribution {
  readonly revision: Revision
  readonly at: number
  readonly operations: readonly JournalOperation[]
}

/** Commits that were submitted in one turn: a row of the table `commits`. */
export interface JournalRow {
  readonly first: Revision
  readonly last: Revision
  /** `JournalLine`s, each ended by a newline. */
  readonly lines: string
}

/**
 * Writes a commit as a line with its newline. `createdOf` is asked per operation, by its index,
 * for the commit that created the record.
 */
export function printLine(
  revision: Revision,
  commit: Commit,
  createdOf: (index: number) => Revision,
): string {
  const { who, what, why } = commit.attribution
  const text = JSON.stringify([who, what, why])
  let line = `{"revision":${revision},"at":${commit.at},"by":${text},"operations":[`
  for (let index = 0; index < commit.operations.length; index++) {
    const operation = commit.operations[index]
    if (operation === undefined) continue
    if (index > 0) line += ','
    line += printOperation(operation, createdOf(index))
  }
  return `${line}]}\n`
}

function printOperation(operation: Operation, created: Revision): string {
  const { key } = operation
  // The letters of a key need no escape (base/key.ts).
  if (operation.op === 'delete') return `{"op":"delete","key":"${key}"}`
  const value = JSON.stringify(operation.value)
  assert(value !== undefined, 'a record is JSON data')
  return `{"op":"put","key":"${key}","schema":${operation.schema},"created":${created},"value":${value}}`
}

/** Reads the lines of a row. */
export function parseLines(lines: string): JournalLine[] {
  // JSON.stringify escapes newlines, so each one in the text ends a line.
  return lines.split('\n').slice(0, -1).map(parseLine)
}

function parseLine(line: string): JournalLine {
  const { by, ...rest } = JSON.parse(line) as Omit<JournalLine, keyof Attribution> & {
    readonly by: readonly [string, string, string]
  }
  const [who, what, why] = by
  return { ...rest, who, what, why }
}

/** A line as the change feed tells it. */
export function changeOf(line: JournalLine): CommittedChange {
  const { revision, at, who, what, why } = line
  const operations = line.operations.map((operation): Operation => {
    if (operation.op === 'delete') return operation
    const { op, key, schema, value } = operation
    return { op, key, schema, value }
  })
  return { revision, at, attribution: { who, what, why }, operations }
}
