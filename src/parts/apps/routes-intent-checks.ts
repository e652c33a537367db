import { Refusal } from '../../base/errors.ts'
import type { State } from '../../store/port.ts'
import { isPlanHash, partsChanged, type DeployDecision } from '../rollouts/plan-deploy.ts'
import { openRollouts } from '../rollouts/records.ts'
import { appCellName, cellName, type AppCell } from '../tenants/model.ts'
import type { ReleaseContent } from './manifest/release-content.ts'
import { appKind, currentRelease } from './records.ts'

/** What a release is refused for, once its manifest has been read. */

/** Rollouts of one app and cell that may wait at once. */
const queuedMax = 20

/** What was planned is what is done, or nothing is. */
export function refuseStale(
  planned: string,
  { hash, view }: DeployDecision,
  isPromotion: boolean,
): void {
  const command = isPromotion ? 'roadstead promote --plan-only' : 'roadstead plan'
  if (planned === hash) return
  if (!isPlanHash(planned)) {
    throw new Refusal('plan-invalid', 'that is no hash of a plan', {
      status: 422,
      path: '/body/plan',
      hint: `\`${command}\` prints it`,
    })
  }
  const changed = partsChanged(planned, hash)
  const { base, drift } = view
  const hands = drift.map(({ service, byHand }) => `${service} has ${byHand} by hand`).join(', ')
  const sentences = {
    program: 'another version of Roadstead made it',
    content: 'what is deployed is not what was planned',
    base: base === null ? 'nothing runs any more' : `what runs is release ${base.number} now`,
    hands: hands === '' ? 'what had been done by hand is undone' : hands,
    options: 'it was planned the other way about what was done by hand',
  }
  const because = changed.map((part) => sentences[part]).join('; ')
  throw new Refusal('plan-stale', `this is not the plan any more: ${because}`, {
    status: 409,
    path: '/body/plan',
    hint: `run \`${command}\` again, and look at what is different`,
    details: { changed, hash },
  })
}

/** What waits is bounded. */
export function refuseLongQueue(state: State, at: AppCell): void {
  if (openRollouts(state.snapshot, at).length < queuedMax) return
  throw new Refusal('rollouts-queued', `${queuedMax} rollouts of ${at.app} wait already`, {
    status: 429,
    hint: 'wait for them, or deploy with supersede, which takes their place',
  })
}

/** One exposure, host and path leads to one service: of this app (its manifest says) or another. */
export function refuseRouteConflict(state: State, at: AppCell, content: ReleaseContent): void {
  const wanted = new Map(
    content.services.flatMap(({ name, route: own }) =>
      own === null ? [] : [[`${own.expose} ${own.host} ${own.path}`, name]],
    ),
  )
  if (wanted.size === 0) return
  for (const { value: app } of state.snapshot.list(appKind)) {
    if (appCellName(app.at) === appCellName(at)) continue
    for (const spec of currentRelease(state.snapshot, app)?.services ?? []) {
      if (spec.route === null) continue
      const { expose, host, path } = spec.route
      const name = wanted.get(`${expose} ${host} ${path}`)
      if (name === undefined) continue
      const owner = `${app.at.app}/${spec.name} in ${cellName(app.at)}`
      throw new Refusal('route-taken', `${host}${path} leads to ${owner} already`, {
        status: 409,
        path: `services.${name}.route`,
        hint: 'give the service another host or path',
      })
    }
  }
}
