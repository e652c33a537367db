import { Refusal } from '../../base/errors.ts'
import type { App, Release } from '../apps/model.ts'
import { cellName, type AppCell } from '../tenants/model.ts'
import { isOver, type Rollout } from './model.ts'

/** What is seen of the cell that a release is to be promoted from. */
export interface PromotionView {
  readonly from: AppCell
  /** Undefined: the cell has no such app. */
  readonly app: Pick<App, 'releaseId' | 'destroying'> | undefined
  /** What it runs; undefined: nothing. */
  readonly current: Release | undefined
  /** Newest first. */
  readonly rollouts: readonly Pick<Rollout, 'id' | 'state' | 'startedAt' | 'because'>[]
}

/**
 * The release that may be promoted: the one that runs, if the last rollout that began brought it
 * in. Refusal `promotion-untested` (409) otherwise, which says why.
 */
export function planPromotion(view: PromotionView): Release {
  const { from, app, current, rollouts } = view
  const where = `${from.app} in ${cellName(from)}`
  if (app === undefined) throw untested(`there is no ${where}`, 'deploy it there first')
  if (app.destroying) throw untested(`${where} is being destroyed`, 'deploy it there first')
  // What was taken back, or gave its place away, before it began has changed nothing.
  const last = rollouts.find(({ state, startedAt }) => !isOver(state) || startedAt !== null)
  if (last !== undefined && !isOver(last.state)) {
    const message = `${last.id} of ${where} is ${last.state}: it is not tested yet`
    throw untested(message, `wait until it is done: roadstead rollout ${last.id}`)
  }
  if (last !== undefined && last.state !== 'done') {
    const message = `the last rollout of ${where}, ${last.id}, is ${last.state}: ${last.because}`
    throw untested(message, 'deploy there what works, and promote that')
  }
  if (current !== undefined) return current
  throw untested(`${where} has never run`, 'deploy it there first')
}

function untested(message: string, hint: string): Refusal {
  return new Refusal('promotion-untested', message, { status: 409, hint })
}
