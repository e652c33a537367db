import type { Bound } from '../base/bounds.ts'
import type { Clock } from '../base/clock.ts'
import { messageOf, Refusal } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { auditedRefusals, type RefusedAccess } from '../parts/audit/model.ts'
import { addRefusal, callersMax, planRefusals } from '../parts/audit/plan-refusals.ts'
import { refusedAccessKind } from '../parts/audit/records.ts'
import { create, remove, type State, type Write } from '../store/port.ts'

/** The first refusal after a quiet time is on record this soon, with what comes with it, in ms. */
const firstMs = 1_000

/** Between two commits lies this time at the least, in ms, however many are refused. */
const everyMs = 60_000

/**
 * Puts refused access on record: who knocked where nobody opens. One commit a minute at the most,
 * with a count for each caller, so that being refused costs whoever tries and not the log.
 */
export class RefusalAudit {
  readonly #state: State
  readonly #clock: Clock
  readonly #log: Log
  #counted = new Map<string, RefusedAccess>()
  #committedAt = -Infinity
  #isWaiting = false
  #untold = 0

  constructor(options: { readonly state: State; readonly clock: Clock; readonly log: Log }) {
    this.#state = options.state
    this.#clock = options.clock
    this.#log = options.log
  }

  bounds(): readonly Bound[] {
    return [
      {
        name: 'audit.refused-callers',
        says: 'callers who were refused and are told apart within a minute; further ones are counted as one',
        unit: 'items',
        overflow: 'drops-newest',
        limit: callersMax,
        used: () => Math.min(this.#counted.size, callersMax),
        lost: () => this.#untold,
      },
    ]
  }

  /** Looks at what a request failed with; counts it when it is one that is audited. */
  note(error: unknown, address: string, caller: string | undefined): void {
    if (!(error instanceof Refusal) || !auditedRefusals.has(error.code)) return
    const known = error.details?.['caller']
    const isToldApart = addRefusal(this.#counted, {
      code: error.code,
      address,
      caller: caller ?? (typeof known === 'string' ? known : '-'),
      at: this.#clock.now(),
    })
    if (!isToldApart) this.#untold++
    if (this.#isWaiting) return
    this.#isWaiting = true
    const quietMs = this.#clock.monotonic() - this.#committedAt
    this.#clock.after(Math.max(firstMs, everyMs - quietMs), () => void this.flush())
  }

  /** Commits what was counted; a failure is told in the log, and the counts are lost. */
  async flush(): Promise<void> {
    this.#isWaiting = false
    const counted = this.#counted
    if (counted.size === 0) return
    this.#counted = new Map()
    this.#committedAt = this.#clock.monotonic()
    try {
      const known = this.#state.snapshot.list(refusedAccessKind)
      const plan = planRefusals(counted, known)
      const put = plan.put.map((value): Write => {
        return { ...create(refusedAccessKind, value), expect: 'any' }
      })
      await this.#state.commit({
        writes: [...put, ...plan.remove.map((entry) => remove(entry))],
        attribution: { who: 'server', what: 'access.refuse', why: plan.why },
      })
    } catch (error) {
      this.#log.warn('refused access is not on record', { error: messageOf(error) })
    }
  }
}
