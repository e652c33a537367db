import type { Instance } from '../../src/parts/instances/model.ts'
import type { SimEvent, SimView } from '../view.ts'
import type { RecordIndex } from './record-index.ts'

/** What a server may not have heard of yet: what happened this short a time ago, in ms. */
const newsMs = 20_000

/** Which instances are healthy as far as a server can know: news takes its time. */
export class HealthNews {
  static readonly hears = [
    'process-health',
    'process-ended',
  ] as const satisfies readonly SimEvent['is'][]
  readonly #index: RecordIndex
  /** True time at which each instance was healthy last, of those that are not now. */
  readonly #until = new Map<string, number>()
  /** True time at which each instance recovered last. */
  readonly #recovered = new Map<string, number>()

  constructor(index: RecordIndex) {
    this.#index = index
  }

  notice(event: SimEvent, view: SimView): void {
    if (event.is !== 'process-health' && event.is !== 'process-ended') return
    const { instanceId, isHealthy } = event.process
    if (isHealthy && this.#until.delete(instanceId)) this.#recovered.set(instanceId, view.now())
    else if (!isHealthy && !this.#until.has(instanceId)) this.#until.set(instanceId, view.now())
    for (const remembered of [this.#until, this.#recovered]) {
      const [oldest] = remembered.keys()
      if (remembered.size > rememberedMax && oldest !== undefined) remembered.delete(oldest)
    }
  }

  /** It is healthy, and was so for long enough that a server may be expected to know. */
  isKnownHealthy(instanceId: string, view: SimView): boolean {
    if (view.process(instanceId)?.isHealthy !== true) return false
    const recovered = this.#recovered.get(instanceId)
    return recovered === undefined || view.now() - recovered > newsMs
  }

  /** It is healthy, or was so lately that nobody can know better. */
  countsAsHealthy(instanceId: string, view: SimView): boolean {
    const process = view.process(instanceId)
    if (process?.isHealthy === true) return true
    const instance = this.#index.instance(instanceId)
    if (instance === undefined) return false
    if (isUnchecked(instance, this.#index) && process?.isRunning === true) return true
    const until = this.#until.get(instanceId)
    return until !== undefined && view.now() - until <= newsMs
  }
}

/** It has no check; that it runs is all there is to see of it. */
export function isUnchecked(instance: Instance, index: RecordIndex): boolean {
  return index.specOf(instance)?.health.probe.kind === 'none'
}

/** Instances whose last health is remembered; more than fail within the time that news takes. */
const rememberedMax = 10_000
