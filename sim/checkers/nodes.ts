import type { Node } from '../../src/parts/nodes/model.ts'
import type { SimEvent, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'
import type { RecordIndex } from './record-index.ts'

/** No more than this share of the nodes is given up together (reliability.md, rule 9). */
const shareMax = 0.3

/** S17: when many nodes fall silent together, nobody is replaced. */
export class MassLossBrake extends Promised {
  readonly invariant = 'S17'
  readonly promise =
    'Without a person who confirms it, no more than 30 % of the nodes, and never all of them, count as lost at the same time; one node of a few may.'
  readonly hears = ['commit'] as const
  readonly #index: RecordIndex
  readonly #lost = new Set<string>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is !== 'commit') return undefined
    const { who } = event.change.attribution
    for (const { kind, before, after } of this.#index.take(event.change)) {
      if (kind !== 'node') continue
      const { id } = (after ?? before) as Node
      if ((after as Node | undefined)?.lost === undefined) {
        this.#lost.delete(id)
        continue
      }
      if (this.#lost.has(id)) continue
      this.#lost.add(id)
      const all = this.#index.nodeCount()
      const most = all === 1 ? 0 : Math.max(1, Math.floor(all * shareMax))
      if (this.#lost.size <= most || who !== 'nodes') continue
      const names = [...this.#lost].toSorted().join(', ')
      return this.broken(view, `${this.#lost.size} of ${all} nodes count as lost: ${names}`)
    }
    return undefined
  }
}
