import Type from 'typebox'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { create, replace, type Entry, type Snapshot, type State } from '../../store/port.ts'
import { SchemaView } from '../../wire/schema.ts'
import { RunAnswer } from '../../wire/jobs.ts'
import { appParams, appPath } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { specDigest, type ServiceSpec } from '../apps/model.ts'
import { releaseAt, serviceOf } from '../apps/records.ts'
import { instancesOf } from '../instances/records.ts'
import { jobRunKey, migrateJob, type RunSpec } from '../jobs/model.ts'
import { newRun } from '../jobs/new-run.ts'
import { jobRunKind } from '../jobs/records.ts'
import { appCellName, cellName, type AppCell } from '../tenants/model.ts'
import { schemaStageKey, type SchemaStage } from './model.ts'
import { openRollouts, schemaStageKind, schemaStagesOf } from './records.ts'

export interface SchemaRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
}

const tag = 'rollouts'
const params = Type.Object({ ...appParams.properties, service: Type.String({ maxLength: 40 }) })

/** What migrations have done to the schemas that an app's services work on, and their undoing. */
export function schemaRoutes(options: SchemaRoutesOptions): RouteDefinition[] {
  return [listRoute(options), undoRoute(options)]
}

function listRoute({ state }: SchemaRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: `${appPath}/schema`,
    rule: { roles: ['operator', 'developer', 'viewer'] },
    summary: 'Which releases have expanded and contracted the schema of each service.',
    tag,
    params: appParams,
    answers: { 200: Type.Object({ items: Type.Array(SchemaView) }) },
    async handle(request) {
      const { snapshot } = state
      const stages = schemaStagesOf(snapshot, request.params)
      return { body: { items: stages.map(({ value }) => viewOf(snapshot, value)) } }
    },
  })
}

/** Nothing but this takes an expand back: no rollout and no revert ever does. */
function undoRoute({ state, clock, random }: SchemaRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: `${appPath}/schema/:service/undo`,
    rule: { roles: ['operator'] },
    summary: 'Runs the `undo` of the release that expanded the schema of a service last.',
    tag,
    params,
    answers: { 202: RunAnswer },
    async handle({ params: { service, ...at }, caller }) {
      const { snapshot } = state
      const entry = requireStage(snapshot, at, service)
      const spec = undoableSpec(snapshot, entry.value)
      const by = caller?.name ?? ''
      const { releaseId } = entry.value.expandedBy
      const run = newRun(
        {
          at: entry.value.at,
          job: migrateJob,
          purpose: 'migration',
          slot: null,
          releaseId,
          spec: runSpecOf(spec),
        },
        by,
        { clock, random },
      )
      const undo = { runId: run.id, by, at: clock.now() }
      const revision = await state.commit({
        writes: [
          create(jobRunKind, run),
          replace<SchemaStage>(schemaStageKind, entry, { ...entry.value, undo }),
        ],
        attribution: {
          who: by,
          what: 'schema.undo',
          why: `${at.app}/${service} in ${cellName(at)}: release ${entry.value.expandedBy.number}`,
        },
      })
      return { status: 202, body: { runId: run.id, revision } }
    },
  })
}

function runSpecOf(spec: ServiceSpec): RunSpec {
  const { artifact, resources, migrate, name } = spec
  return {
    run: migrate?.undo ?? [],
    timeoutMs: migrate?.timeoutMs ?? 1,
    artifact,
    resources,
    service: name,
    retries: 0,
    overlap: 'queue',
  }
}

function requireStage(snapshot: Snapshot, at: AppCell, service: string): Entry<SchemaStage> {
  const entry = snapshot.get(schemaStageKind, schemaStageKey(at, service))
  if (entry !== undefined) return entry
  throw new Refusal('schema-unknown', `no migration of ${at.app}/${service} has run here`, {
    status: 404,
    hint: `\`roadstead schema ${at.app}\` lists what has been migrated`,
  })
}

/** The service as the release that expanded has it; a refusal when undoing would break something. */
function undoableSpec(snapshot: Snapshot, stage: SchemaStage): ServiceSpec {
  const { at, service, expandedBy, contractedBy, undo } = stage
  const number = `release ${expandedBy.number}`
  const refuse = (because: string, hint: string): never => {
    const message = `the expand of ${number} cannot be taken back: ${because}`
    throw new Refusal('undo-refused', message, { status: 409, hint })
  }
  const state = undo && snapshot.get(jobRunKind, jobRunKey(at, undo.runId))?.value.state
  if (state === 'succeeded') return refuse('that is done already', 'nothing is left to do')
  if (contractedBy !== null && contractedBy.number >= expandedBy.number) {
    return refuse('its contract has run', 'mend it forward: deploy a release that expands again')
  }
  const [open] = openRollouts(snapshot, at)
  if (open !== undefined) {
    return refuse(`${open.value.id} is under way`, 'wait for its end: `roadstead rollouts`')
  }
  const spec = serviceOf(releaseAt(snapshot, at, expandedBy.releaseId), service)
  if (spec === undefined) return refuse('it is not kept any more', 'mend it by hand')
  if ((spec.migrate?.undo ?? null) === null) {
    return refuse(`${service} has no \`migrate.undo\` in it`, 'mend it by hand')
  }
  for (const { value } of instancesOf(snapshot, at, service)) {
    if (value.state === 'ended' || value.specDigest !== specDigest(spec)) continue
    return refuse(`${value.id} works with it`, `\`roadstead revert ${at.app}\` first`)
  }
  return spec
}

function viewOf(snapshot: Snapshot, stage: SchemaStage): SchemaView {
  const { at, service, expandedBy, contractedBy, undo } = stage
  const run = undo && snapshot.get(jobRunKind, jobRunKey(at, undo.runId))?.value
  const undone = undo === undefined ? null : { ...undo, state: run?.state ?? 'forgotten' }
  return { app: appCellName(at), service, expandedBy, contractedBy, undo: undone }
}
