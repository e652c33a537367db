import { describe, expect, it } from 'vitest'
import { Fault } from '../base/errors.ts'
import { silentLog } from '../base/log.ts'
import { VirtualClock } from '../base/virtual-clock.ts'
import type { AuditChain, Checkpoints } from '../parts/audit/driver.ts'
import type { Checkpoint, SealedRecord } from '../parts/audit/model.ts'
import { aChain, aChange } from '../parts/audit/plan-seal.fixture.ts'
import { Refusal } from '../base/errors.ts'
import type { CommittedChange } from '../store/port.ts'
import { startSealer } from './sealer.ts'

/** A chain in memory that fails when it is told to. */
class Records implements AuditChain {
  readonly records: SealedRecord[]
  readonly dropped = 0
  readonly sizeBytes = 0
  surplusBefore: number | undefined
  droppedBefore: number | undefined
  isFailing = false
  isClosed = false

  constructor(records: readonly SealedRecord[] = []) {
    this.records = [...records]
  }

  get first() {
    return this.records[0]?.revision
  }

  get tip() {
    return this.records.at(-1)
  }

  async append(records: readonly SealedRecord[]): Promise<void> {
    if (this.isFailing) throw new Fault('audit-failed', 'the disk is full')
    this.records.push(...records)
  }

  segments() {
    return []
  }

  async lines() {
    return []
  }

  async dropBefore(revision: number): Promise<void> {
    this.droppedBefore = revision
    this.surplusBefore = undefined
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

function aSealer({ sealed = 0, revision = 0, oldest = 1 } = {}) {
  const clock = new VirtualClock()
  const chain = new Records(sealed === 0 ? [] : aChain(sealed))
  const made: Checkpoint[] = []
  const checkpoints: Checkpoints = {
    get newest() {
      return made.at(-1)
    },
    publicKey: '',
    async make(content) {
      const checkpoint = { ...content, format: 1, key: '', signature: '' }
      made.push(checkpoint)
      return checkpoint
    },
  }
  const kept: number[] = []
  const snapshot = { revision }
  const store = {
    keepFrom: (from: number) => void kept.push(from),
    async *changes(after: number): AsyncGenerator<CommittedChange> {
      if (after + 1 < oldest) {
        throw new Refusal('compacted', 'forgotten', { status: 410, details: { oldest } })
      }
      for (let next = after + 1; next <= snapshot.revision; next++) yield aChange(next)
    },
  }
  const start = () => startSealer({ store, snapshot, chain, checkpoints, clock, log: silentLog })
  return { clock, chain, made, kept, snapshot, start }
}

const revisionsOf = ({ records }: Records): number[] => records.map(({ revision }) => revision)

describe('the sealer', () => {
  it('seals within a second, goes on behind the tip, and lets the store forget what is sealed', async () => {
    const { clock, chain, kept, snapshot, start } = aSealer({ sealed: 2, revision: 5 })
    const sealer = start()
    expect(kept).toEqual([3])
    await clock.advance(1_000)
    expect(revisionsOf(chain)).toEqual([1, 2, 3, 4, 5])
    expect(kept.at(-1)).toBe(6)
    snapshot.revision = 7
    await sealer.stop()
    expect(revisionsOf(chain)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(chain.isClosed).toBe(true)
  })

  it('signs a checkpoint a minute, at the stop, and none where nothing is new', async () => {
    const { clock, made, snapshot, start } = aSealer({ revision: 3 })
    const sealer = start()
    await clock.advance(59_000)
    expect(made).toEqual([])
    await clock.advance(2_000)
    expect(made).toMatchObject([{ first: 1, count: 3, revision: 3 }])
    await clock.advance(300_000)
    expect(made).toHaveLength(1)
    snapshot.revision = 4
    await sealer.stop()
    expect(made).toMatchObject([{ revision: 3 }, { revision: 4, count: 4 }])
  })

  it('tries again after a failure; nothing is left out and nothing may be forgotten meanwhile', async () => {
    const { clock, chain, kept, snapshot, start } = aSealer({ revision: 2 })
    const sealer = start()
    chain.isFailing = true
    await clock.advance(10_000)
    snapshot.revision = 4
    expect(kept).toEqual([1])
    chain.isFailing = false
    await clock.advance(31_000)
    expect(revisionsOf(chain)).toEqual([1, 2, 3, 4])
    await sealer.stop()
  })

  it('says so in the chain when the store has forgotten what was not sealed', async () => {
    const { clock, chain, start } = aSealer({ sealed: 2, revision: 12, oldest: 10 })
    const sealer = start()
    await clock.advance(1_000)
    expect(revisionsOf(chain)).toEqual([1, 2, 9, 10, 11, 12])
    expect(chain.records[2]).toMatchObject({ what: 'audit.gap', from: 3 })
    await sealer.stop()
  })

  it('begins with the oldest commit that an older store still has', async () => {
    const { clock, chain, start } = aSealer({ revision: 12, oldest: 10 })
    const sealer = start()
    await clock.advance(1_000)
    expect(revisionsOf(chain)).toEqual([10, 11, 12])
    await sealer.stop()
  })

  it('signs where the chain will begin before its oldest records are dropped', async () => {
    const { clock, chain, made, start } = aSealer({ revision: 9 })
    const sealer = start()
    chain.surplusBefore = 5
    await clock.advance(1_000)
    expect(made).toMatchObject([{ first: 5, count: 5, revision: 9 }])
    expect(chain.droppedBefore).toBe(5)
    await sealer.stop()
  })

  it('refuses a store that is older than the chain', () => {
    const { start } = aSealer({ sealed: 5, revision: 3 })
    expect(start).toThrow(expect.objectContaining({ code: 'audit-ahead', status: 409 }))
  })
})
