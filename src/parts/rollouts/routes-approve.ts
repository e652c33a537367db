import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { replace, type State } from '../../store/port.ts'
import { ApproveAnswer } from '../../wire/promotion.ts'
import { appPath } from '../../wire/paths.ts'
import { route, type RouteDefinition, type RouteReply } from '../../wire/route.ts'
import { holdsRole, type Caller } from '../access/model.ts'
import { releaseAt } from '../apps/records.ts'
import { withoutConflict } from '../apps/routes-intent.ts'
import { cellName, type AppCell, type Gate } from '../tenants/model.ts'
import { gateAt } from '../tenants/records.ts'
import type { Rollout } from './model.ts'
import { approversOf, holdOf, rolloutAuthors, type Gated } from './plan-gates.ts'
import { rolloutKind } from './records.ts'
import { begun, requireRollout, rolloutParams } from './routes.ts'

export interface ApproveRoutesOptions {
  readonly state: State
  readonly clock: Clock
}

/** The word of another person, for exactly this rollout; its release never changes. */
export function approveRoutes({ state, clock }: ApproveRoutesOptions): RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: `${appPath}/rollouts/:id/approve`,
      rule: { roles: ['operator', 'developer', 'viewer'] },
      summary: 'Approves a rollout that waits at a gate, as a holder of the role that it names.',
      tag: 'rollouts',
      params: rolloutParams,
      answers: { 200: ApproveAnswer, 202: ApproveAnswer },
      async handle({ params, caller }) {
        // Its loop may be telling what it waits for at this very moment.
        return withoutConflict(state, () => approve(state, params, caller, clock.now()))
      },
    }),
  ]
}

async function approve(
  state: State,
  params: AppCell & { readonly id: string },
  caller: Caller | undefined,
  now: number,
): Promise<RouteReply> {
  const entry = requireRollout(state, params)
  const gated = gatedOf(state, entry.value)
  const asked = requireApproval(gated)
  const by = requireApprover(gated, asked, caller)
  if (approversOf(gated).includes(by)) return { body: answerOf(gated, entry.revision, now) }
  const { approvals = [], at, id } = gated.rollout
  const rollout: Rollout = {
    ...gated.rollout,
    gate: { ...gated.gate },
    approvals: [...approvals, { by, at: now, as: asked.role }],
  }
  const revision = await state.commit({
    writes: [replace(rolloutKind, entry, rollout)],
    attribution: {
      who: by,
      what: 'rollout.approve',
      why: `${at.app} in ${cellName(at)}: ${id}, as ${asked.role}`,
    },
  })
  return { status: 202, body: answerOf({ ...gated, rollout }, revision, now) }
}

function gatedOf({ snapshot }: State, rollout: Rollout): Gated {
  const release = releaseAt(snapshot, rollout.at, rollout.releaseId)
  if (release === undefined || rollout.state !== 'queued') throw begun(rollout)
  return { rollout, release, gate: gateAt(snapshot, rollout.at.environment) ?? rollout.gate }
}

function requireApproval({ rollout, gate }: Gated): NonNullable<Gate['approve']> {
  const approve = gate?.approve
  const isGated = rollout.purpose === 'deploy' && rollout.bringsBack !== true
  if (approve !== undefined && isGated) return approve
  throw new Refusal('approval-needless', `${rollout.id} waits for nobody's approval`, {
    status: 409,
    hint: `\`roadstead rollout ${rollout.id}\` says what it waits for`,
  })
}

/** The name of who approves; refused where the gate does not take their word. */
function requireApprover(
  { rollout, release }: Gated,
  { role, notAuthor }: NonNullable<Gate['approve']>,
  caller: Caller | undefined,
): string {
  const cell = cellName(rollout.at)
  if (caller === undefined || !holdsRole(caller, role)) {
    throw new Refusal('approval-role', `only a ${role} may approve what goes to ${cell}`, {
      status: 403,
      hint: `an operator makes a token for one: roadstead tokens create NAME --may ${role}`,
    })
  }
  const authors = rolloutAuthors(rollout, release)
  if (!notAuthor || !authors.includes(caller.name)) return caller.name
  throw new Refusal('approval-by-author', `${caller.name} is an author of ${rollout.id}`, {
    status: 403,
    hint: `another ${role} has to approve it`,
    details: { authors },
  })
}

function answerOf(gated: Gated, revision: number, now: number): ApproveAnswer {
  const waitsFor = holdOf(gated, now)?.because ?? null
  return { revision, approvedBy: approversOf(gated), waitsFor }
}
