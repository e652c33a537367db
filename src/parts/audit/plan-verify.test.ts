import { describe, expect, it } from 'vitest'
import { aChain, aChange, linesOf } from './plan-seal.fixture.ts'
import { chainStart, type Checkpoint, type SealedRecord } from './model.ts'
import { hashOf, lineOf, planGap, planSeal } from './plan-seal.ts'
import { ChainCheck, type ChainCheckOptions, type ChainLine } from './plan-verify.ts'

function verify(lines: readonly ChainLine[], options: ChainCheckOptions = { checkpoints: [] }) {
  const check = new ChainCheck(options)
  for (const line of lines) check.take(line)
  return check.end()
}

function checkpointOf(records: readonly SealedRecord[], at = 5_000): Checkpoint {
  const [first, last] = [records[0], records.at(-1)]
  if (first === undefined || last === undefined) throw new Error('an empty chain')
  const { revision, hash } = last
  const count = records.length
  return { format: 1, first: first.revision, count, revision, hash, at, key: '', signature: '' }
}

const chain = aChain(9)

describe('verification', () => {
  it('bears out a chain that nobody touched, over several segments', () => {
    expect(verify(linesOf(chain, 4), { checkpoints: [checkpointOf(chain)] })).toMatchObject({
      isGood: true,
      first: 1,
      last: 9,
      count: 9,
      checkpoints: 1,
      hash: chain[8]?.hash,
    })
  })

  it('bears out an empty chain, and one that begins late since the store did', () => {
    expect(verify([])).toMatchObject({ isGood: true, count: 0 })
    expect(verify(linesOf(aChain(3, 40)))).toMatchObject({ isGood: true, first: 40, last: 42 })
  })

  const tampered: Record<string, [(lines: ChainLine[]) => ChainLine[], string, number]> = {
    'a changed word': [(lines) => withText(lines, 4, 'of 5', 'of 6'), 'altered', 5],
    'a changed hash': [(lines) => withText(lines, 4, '"sha256:', '"sha256:x'), 'altered', 5],
    'a space that was put in': [(lines) => withText(lines, 4, ',"hash"', ', "hash"'), 'altered', 5],
    'a record cut from the middle': [(lines) => lines.toSpliced(4, 1), 'cut', 5],
    'records that were swapped': [
      (lines) => [...lines.slice(0, 4), lines[5], lines[4], ...lines.slice(6)] as ChainLine[],
      'swapped',
      5,
    ],
    'a record that stands there twice': [
      (lines) => lines.toSpliced(5, 0, lines[4] as ChainLine),
      'inserted',
      5,
    ],
    'a record that was made up': [
      (lines) => lines.toSpliced(5, 0, forgedAfter(chain[4] as SealedRecord)),
      'inserted',
      6,
    ],
    'a record cut from the head': [(lines) => lines.slice(1), 'head-cut', 1],
    'a last line without an end': [
      (lines) => lines.with(-1, { ...(lines[8] as ChainLine), isWhole: false }),
      'torn',
      9,
    ],
  }
  for (const [what, [tamper, kind, revision]] of Object.entries(tampered)) {
    it(`names ${what}`, () => {
      const { isGood, problem } = verify(tamper(linesOf(chain)))
      expect({ isGood, kind: problem?.kind, revision: problem?.revision }).toEqual({
        isGood: false,
        kind,
        revision,
      })
    })
  }

  it('names a segment that is gone, and one that was renamed', () => {
    const lines = linesOf(chain, 3)
    expect(verify(lines.toSpliced(3, 3)).problem).toMatchObject({
      kind: 'segment-missing',
      revision: 4,
    })
    const renamed = lines.map((line) => ({ ...line, segment: '000000000002.jsonl' }))
    expect(verify(renamed).problem).toMatchObject({ kind: 'altered' })
  })

  it('names what only a checkpoint can know: a tail that was cut, a chain that was rewritten', () => {
    const checkpoints = [checkpointOf(chain.slice(0, 3), 4_000), checkpointOf(chain)]
    expect(verify(linesOf(chain.slice(0, 7)), { checkpoints }).problem).toMatchObject({
      kind: 'tail-cut',
      revision: 8,
    })
    const other = [aChange(5, 'another'), ...[6, 7, 8, 9, 10].map((n) => aChange(n))]
    const rewritten = [...chain.slice(0, 4), ...planSeal(chain[3], other)]
    expect(verify(linesOf(rewritten))).toMatchObject({ isGood: true })
    expect(verify(linesOf(rewritten), { checkpoints }).problem).toMatchObject({
      kind: 'rewritten',
      revision: 4,
    })
    const forked = [...chain.slice(0, 4), ...aChain(5, 5)]
    expect(verify(linesOf(forked)).problem).toMatchObject({ kind: 'rewritten', revision: 5 })
  })

  it('lets a chain begin late when a checkpoint says that its oldest segments were dropped', () => {
    const rest = chain.slice(3)
    const checkpoints = [checkpointOf(chain, 4_000), checkpointOf(rest)]
    expect(verify(linesOf(rest), { checkpoints })).toMatchObject({ isGood: true, first: 4 })
    expect(verify(linesOf(chain.slice(4)), { checkpoints }).problem?.kind).toBe('head-cut')
  })

  it('names a gap that the server itself has admitted', () => {
    const tip = chain[8] as SealedRecord
    const gap = planGap(tip, 40, 7)
    const lines = linesOf([...chain, gap, ...planSeal(gap, [aChange(41)])])
    expect(verify(lines).problem).toMatchObject({ kind: 'gap', revision: 10 })
  })

  it('takes a restore for an explanation only when a person says that it was theirs', () => {
    const lost = checkpointOf(chain, 2_000)
    const restore = {
      ...aChange(5),
      at: 3_000,
      attribution: { who: 'server', what: 'backup.restore', why: 'restored, revision 4' },
    }
    const restored = [...chain.slice(0, 4), ...planSeal(chain[3], [restore, aChange(6)])]
    const strict = verify(linesOf(restored), { checkpoints: [lost] })
    expect(strict.problem).toMatchObject({ kind: 'tail-cut' })
    expect(strict.problem?.says).toContain('--accept-restores')
    const accepted = verify(linesOf(restored), { checkpoints: [lost], acceptRestores: true })
    expect(accepted).toMatchObject({ isGood: true, excused: 1 })
    const later = { ...lost, at: 9_000 }
    expect(verify(linesOf(restored), { checkpoints: [later], acceptRestores: true }).isGood).toBe(
      false,
    )
  })

  it('says so of a record of a later program', () => {
    const text = JSON.stringify({ v: 2, revision: 1 })
    const line = { segment: 'export', line: 1, text, isWhole: true }
    expect(verify([line]).problem).toMatchObject({ kind: 'format-newer' })
  })
})

function withText(lines: ChainLine[], index: number, from: string, to: string): ChainLine[] {
  const line = lines[index] as ChainLine
  expect(line.text).toContain(from)
  return lines.with(index, { ...line, text: line.text.replace(from, to) })
}

/** A record with a right hash of its own, chained to the right one. */
function forgedAfter({ hash }: SealedRecord): ChainLine {
  const content = { ...(aChain(1, 6)[0] as SealedRecord), previous: hash, who: 'nobody' }
  expect(hash).not.toBe(chainStart)
  const text = lineOf({ ...content, hash: hashOf(content) })
  return { segment: 'somewhere', line: 6, text, isWhole: true }
}
