import { Refusal } from '../../base/errors.ts'
import type { State } from '../../store/port.ts'
import { DeployAnswer } from '../../wire/api.ts'
import { DeployPlanView, UnchangedAnswer } from '../../wire/deploy-plan.ts'
import { appParams, appPath } from '../../wire/paths.ts'
import { PromoteRequest } from '../../wire/promotion.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { planPromotion } from '../rollouts/plan-promotion.ts'
import { rolloutKind } from '../rollouts/records.ts'
import { appCellName, cellName, type AppCell, type Cell } from '../tenants/model.ts'
import { keptPlatform } from '../tenants/records.ts'
import { authorsOf, type Release } from './model.ts'
import { appAt, currentRelease } from './records.ts'
import { withDigests } from './routes-images.ts'
import { carryOut, planWish, type IntentOptions, type Wish } from './routes-intent.ts'

/** From one cell into another: what was tested is what goes, to the byte. */
export function promoteRoutes(options: IntentOptions): RouteDefinition[] {
  const shared = { tag: 'apps', params: appParams, body: PromoteRequest } as const
  return [
    route({
      ...shared,
      method: 'POST',
      path: `${appPath}/promote/plan`,
      rule: { roles: ['operator', 'developer', 'viewer'] },
      summary: 'Says what a promotion would change, and gives the hash to promote exactly that.',
      answers: { 200: DeployPlanView },
      async handle({ caller, params, body }) {
        const wish = await wishOf(options, params, body)
        return { body: planWish(options, caller?.name ?? '', wish) }
      },
    }),
    route({
      ...shared,
      method: 'POST',
      path: `${appPath}/promote`,
      rule: { roles: ['operator', 'developer'] },
      summary: 'Carries the release that runs in another cell into this one, with its artifacts.',
      answers: { 200: UnchangedAnswer, 202: DeployAnswer },
      async handle({ caller, params, body }) {
        return carryOut(options, caller?.name ?? '', await wishOf(options, params, body))
      },
    }),
  ]
}

/** The source's manifest, rendered for the target, with the source's artifacts. */
async function wishOf(
  { state, manifests, registry }: IntentOptions,
  at: AppCell,
  { from, supersede, keepDrift = false, plan }: PromoteRequest,
): Promise<Wish> {
  if (cellName(from) === cellName(at)) {
    throw new Refusal('promotion-itself', `${cellName(at)} cannot be promoted onto itself`, {
      status: 422,
      path: '/body/from',
      hint: 'name the cell that it was tested in',
    })
  }
  const platform = requirePlatform(state)
  const tested = testedRelease(state, { ...from, app: at.app })
  const { files, manifest, version } = tested
  const services = Object.fromEntries(tested.services.map(({ name, artifact }) => [name, artifact]))
  const mounts = Object.fromEntries(
    tested.services.flatMap(({ name, mounts: one }) => (one ? [[name, one.artifact]] : [])),
  )
  const promotes = {
    from: { tenant: from.tenant, environment: from.environment },
    services,
    mounts,
  }
  const read = await manifests.read({ manifest, platform, artifacts: {}, files, promotes }, at)
  const content = await withDigests(read, version, registry)
  refuseOtherSource(at, from, content.promoteFrom)
  const promotedFrom = {
    environment: from.environment,
    tenant: from.tenant,
    releaseId: tested.id,
    number: tested.number,
    authors: authorsOf(tested),
  }
  const release = { version, files, manifest, promotedFrom }
  return { at, content, release, supersede, keepDrift, plan, notes: [] }
}

function testedRelease(state: State, from: AppCell): Release {
  const { snapshot } = state
  const app = appAt(snapshot, from)?.value
  const rollouts = [...snapshot.find(rolloutKind, 'app', appCellName(from))]
    .toSorted((a, b) => b.createdRevision - a.createdRevision)
    .map(({ value }) => value)
  const current = app === undefined ? undefined : currentRelease(snapshot, app)
  return planPromotion({ from, app, current, rollouts })
}

/** Cells that are not local are the operators' to name: without their file there is no other one. */
function requirePlatform(state: State): string {
  const kept = keptPlatform(state.snapshot)?.value.text
  if (kept !== undefined) return kept
  throw new Refusal('platform-missing', 'no platform.yaml was applied, which names the cells', {
    status: 404,
    hint: 'an operator applies it: `roadstead platform apply platform.yaml`',
  })
}

function refuseOtherSource(at: AppCell, from: Cell, wanted: string | null): void {
  if (wanted === null || wanted === from.environment) return
  const message = `${cellName(at)} takes only what has run in ${wanted}, not ${from.environment}`
  throw new Refusal('promotion-required', message, {
    status: 409,
    path: '/body/from',
    hint: `roadstead promote ${at.app} --from ${wanted}/${from.tenant} --to ${cellName(at)}`,
  })
}
