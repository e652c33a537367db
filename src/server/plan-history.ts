import { nothingLost, type Bound } from '../base/bounds.ts'
import type { PlanView } from '../wire/api.ts'

/** Plans kept for people. */
const plansMax = 1_000

/** Keys whose last sentence is remembered, so that repetitions are left out. */
const sentencesMax = 20_000

/** What the control loops decided last; a plan that only repeats itself is not kept again. */
export class PlanHistory {
  readonly #plans: PlanView[] = []
  /** Where the next plan is written: a ring, once it is full. */
  #next = 0
  readonly #sentences = new Map<string, string>()

  add(plan: PlanView): void {
    const name = `${plan.controller} ${plan.key}`
    const sentence = `${plan.because}\n${plan.error ?? ''}`
    const isRepetition = plan.actions === 0 && this.#sentences.get(name) === sentence
    if (isRepetition) return
    this.#remember(name, sentence)
    this.#plans[this.#next] = plan
    this.#next = (this.#next + 1) % plansMax
  }

  *newestFirst(): Iterable<PlanView> {
    for (let back = 1; back <= this.#plans.length; back++) {
      const plan = this.#plans[(this.#next - back + plansMax) % plansMax]
      if (plan !== undefined) yield plan
    }
  }

  bounds(): Bound[] {
    return [
      {
        name: 'server.plans-kept',
        says: 'the last plans of the control loops, for `roadstead plans`; the oldest goes first',
        unit: 'items',
        overflow: 'drops-oldest',
        limit: plansMax,
        used: () => this.#plans.length,
        lost: nothingLost,
      },
    ]
  }

  #remember(name: string, sentence: string): void {
    this.#sentences.delete(name)
    this.#sentences.set(name, sentence)
    if (this.#sentences.size <= sentencesMax) return
    const [oldest] = this.#sentences.keys()
    if (oldest !== undefined) this.#sentences.delete(oldest)
  }
}
