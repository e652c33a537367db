import { keyOf } from '../../base/key.ts'
import type { CommittedChange } from '../../store/port.ts'
import { lineOf, planSeal } from './plan-seal.ts'
import type { SealedRecord } from './model.ts'
import type { ChainLine } from './plan-verify.ts'

/** A commit as the feed tells it. */
export function aChange(revision: number, value: unknown = { revision }): CommittedChange {
  const key = keyOf({ kind: 'thing', name: `thing-${revision}` })
  return {
    revision,
    at: 1_000 + revision,
    attribution: { who: 'operator', what: 'app.scale', why: `because of ${revision}` },
    operations: [{ op: 'put', key, value, schema: 1 }],
  }
}

/** A good chain of the revisions from `first` on. */
export function aChain(count: number, first = 1): readonly SealedRecord[] {
  return planSeal(
    undefined,
    Array.from({ length: count }, (_, index) => aChange(first + index)),
  )
}

/** The lines of records as segments of `perSegment` hold them. */
export function linesOf(records: readonly SealedRecord[], perSegment = 1_000): ChainLine[] {
  return records.map((record, index) => {
    const begin = records[Math.floor(index / perSegment) * perSegment] ?? record
    return {
      segment: `${String(begin.revision).padStart(12, '0')}.jsonl`,
      line: (index % perSegment) + 1,
      text: lineOf(record),
      isWhole: true,
    }
  })
}
