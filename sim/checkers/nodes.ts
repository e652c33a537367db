import type { Node } from '../../src/parts/nodes/model.ts'
import { massLossWindowMs } from '../../src/parts/nodes/plan.ts'
import type { SimEvent, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'
import type { RecordIndex } from './record-index.ts'

/** No more than this share of the nodes is given up together (reliability.md, rule 9). */
const shareMax = 0.3

/** S17: when many nodes fall silent together, nobody is replaced. */
export class MassLossBrake extends Promised {
  readonly invariant = 'S17'
  readonly promise =
    'Without a person who confirms it, no more than 30 % of the nodes, and never all of them, are given up within ten minutes; of a few nodes one may be.'
  readonly hears = ['commit'] as const
  readonly #index: RecordIndex
  /** True time at which each lost node was given up; confirmed ones count for nothing. */
  readonly #lost = new Map<string, { readonly at: number; readonly isConfirmed: boolean }>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is !== 'commit') return undefined
    for (const { kind, before, after } of this.#index.take(event.change)) {
      if (kind !== 'node') continue
      const { id, lost } = (after ?? before) as Node
      if (after === undefined || lost === undefined) {
        this.#lost.delete(id)
        continue
      }
      const isConfirmed = lost.confirmedBy !== undefined
      const isNew = !this.#lost.has(id)
      this.#lost.set(id, { at: this.#lost.get(id)?.at ?? view.now(), isConfirmed })
      const violation = isNew && !isConfirmed ? this.#judge(view) : undefined
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #judge(view: SimView): Violation | undefined {
    const now = view.now()
    const lost = [...this.#lost]
    const recent = lost.filter(([, one]) => !one.isConfirmed && now - one.at < massLossWindowMs)
    const counted = this.#index.nodeCount() - (lost.length - recent.length)
    const most = Math.min(counted - 1, Math.max(1, Math.floor(counted * shareMax)))
    if (recent.length <= most) return undefined
    const names = recent.map(([id]) => id).toSorted()
    return this.broken(
      view,
      `${recent.length} of ${counted} nodes were given up: ${names.join(', ')}`,
    )
  }
}
