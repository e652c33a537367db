import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { parseImageName } from '../../base/image-name.ts'
import type { Random } from '../../base/random.ts'
import { create, type Snapshot, type State, type Write } from '../../store/port.ts'
import { BuildAnswer, BuildRequest } from '../../wire/jobs.ts'
import { buildProgram } from '../../wire/builds.ts'
import { appParams, appPath } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import type { ImageRegistry } from '../apps/driver.ts'
import { repositoryOf } from '../apps/manifest/check-build.ts'
import { builtImageOf } from '../apps/manifest/rendered-build.ts'
import { withoutConflict } from '../apps/routes-intent.ts'
import { artifactKey } from '../artifacts/model.ts'
import { artifactKind, holdArtifact } from '../artifacts/records.ts'
import { nodeKind } from '../nodes/records.ts'
import { cellName, type AppCell } from '../tenants/model.ts'
import { buildJob, type JobRun, type RunSpec } from './model.ts'
import { newRun } from './new-run.ts'
import { jobRunKind, openRunsOf } from './records.ts'

export interface BuildRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
  readonly registry: ImageRegistry
}

/** Builds of one app that may be open at once: a deploy asks for one per image. */
const openBuildsMax = 40

/** Attempts after the first: an agent, an engine or a registry may be gone for a moment. */
const retries = 2

/** Disk that is set aside for a build: its context unpacked, and what its steps write. */
const diskBytes = 1024 * 1024 * 1024

/** Arguments stand in the image's history. */
const secretName = /PASSW|SECRET|TOKEN|CREDENTIAL|PRIVATE|(^|_)KEY($|_)|API_?KEY/i

/** A manifest may have far more, and no Dockerfile takes them. */
const bodyBytesMax = 1024 * 1024

/** Images that are built from Dockerfiles, on nodes that may build. */
export function buildRoutes(options: BuildRoutesOptions): RouteDefinition[] {
  return [
    route({
      method: 'POST',
      path: `${appPath}/builds`,
      rule: { roles: ['operator', 'developer'] },
      summary: 'Builds an image from a context, unless its registry has it from before.',
      tag: 'jobs',
      params: appParams,
      body: BuildRequest,
      bodyBytesMax,
      answers: { 200: BuildAnswer, 202: BuildAnswer },
      async handle({ params, body, caller }) {
        const answer = await build(options, params, body, caller?.name ?? '')
        const notes = notesOn(body)
        const whole = notes.length === 0 ? answer : { ...answer, notes }
        return { status: answer.runId === null ? 200 : 202, body: whole }
      },
    }),
  ]
}

async function build(
  options: BuildRoutesOptions,
  at: AppCell,
  asked: BuildRequest,
  who: string,
): Promise<BuildAnswer> {
  const { state, registry } = options
  refuseName(asked)
  const image = builtImageOf(asked.image, asked.context.digest, asked)
  const digest = await digestOf(image, registry)
  if (digest !== null) return { image, digest, runId: null }
  const underWay = openBuilds(state.snapshot, at).find(({ spec }) => spec.build?.image === image)
  if (underWay !== undefined) return { image, digest: null, runId: underWay.id }
  refuseNow(state.snapshot, at)
  const spec = specOf(asked, image)
  const run = newRun(
    { at, job: buildJob, purpose: 'build', slot: null, releaseId: '', spec },
    who,
    options,
  )
  const why = `${at.app}/${asked.service} in ${cellName(at)}: ${run.id} builds ${image}`
  await withoutConflict(state, () =>
    state.commit({
      writes: [create(jobRunKind, run), hold(state.snapshot, asked)],
      attribution: { who, what: 'build.run', why },
    }),
  )
  return { image, digest: null, runId: run.id }
}

function specOf(asked: BuildRequest, image: string): RunSpec {
  const { service, context, dockerfile, target, args, cpu, memoryBytes, timeoutMs } = asked
  return {
    run: [buildProgram],
    service: null,
    artifact: context,
    resources: { cpu, memoryBytes, diskBytes },
    timeoutMs,
    retries,
    overlap: 'allow',
    build: { service, image, dockerfile, target, args },
  }
}

/** Null: its registry has none of that name. Refusals as of `ImageRegistry`. */
async function digestOf(image: string, registry: ImageRegistry): Promise<string | null> {
  try {
    return await registry.resolve(image)
  } catch (error) {
    if (error instanceof Refusal && error.code === 'image-unknown') return null
    throw error
  }
}

function openBuilds(snapshot: Snapshot, at: AppCell): JobRun[] {
  return openRunsOf(snapshot, at, buildJob).map(({ value }) => value)
}

function refuseName({ image, service }: BuildRequest): void {
  if (parseImageName(image) !== undefined && repositoryOf(image) === image) return
  throw new Refusal('image-invalid', `${image} is not where the image of ${service} can go`, {
    status: 422,
    path: '/body/image',
    hint: 'write it as registry.example/shop/web, without a tag: that is the hash of the build',
  })
}

function refuseNow(snapshot: Snapshot, at: AppCell): void {
  const nodes = [...snapshot.list(nodeKind)].map(({ value }) => value)
  if (!nodes.some(({ drivers, lost }) => drivers?.includes('builds') && lost === undefined)) {
    throw new Refusal('builds-unavailable', 'no node builds images', {
      status: 409,
      hint: 'start an agent with --builds where a Docker Engine is and no customers are',
    })
  }
  if (openBuilds(snapshot, at).length < openBuildsMax) return
  throw new Refusal('runs-queued', `${openBuildsMax} builds of ${at.app} are under way already`, {
    status: 429,
    hint: 'wait for them, or take one back with `roadstead runs cancel ID`',
  })
}

/** What it is built from stays here until it is. */
function hold(snapshot: Snapshot, { context: { digest } }: BuildRequest): Write {
  const entry = snapshot.get(artifactKind, artifactKey(digest))
  if (entry !== undefined) return holdArtifact(entry)
  throw new Refusal('artifact-missing', `the context ${digest} is not here`, {
    status: 422,
    path: '/body/context',
    hint: 'upload it first: PUT /v1/artifacts/{digest} (`roadstead deploy` does)',
    details: { digest },
  })
}

function notesOn({ args, service }: BuildRequest): string[] {
  const names = Object.keys(args).filter((name) => secretName.test(name))
  if (names.length === 0) return []
  const what = names.length === 1 ? 'looks like a secret' : 'look like secrets'
  const said = `of the build of ${service} ${what}: who pulls the image can read what it is given`
  return [`${names.join(', ')} ${said}`]
}
