import { runTimeoutMs, type Release } from '../../src/parts/apps/model.ts'
import { isOver, type Rollout } from '../../src/parts/rollouts/model.ts'
import { appCellName } from '../../src/parts/tenants/model.ts'
import type { SimEvent, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'
import { convergenceMs } from './quiet.ts'
import type { RecordIndex } from './record-index.ts'

/** What is promised of rollouts: one at a time, they end, and going back is no circle. */

/** S5: rollouts of one app and cell are never interleaved. */
export class OneRollout extends Promised {
  readonly invariant = 'S5'
  readonly promise =
    'At most one rollout of an app runs or reverts in a cell; others wait or are refused.'
  readonly hears = ['commit'] as const
  readonly #index: RecordIndex

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is !== 'commit') return undefined
    for (const { kind, after } of this.#index.take(event.change)) {
      if (kind !== 'rollout' || after === undefined) continue
      const app = appCellName((after as Rollout).at)
      const active = [...this.#index.openRollouts(app)].filter(({ state }) => state !== 'queued')
      if (active.length <= 1) continue
      const names = active.map(({ id, state }) => `${id} (${state})`).join(' and ')
      return this.broken(view, `${app} has ${names} at once`)
    }
    return undefined
  }
}

/** The longest that a step waits before its rollout turns round, in ms (rollouts/plan.ts). */
const stepDeadlineMs = 120_000
/** The longest that bringing back what ran before may take, in ms (rollouts/plan.ts). */
const revertDeadlineMs = 180_000

/** L1: every rollout ends. */
export class RolloutsEnd extends Promised {
  readonly invariant = 'L1'
  readonly promise =
    'After faults stop, no step of a rollout is 60 s past its deadline, and every rollout has ended after its deadlines twice over and 60 s.'
  readonly hears = ['commit', 'end'] as const
  readonly #index: RecordIndex

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'commit') return void this.#index.take(event.change)
    const { healedAt } = view
    if (event.is !== 'end' || healedAt === undefined) return undefined
    for (const rollout of this.#index.allOpenRollouts()) {
      const violation = this.#judge(rollout, healedAt, view)
      if (violation !== undefined) return violation
    }
    return undefined
  }

  #judge(rollout: Rollout, healedAt: number, view: SimView): Violation | undefined {
    const { id, at, state, deadline, because, startedAt, createdAt } = rollout
    // Records tell wall time; the leader's clock tells how old that is.
    const wall = view.leader?.now() ?? view.now()
    const sinceHealedMs = view.now() - healedAt
    const name = `${id} of ${appCellName(at)}`
    const lateMs = deadline === null ? 0 : wall - deadline
    if (state !== 'queued' && Math.min(lateMs, sinceHealedMs) > convergenceMs) {
      return this.broken(view, `${name} is ${state}, ${lateMs} ms past its deadline: ${because}`)
    }
    const ageMs = Math.min(wall - (startedAt ?? createdAt), sinceHealedMs)
    const mostMs = 2 * this.#deadlinesOf(rollout) + convergenceMs
    if (state === 'queued') return this.#judgeQueued(rollout, ageMs, view)
    if (ageMs <= mostMs) return undefined
    return this.broken(view, `${name} is ${state} after ${ageMs} ms, of at most ${mostMs}`)
  }

  #judgeQueued(rollout: Rollout, ageMs: number, view: SimView): Violation | undefined {
    const app = appCellName(rollout.at)
    const others = [...this.#index.openRollouts(app)].filter(({ state }) => state !== 'queued')
    if (others.length > 0 || ageMs <= convergenceMs) return undefined
    return this.broken(view, `${rollout.id} of ${app} is queued, and nothing is ahead of it`)
  }

  /** All its deadlines one after the other: each batch may take one, and its test, and its pause. */
  #deadlinesOf(rollout: Rollout): number {
    const release = this.#index.release(rollout.at, rollout.releaseId)
    const batches = release === undefined ? 1 : batchesOf(release)
    const tests = (release?.steps ?? []).map(runTimeoutMs)
    const testMs = tests.reduce((sum, ms) => sum + ms, 0)
    return (rollout.steps.length + batches) * stepDeadlineMs + testMs + revertDeadlineMs
  }
}

function batchesOf(release: Release): number {
  const step = release.steps.find((candidate) => candidate.kind === 'remaining')
  const batches = step?.kind === 'remaining' ? Math.ceil(1 / Math.max(step.batch, 0.01)) : 1
  return batches * Math.max(1, release.services.length)
}

/** L8: going back happens once, and starts nothing. */
export class NoRevertCycle extends Promised {
  readonly invariant = 'L8'
  readonly promise =
    'A rollout turns round at most once, never goes forward again, and no controller ever starts another for it.'
  readonly hears = ['commit'] as const
  readonly #index: RecordIndex

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is !== 'commit') return undefined
    const { who } = event.change.attribution
    for (const { kind, before, after } of this.#index.take(event.change)) {
      if (kind !== 'rollout' || after === undefined) continue
      const rollout = after as Rollout
      const earlier = before as Rollout | undefined
      const name = `${rollout.id} of ${appCellName(rollout.at)}`
      if (earlier === undefined) {
        if (who !== 'rollouts') continue
        return this.broken(view, `the rollouts controller started ${name} (${rollout.purpose})`)
      }
      const turned =
        earlier.state === 'reverting' && ['running', 'queued', 'done'].includes(rollout.state)
      if (turned || (isOver(earlier.state) && !isOver(rollout.state))) {
        return this.broken(view, `${name} went from ${earlier.state} to ${rollout.state}`)
      }
    }
    return undefined
  }
}
