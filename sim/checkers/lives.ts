import { isOnline, nameOf, type RecordIndex } from './record-index.ts'
import type { SimEvent, SimProcess, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'
import { convergenceMs, Quiet } from './quiet.ts'

/** What is promised of the processes that agents run. */

/** Ids whose last run is remembered, for starts that come much later. */
const livesMax = 50_000

interface Life {
  readonly nodeId: string
  readonly run: number
  /** It was told to end for good, and did. */
  isOver: boolean
  isRunning: boolean
}

/** S8: an instance lives once. */
export class LivesOnce extends Promised {
  readonly invariant = 'S8'
  readonly promise =
    'An instance runs on one node only; each of its runs starts once; and once it was told to end and has ended it never starts again, but on a machine whose disk refused to keep that and that lost power then.'
  readonly hears = ['process-started', 'process-ended'] as const
  readonly #lives = new Map<string, Life>()

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'process-started') return this.#start(event.process, view)
    if (event.is !== 'process-ended') return undefined
    const { instanceId, isStopping } = event.process
    const life = this.#lives.get(instanceId)
    if (life === undefined) return undefined
    life.isRunning = false
    // Whoever was told to stop is over, unless its machine went down before its agent saw the end.
    if (isStopping === true && event.by !== 'machine') life.isOver = true
    return undefined
  }

  #start({ instanceId, nodeId, run }: SimProcess, view: SimView): Violation | undefined {
    const before = this.#lives.get(instanceId)
    this.#lives.set(instanceId, { nodeId, run, isOver: false, isRunning: true })
    if (before === undefined) {
      const [oldest] = this.#lives.keys()
      if (this.#lives.size > livesMax && oldest !== undefined) this.#lives.delete(oldest)
      return undefined
    }
    if (before.nodeId !== nodeId) {
      return this.broken(view, `${instanceId} started on ${nodeId}; it had run on ${before.nodeId}`)
    }
    if (before.isOver && view.machine(nodeId)?.hasForgotten !== true) {
      return this.broken(view, `${instanceId} started again on ${nodeId} after it was told to end`)
    }
    if (before.isRunning) {
      return this.broken(
        view,
        `${instanceId} started twice on ${nodeId}: run ${before.run} still goes`,
      )
    }
    if (run > before.run) return undefined
    return this.broken(
      view,
      `run ${run} of ${instanceId} started on ${nodeId} after run ${before.run}`,
    )
  }
}

/** It answered its checks for so long that nobody could take it for sick, in ms. */
const wellMs = 15_000

/** S16: what runs well and is wanted runs on, whatever becomes of the servers. */
export class NobodyEndsTheWell extends Promised {
  readonly invariant = 'S16'
  readonly promise =
    'No agent ends a healthy instance that the records want to run, with or without a server; only the lease of a singleton may.'
  readonly hears = ['commit', 'process-started', 'process-health', 'process-ended'] as const
  readonly #index: RecordIndex
  /** True time since which each running process is healthy. */
  readonly #wellSince = new Map<string, number>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    switch (event.is) {
      case 'commit':
        return void this.#index.take(event.change)
      case 'process-started':
      case 'process-health':
        this.#note(event.process, view)
        return undefined
      case 'process-ended':
        return this.#end(event, view)
      default:
        return undefined
    }
  }

  /** One that was told to stop fails its checks because of that. */
  #note({ instanceId, isHealthy, isStopping }: SimProcess, view: SimView): void {
    if (isStopping === true) return
    if (!isHealthy) this.#wellSince.delete(instanceId)
    else if (!this.#wellSince.has(instanceId)) this.#wellSince.set(instanceId, view.now())
  }

  #end(event: Extract<SimEvent, { is: 'process-ended' }>, view: SimView): Violation | undefined {
    const { instanceId, nodeId, epoch } = event.process
    const since = this.#wellSince.get(instanceId)
    this.#wellSince.delete(instanceId)
    const instance = this.#index.instance(instanceId)
    if (event.by !== 'agent' || since === undefined || instance === undefined) return undefined
    if (epoch !== undefined || instance.singleton !== undefined) return undefined
    const isWanted =
      this.#index.hasInstance(instanceId) &&
      instance.state === 'placed' &&
      instance.desired === 'running' &&
      instance.purpose === 'service'
    const wellForMs = view.now() - since
    if (!isWanted || wellForMs < wellMs) return undefined
    const where = isOnline(instance) ? 'online' : instance.pool
    return this.broken(
      view,
      `the agent of ${nodeId} ended ${instanceId} of ${nameOf(instance)} (${where}), healthy for ${Math.round(wellForMs)} ms and wanted: ${event.because}`,
    )
  }
}

/** L4: nothing runs that is not wanted. */
export class NoOrphans extends Promised {
  readonly invariant = 'L4'
  readonly promise =
    'A minute after all is quiet, every process that runs is of an instance that its node was given and that has not ended.'
  readonly hears = ['commit', 'process-started', 'process-ended', 'end', ...Quiet.hears] as const
  readonly #index: RecordIndex
  readonly #quiet = new Quiet()
  readonly #running = new Map<string, SimProcess>()

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    this.#quiet.notice(event, view)
    if (event.is === 'commit') this.#index.take(event.change)
    else if (event.is === 'process-started')
      this.#running.set(placeOf(event.process), event.process)
    else if (event.is === 'process-ended') this.#running.delete(placeOf(event.process))
    if (event.is !== 'end' || this.#quiet.lasts(view) < convergenceMs) return undefined
    for (const process of this.#running.values()) {
      const violation = this.#judge(process, view)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #judge({ instanceId, nodeId }: SimProcess, view: SimView): Violation | undefined {
    const instance = this.#index.instance(instanceId)
    const hasRecord = this.#index.hasInstance(instanceId)
    if (hasRecord && instance?.state === 'placed' && instance.placement?.nodeId === nodeId) {
      return undefined
    }
    const stands = hasRecord ? `is ${instance?.state ?? 'unknown'}` : 'has no record'
    const quietMs = Math.round(this.#quiet.lasts(view))
    return this.broken(
      view,
      `${instanceId} still runs on ${nodeId} after ${quietMs} ms of quiet; it ${stands}`,
    )
  }
}

function placeOf({ instanceId, nodeId }: SimProcess): string {
  return `${instanceId} ${nodeId}`
}
