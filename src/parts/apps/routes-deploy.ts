import { Refusal } from '../../base/errors.ts'
import type { State } from '../../store/port.ts'
import { DeployAnswer, DeployRequest } from '../../wire/api.ts'
import { DeployPlanView, UnchangedAnswer } from '../../wire/deploy-plan.ts'
import { appParams, appPath } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { cellName, type AppCell } from '../tenants/model.ts'
import { keptPlatform } from '../tenants/records.ts'
import { withDigests } from './routes-images.ts'
import { carryOut, planWish, type IntentOptions, type Wish } from './routes-intent.ts'

/** A deploy's manifest and two digests per service are well below this. */
const bodyBytesMax = 4 * 1024 * 1024

/** Both ask the same planner with the same body; only one of them writes. */
export function deployRoutes(options: IntentOptions): RouteDefinition[] {
  return [planRoute(options), deployRoute(options)]
}

function planRoute(options: IntentOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/plan`,
    rule: { roles: ['operator', 'developer', 'viewer'] },
    summary: 'Says what a deploy would change, and gives the hash to deploy exactly that.',
    tag: 'apps',
    params: appParams,
    body: DeployRequest,
    bodyBytesMax,
    answers: { 200: DeployPlanView },
    async handle({ caller, params, body }) {
      const who = caller?.name ?? ''
      const wish = await wishOf(options, params, body)
      const { promoteFrom } = wish.content
      if (promoteFrom === null) return { body: planWish(options, who, wish) }
      const note = `only \`${promotionTo(params, promoteFrom)}\` carries a release in here`
      return { body: planWish(options, who, { ...wish, notes: [...wish.notes, note] }) }
    },
  })
}

/** Records the intent of a deploy: a release, and a rollout that waits to carry it in. */
function deployRoute(options: IntentOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/deploy`,
    rule: { roles: ['operator', 'developer'] },
    summary: 'Makes a release of a manifest and carries it into the cell.',
    tag: 'apps',
    params: appParams,
    body: DeployRequest,
    bodyBytesMax,
    answers: { 200: UnchangedAnswer, 202: DeployAnswer },
    async handle({ caller, params, body }) {
      const wish = await wishOf(options, params, body)
      refuseUnpromoted(params, wish.content.promoteFrom)
      return carryOut(options, caller?.name ?? '', wish)
    },
  })
}

async function wishOf(
  { state, manifests, registry }: IntentOptions,
  at: AppCell,
  body: DeployRequest,
): Promise<Wish> {
  const { version, files, manifest, supersede, keepDrift = false, plan } = body
  const { platform, notes } = heldAgainst(state, body.platform)
  const { artifacts, mounts = {}, contexts = {} } = body
  const input = { manifest, artifacts, mounts, files, contexts }
  const read = await manifests.read(platform === undefined ? input : { ...input, platform }, at)
  const content = await withDigests(read, version, registry)
  return { at, content, release: { version, files, manifest }, supersede, keepDrift, plan, notes }
}

/** What a deploy is held against: the platform.yaml in force, before the one that it brings along. */
function heldAgainst(
  state: State,
  sent: string | undefined,
): { platform: string | undefined; notes: string[] } {
  const kept = keptPlatform(state.snapshot)?.value.text
  if (kept === undefined) return { platform: sent, notes: [] }
  const isOther = sent !== undefined && sent !== kept
  return { platform: kept, notes: isOther ? [platformIgnored] : [] }
}

const platformIgnored = 'the platform.yaml that was sent is not the one in force: it was left out'

/** Where only what has run elsewhere is let in, a deploy is not. */
function refuseUnpromoted(at: AppCell, from: string | null): void {
  if (from === null) return
  const message = `${cellName(at)} takes only what has run in ${from} before`
  throw new Refusal('promotion-required', message, {
    status: 409,
    hint: promotionTo(at, from),
  })
}

/** The command that carries an app into a cell from an environment. */
function promotionTo(at: AppCell, from: string): string {
  return `roadstead promote ${at.app} --from ${from}/${at.tenant} --to ${cellName(at)}`
}
