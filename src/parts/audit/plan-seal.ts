/** What is sealed next: commits as records, each chained to the one before. */
import { canonicalJson, digestOf, digestOfData, type Digest } from '../../base/digest.ts'
import { assert } from '../../base/errors.ts'
import type { CommittedChange, Revision } from '../../store/port.ts'
import { chainStart, sealedFormat, type ChainTip, type SealedRecord } from './model.ts'

/**
 * The records that follow on `tip` for commits that come in the order of their revisions. Those
 * that are sealed already are passed over, so that a seal that was broken off is made again.
 */
export function planSeal(
  tip: ChainTip | undefined,
  changes: readonly CommittedChange[],
): readonly SealedRecord[] {
  const records: SealedRecord[] = []
  let end = tip
  for (const change of changes) {
    if (end !== undefined && change.revision <= end.revision) continue
    assert(end === undefined || change.revision === end.revision + 1, 'a commit was left out')
    const record = recordOf(change, end?.hash ?? chainStart)
    records.push(record)
    end = record
  }
  return records
}

/**
 * A record that admits that commits up to `last` can no longer be sealed, since the store has
 * forgotten them. It keeps the chain whole behind the gap; verification names it.
 */
export function planGap(tip: ChainTip, last: Revision, at: number): SealedRecord {
  const from = tip.revision + 1
  return hashed({
    v: sealedFormat,
    revision: last,
    at,
    who: 'server',
    what: 'audit.gap',
    why: `revisions ${from} to ${last} were no longer in the store when they were to be sealed`,
    keys: [],
    operations: digestOfData([]),
    previous: tip.hash,
    from,
  })
}

/** The line that a record is kept as: its canonical form, without a line break. */
export function lineOf(record: SealedRecord): string {
  return canonicalJson(record)
}

/** The hash that belongs to what a record says. */
export function hashOf(record: Omit<SealedRecord, 'hash'> | SealedRecord): Digest {
  return digestOf(canonicalJson({ ...record, hash: undefined }))
}

function recordOf(change: CommittedChange, previous: Digest): SealedRecord {
  const { revision, at, attribution, operations } = change
  const { who, what, why } = attribution
  return hashed({
    v: sealedFormat,
    revision,
    at,
    who,
    what,
    why,
    keys: operations.map(({ key }) => key),
    operations: digestOfData(operations),
    previous,
  })
}

function hashed(content: Omit<SealedRecord, 'hash'>): SealedRecord {
  return { ...content, hash: hashOf(content) }
}
