import type { Instance } from '../../src/parts/instances/model.ts'
import type { SimEvent, SimProcess, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'
import { nameOf, type RecordIndex } from './record-index.ts'

/** What is promised of services of which there may be only one. */

/** S1: two processes of one singleton are never alive together. */
export class OneAtATime extends Promised {
  readonly invariant = 'S1'
  readonly promise =
    'At most one instance of a singleton runs at any time, on whichever node, but beside one whose host was frozen.'
  readonly hears = ['commit', 'process-started', 'process-ended'] as const
  readonly #index: RecordIndex
  readonly #running = new Map<string, Map<string, SimProcess>>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'commit') this.#index.take(event.change)
    else if (event.is === 'process-ended') this.#end(event.process)
    else if (event.is === 'process-started') return this.#start(event.process, view)
    return undefined
  }

  #end({ instanceId, nodeId }: SimProcess): void {
    const instance = this.#index.instance(instanceId)
    if (instance !== undefined)
      this.#running.get(nameOf(instance))?.delete(`${instanceId} ${nodeId}`)
  }

  #start(started: SimProcess, view: SimView): Violation | undefined {
    const instance = this.#index.instance(started.instanceId)
    if (instance === undefined || !isSingleton(instance, this.#index)) return undefined
    const service = nameOf(instance)
    const running = this.#running.get(service) ?? new Map<string, SimProcess>()
    this.#running.set(service, running)
    const others = [...running.values()]
    running.set(`${started.instanceId} ${started.nodeId}`, started)
    const leaseMs = instance.singleton?.leaseMs ?? 0
    for (const other of others) {
      if (wasFrozen(other.nodeId, leaseMs, view) || wasFrozen(started.nodeId, leaseMs, view))
        continue
      return this.broken(
        view,
        `${started.instanceId} of the singleton ${service} started on ${started.nodeId} while ${other.instanceId} ran on ${other.nodeId}`,
      )
    }
    return undefined
  }
}

/** S13: the fencing token rises with each instance of a singleton. */
export class RisingEpochs extends Promised {
  readonly invariant = 'S13'
  readonly promise =
    'Each instance of a singleton gets a fencing token that is higher than all before it, and its process gets that one and no other.'
  readonly hears = ['commit', 'process-started'] as const
  readonly #index: RecordIndex
  readonly #newest = new Map<string, { readonly epoch: number; readonly instanceId: string }>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'process-started') return this.#start(event.process, view)
    if (event.is !== 'commit') return undefined
    for (const { kind, before, after } of this.#index.take(event.change)) {
      if (kind !== 'instance' || before !== undefined) continue
      const violation = this.#create(after as Instance, view)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #create(instance: Instance, view: SimView): Violation | undefined {
    if (!isSingleton(instance, this.#index)) return undefined
    const service = nameOf(instance)
    const { id, singleton } = instance
    if (singleton === undefined) {
      return this.broken(view, `${id} of the singleton ${service} was given no fencing token`)
    }
    const newest = this.#newest.get(service)
    const { epoch } = singleton
    if (newest === undefined || epoch > newest.epoch) {
      this.#newest.set(service, { epoch, instanceId: id })
      return undefined
    }
    return this.broken(
      view,
      `${id} of ${service} was given token ${epoch}; ${newest.instanceId} before it had ${newest.epoch}`,
    )
  }

  #start({ instanceId, epoch }: SimProcess, view: SimView): Violation | undefined {
    const instance = this.#index.instance(instanceId)
    if (instance === undefined || !isSingleton(instance, this.#index)) return undefined
    const given = instance.singleton?.epoch
    if (epoch === given && epoch !== undefined) return undefined
    return this.broken(
      view,
      `${instanceId} started with token ${epoch ?? 'none'}; its record says ${given ?? 'none'}`,
    )
  }
}

/** Its record says so, or the release that it runs. */
function isSingleton(instance: Instance, index: RecordIndex): boolean {
  if (instance.purpose !== 'service') return false
  return instance.singleton !== undefined || index.specOf(instance)?.singleton === true
}

/** Its clocks stood still with its host, so nothing on it could end in time. */
function wasFrozen(nodeId: string, leaseMs: number, view: SimView): boolean {
  const machine = view.machine(nodeId)
  if (machine === undefined) return false
  if (machine.isFrozen) return true
  return machine.thawedAt !== undefined && view.now() - machine.thawedAt < leaseMs
}
