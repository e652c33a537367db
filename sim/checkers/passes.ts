import { isDeepStrictEqual } from 'node:util'
import { partsOf } from '../../src/base/key.ts'
import type { Instance } from '../../src/parts/instances/model.ts'
import type { AnyController } from '../../src/server/controllers.ts'
import type { SimEvent, SimLeader, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'
import { convergenceMs, Quiet } from './quiet.ts'
import type { RecordIndex } from './record-index.ts'

/** What is promised of the controllers' passes, and that they come to rest. */

/** S15: a pass does one thing at a time to one thing. */
export class OneOperationEach extends Promised {
  readonly invariant = 'S15'
  readonly promise = 'No pass of a controller decides two operations on the same instance.'
  readonly hears = ['pass'] as const

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is !== 'pass') return undefined
    const { controller, key, concerns } = event
    if (concerns.length < 2) return undefined
    const seen = new Set<string>()
    for (const one of concerns) {
      if (seen.has(one)) {
        return this.broken(view, `one pass of ${controller} over ${key} acts twice on ${one}`)
      }
      seen.add(one)
    }
    return undefined
  }
}

/** Kinds of records that come to rest; others are written by requests, or by the hour. */
const restingKinds: ReadonlySet<string> = new Set([
  'app',
  'instance',
  'listener',
  'listener-port',
  'node',
  'rollout',
])

/** Changes of one object in the last minute that count as coming to rest still. */
const changesMax = 2

/** Within this time of a run's coming or going its room is news to those that wait, in ms. */
const newsMs = 5_000

/** L6: nothing goes to and fro. */
export class NoOscillation extends Promised {
  readonly invariant = 'L6'
  readonly promise =
    'After a minute of quiet without a rollout under way, no record changes more than twice in the next.'
  readonly hears = ['commit', 'end', ...Quiet.hears] as const
  readonly #index: RecordIndex
  readonly #quiet = new Quiet()
  /** True times and keys of the changes of the last minute, oldest first. */
  #recent: { readonly at: number; readonly key: string }[] = []
  #rolledAt = 0
  #ranAt = -Infinity

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    this.#quiet.notice(event, view)
    if (event.is === 'commit') {
      this.#commit(event, view)
      return undefined
    }
    if (event.is !== 'end') return undefined
    const now = view.now()
    const calmMs = Math.min(this.#quiet.lasts(view), now - this.#rolledAt)
    const isRolling = [...this.#index.allOpenRollouts()].length > 0
    if (isRolling || calmMs < 2 * convergenceMs) return undefined
    const counts = new Map<string, number>()
    for (const { at, key } of this.#recent) {
      if (at >= now - convergenceMs) counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    for (const [key, count] of counts) {
      if (count > changesMax) {
        return this.broken(
          view,
          `${key} changed ${count} times in the last minute of a quiet world`,
        )
      }
    }
    return undefined
  }

  #commit(event: Extract<SimEvent, { is: 'commit' }>, view: SimView): void {
    const at = view.now()
    for (const { key, kind, before, after } of this.#index.take(event.change)) {
      if (kind === 'rollout') this.#rolledAt = at
      // A run of a job comes and goes: it is to change.
      const isRun = kind === 'instance' && ((after ?? before) as Instance).purpose !== 'service'
      if (isRun) this.#ranAt = at
      // What a run takes and frees is told to those that wait for room.
      const isNews = at - this.#ranAt < newsMs && isRetold(before, after)
      if (restingKinds.has(kind) && !isRun && !isNews) this.#recent.push({ at, key })
    }
    const [oldest] = this.#recent
    if (oldest === undefined || this.#recent.length < 4_096) return
    this.#recent = this.#recent.filter((one) => one.at >= at - convergenceMs)
  }
}

/** Whether all that changed is the sentence of why an instance waits. */
function isRetold(before: unknown, after: unknown): boolean {
  if (before === undefined || after === undefined) return false
  const plain = (value: unknown): unknown => ({ ...(value as Instance), unplaced: null })
  return isDeepStrictEqual(plain(before), plain(after))
}

/** D5: planning again changes nothing. */
export class SecondPassIsIdle extends Promised {
  readonly invariant = 'D5'
  readonly promise =
    'After a minute of quiet without a rollout under way, a pass of every controller over every key plans no action; jobs aside, which come by the clock.'
  readonly hears = ['commit', 'end', ...Quiet.hears] as const
  readonly #index: RecordIndex
  readonly #quiet = new Quiet()
  #changedAt = 0

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    this.#quiet.notice(event, view)
    if (event.is === 'commit') {
      const isRollout = (key: string): boolean => partsOf(key as never).kind === 'rollout'
      if (this.#index.take(event.change).some(({ key }) => isRollout(key))) {
        this.#changedAt = view.now()
      }
      return undefined
    }
    const { leader } = view
    if (event.is !== 'end' || leader === undefined) return undefined
    const isRolling = [...this.#index.allOpenRollouts()].length > 0
    const calmMs = Math.min(this.#quiet.lasts(view), view.now() - this.#changedAt)
    if (isRolling || calmMs < convergenceMs) return undefined
    for (const controller of leader.controllers) {
      if (controller.name === 'jobs') continue
      const violation = this.#resync(controller, leader, view)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #resync(controller: AnyController, leader: SimLeader, view: SimView): Violation | undefined {
    const { snapshot } = leader
    for (const key of controller.allKeys(snapshot)) {
      // `~tick` and the like: the instances of runs.
      if (key.includes('/~')) continue
      const observed = controller.observe(key, snapshot)
      if (observed === undefined) continue
      const { actions, because } = controller.plan(observed, leader.now())
      if (actions.length === 0) continue
      return this.broken(
        view,
        `${controller.name} still plans ${actions.length} actions for ${key}: ${because}`,
      )
    }
    return undefined
  }
}
