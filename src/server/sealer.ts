/**
 * Seals the log of commits into the audit chain, in the order of revisions and at least every
 * second, and signs where the chain stands. What is not sealed yet is kept by the store, so nothing
 * is lost when this process ends at any moment: the next one goes on behind the last whole record.
 */
import type { Clock } from '../base/clock.ts'
import { messageOf, Refusal } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { AuditChain, Checkpoints } from '../parts/audit/driver.ts'
import { planGap, planSeal } from '../parts/audit/plan-seal.ts'
import type { CommittedChange, Revision, Snapshot, Store } from '../store/port.ts'

export interface SealerOptions {
  readonly store: Pick<Store, 'changes' | 'keepFrom'>
  readonly snapshot: Pick<Snapshot, 'revision'>
  readonly chain: AuditChain
  readonly checkpoints: Checkpoints
  readonly clock: Clock
  readonly log: Log
}

export interface Sealer {
  /** Seals what is left, signs a last checkpoint, and ends. */
  stop(): Promise<void>
}

/** Time between two seals, in ms: with the writing of one it stays within a second. */
const sealEveryMs = 500

/** Time between two checkpoints while there is something new, in ms. */
const checkpointEveryMs = 60_000

/** Commits in one seal at the most: some 4 MB in memory, more follow at once. */
const sealCommitsMax = 10_000

/** Waits after a seal that failed, in ms, doubling up to the most. */
const backoff = { firstMs: 1_000, mostMs: 30_000 } as const

/**
 * Starts sealing behind the chain's tip. Refusal `audit-ahead` when the chain knows more than the
 * store: what was acknowledged is gone from it, and the same revisions would be given out again.
 */
export function startSealer(options: SealerOptions): Sealer {
  const { chain, snapshot } = options
  const sealed = chain.tip?.revision ?? 0
  if (sealed > snapshot.revision) throw ahead(sealed, snapshot.revision)
  const sealer = new RunningSealer(options)
  sealer.start()
  return sealer
}

class RunningSealer implements Sealer {
  readonly #options: SealerOptions
  readonly #ending = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #checkpointAt = 0
  #failures = 0

  constructor(options: SealerOptions) {
    this.#options = options
  }

  start(): void {
    const { store, clock } = this.#options
    store.keepFrom(this.#sealed + 1)
    this.#checkpointAt = clock.monotonic()
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#ending.abort()
    await this.#running
    try {
      await this.#seal()
      await this.#checkpoint()
    } catch (error) {
      this.#options.log.error('audit not sealed at the end', { error: messageOf(error) })
    }
    await this.#options.chain.close()
  }

  get #sealed(): Revision {
    return this.#options.chain.tip?.revision ?? 0
  }

  async #run(): Promise<void> {
    while (!this.#ending.signal.aborted) {
      await this.#pause()
      try {
        await this.#seal()
        if (this.#isCheckpointDue()) await this.#checkpoint()
        this.#failures = 0
      } catch (error) {
        this.#failures++
        const { log } = this.#options
        const fields = { error: messageOf(error), failures: this.#failures }
        log.error('audit seal failed', fields)
      }
    }
  }

  async #pause(): Promise<void> {
    const waitMs =
      this.#failures === 0
        ? sealEveryMs
        : Math.min(backoff.firstMs * 2 ** (this.#failures - 1), backoff.mostMs)
    await this.#options.clock.sleep(waitMs, this.#ending.signal).catch(() => undefined)
  }

  /** Seals all that is visible by now. */
  async #seal(): Promise<void> {
    const { snapshot, chain, store } = this.#options
    const target = snapshot.revision
    while (this.#sealed < target) {
      const changes = await this.#changes(target)
      // The feed has ended with the store: the next start seals what is left.
      if (changes.length === 0) return
      await chain.append(planSeal(chain.tip, changes))
      store.keepFrom(this.#sealed + 1)
    }
    await this.#keepWithinBound()
  }

  async #changes(target: Revision): Promise<readonly CommittedChange[]> {
    try {
      return await this.#read(this.#sealed, target)
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'compacted') throw error
      return this.#changesBehindGap(Number(error.details?.['oldest']), target)
    }
  }

  /** The store has forgotten what was to be sealed: the chain says so, and goes on behind. */
  async #changesBehindGap(oldest: Revision, target: Revision): Promise<CommittedChange[]> {
    const { chain, clock, log } = this.#options
    const { tip } = chain
    if (tip !== undefined) {
      log.error('commits were forgotten before they were sealed', {
        from: tip.revision + 1,
        oldest,
      })
      await chain.append([planGap(tip, oldest - 1, clock.now())])
    }
    return this.#read(oldest - 1, target)
  }

  async #read(after: Revision, target: Revision): Promise<CommittedChange[]> {
    const reading = new AbortController()
    const changes: CommittedChange[] = []
    try {
      for await (const change of this.#options.store.changes(after, reading.signal)) {
        changes.push(change)
        if (change.revision >= target || changes.length >= sealCommitsMax) break
      }
    } finally {
      reading.abort()
    }
    return changes
  }

  #isCheckpointDue(): boolean {
    return this.#options.clock.monotonic() - this.#checkpointAt >= checkpointEveryMs
  }

  async #checkpoint(first = this.#options.chain.first): Promise<void> {
    const { chain, checkpoints, clock } = this.#options
    const { tip } = chain
    this.#checkpointAt = clock.monotonic()
    if (tip === undefined || first === undefined) return
    const { newest } = checkpoints
    if (newest?.hash === tip.hash && newest.first === first) return
    const { revision, hash } = tip
    const count = revision - first + 1
    await checkpoints.make({ first, count, revision, hash, at: clock.now() })
  }

  async #keepWithinBound(): Promise<void> {
    const { chain } = this.#options
    const first = chain.surplusBefore
    if (first === undefined) return
    await this.#checkpoint(first)
    await chain.dropBefore(first)
  }
}

function ahead(sealed: Revision, revision: Revision): Refusal {
  return new Refusal(
    'audit-ahead',
    `the audit chain knows revision ${sealed}, and the store only ${revision}: it was replaced by an older one`,
    {
      status: 409,
      hint: 'restore a whole backup into an empty folder; or, if this is meant, move server/audit away',
    },
  )
}
