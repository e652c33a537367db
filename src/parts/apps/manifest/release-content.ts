import { canonicalJson } from '../../../base/digest.ts'
import { Refusal } from '../../../base/errors.ts'
import { isImage, type ArtifactRef, type Runnable } from '../../artifacts/model.ts'
import { cellName, type AppCell, type Cell, type Gate } from '../../tenants/model.ts'
import type { AfterStep, JudgeLimits, Release, ReleaseStep, ServiceSpec } from '../model.ts'
import { argumentsOf } from './check-command.ts'
import { gateOf } from './gates.ts'
import { manifestRefusal, requireCell, type SourceText } from './manifest.ts'
import { refusalsAtDeploy } from './not-yet.ts'
import { explainCell, type Explanation } from './print.ts'
import type { RenderedCell } from './render.ts'
import { builtImageOf } from './rendered-build.ts'
import type { MountedFile, RenderedService } from './rendered-service.ts'
import type { ReleaseBlock, Step } from './schema-release.ts'
import { stepDefaults } from './defaults.ts'
import { tidyPath } from './tidy-path.ts'
import { nodeAt, textOf } from './tree.ts'
import { aboveOf, durationOf, shareOf } from './units.ts'

/** What a manifest gives to a release. */
export interface ReleaseContent extends Pick<
  Release,
  'services' | 'steps' | 'after' | 'revertAboveFailed' | 'jobs'
> {
  readonly team: string
  /** What platform.yaml asks of a release in this environment; empty: nothing. */
  readonly gate: Gate
  /** The environment that it has to have run in before; null: none. */
  readonly promoteFrom: string | null
}

/** What a manifest itself can say of a release: of images it knows the names only. */
export interface ManifestContent extends Omit<ReleaseContent, 'services'> {
  readonly services: readonly ManifestService[]
}

export interface ManifestService extends Omit<ServiceSpec, 'artifact'> {
  readonly artifact: Runnable | NamedImage
}

/** An image whose digest only its registry can say; `{version}` may be in its name. */
export interface NamedImage {
  readonly image: string
  readonly digest: null
  /** A build of this platform makes it; missing: somebody else. */
  readonly isBuilt?: true
}

/** A manifest, and the operators' file that it is held against; missing: there is none. */
export interface ManifestTexts {
  readonly manifest: string
  readonly platform?: string
}

/** What a deploy sends along with its manifest. */
export interface DeployInput extends ManifestTexts {
  /** By source directory, as `sourcesOf` names it. */
  readonly artifacts: Readonly<Record<string, ArtifactRef>>
  /** By service: the files that it mounts, packed as they are seen. */
  readonly mounts?: Readonly<Record<string, ArtifactRef>>
  readonly files: ArtifactRef | null
  /** What images are built from, by folder; missing: none is. */
  readonly contexts?: Readonly<Record<string, ArtifactRef>>
  /** Of a promotion: what ran elsewhere, by service, is what runs here; `artifacts` is empty. */
  readonly promotes?: {
    readonly from: Cell
    readonly services: Readonly<Record<string, Runnable>>
    readonly mounts: Readonly<Record<string, ArtifactRef>>
  }
}

/** Directories and files that a deploy has to pack. */
export interface Sources {
  readonly directories: readonly string[]
  /** What images are built from, with the Dockerfiles that are used of each; never ignored. */
  readonly contexts: readonly {
    readonly directory: string
    readonly dockerfiles: readonly string[]
  }[]
  /** What `release.files` names; empty where tests need nothing. */
  readonly files: readonly string[]
  /** By service; those that mount nothing are not in it. */
  readonly mounts: Readonly<Record<string, readonly MountedFile[]>>
}

/** Names of the two files where nothing says otherwise. */
export const manifestFileName = 'roadstead.yaml'
export const platformFileName = 'platform.yaml'

/**
 * What a deploy into a cell would release. Refusals: `manifest-invalid`, `manifest-not-yet`,
 * `app-mismatch`, `artifact-missing` (all 422), and `promotion-untested` (409).
 */
export function releaseContentOf(input: DeployInput, at: AppCell): ManifestContent {
  const { source, platform } = sourceTexts(input)
  const { tenant, environment } = at
  const rendered = requireCell(source, platform, { tenant, environment })
  if (rendered.app !== at.app) {
    const message = `the manifest describes ${rendered.app}, not ${at.app}`
    throw new Refusal('app-mismatch', message, {
      status: 422,
      path: 'app',
      hint: `deploy it as ${rendered.app}, or change \`app:\` in the manifest`,
    })
  }
  const refused = refusalsAtDeploy(rendered)
  if (refused.length > 0) throw manifestRefusal(refused, 'manifest-not-yet')
  const { promotes } = input
  const made =
    promotes === undefined
      ? {
          archives: input.artifacts,
          images: {},
          mounts: input.mounts ?? {},
          contexts: input.contexts ?? {},
        }
      : testedMakings(rendered, requireCell(source, platform, promotes.from), promotes)
  return toReleaseContent(rendered, made, input.files)
}

/** How a manifest reads in a cell, line by line. Refusal `manifest-invalid` (422). */
export function explanationOf(texts: ManifestTexts, cell: Cell): Explanation {
  const { source, platform } = sourceTexts(texts)
  return explainCell(requireCell(source, platform, cell))
}

function sourceTexts({ manifest, platform }: ManifestTexts): {
  readonly source: SourceText
  readonly platform: SourceText | undefined
} {
  const source = { text: manifest, file: manifestFileName }
  return {
    source,
    platform: platform === undefined ? undefined : { text: platform, file: platformFileName },
  }
}

/** What services are made of: archives by directory, images by the name that the manifest says. */
interface Makings {
  readonly archives: Readonly<Record<string, ArtifactRef>>
  readonly images: Readonly<Record<string, Runnable>>
  /** By service. */
  readonly mounts: Readonly<Record<string, ArtifactRef>>
  /** What images are built from, by folder. */
  readonly contexts: Readonly<Record<string, ArtifactRef>>
}

/** What ran where the release was tested: nothing is packed or looked up anew for another cell. */
function testedMakings(
  rendered: RenderedCell,
  tested: RenderedCell,
  { from, services, mounts }: NonNullable<DeployInput['promotes']>,
): Makings {
  const archives: Record<string, ArtifactRef> = {}
  const images: Record<string, Runnable> = {}
  for (const service of tested.services) {
    const { name, source } = service
    const artifact = Object.hasOwn(services, name) ? services[name] : undefined
    if (artifact === undefined) continue
    if (isImage(artifact)) images[imageKeyOf(service)] = artifact
    else archives[source ?? ''] = artifact
  }
  for (const service of rendered.services) {
    const { name, source, image } = service
    const key = image === null ? (source ?? '') : imageKeyOf(service)
    if (Object.hasOwn(image === null ? archives : images, key)) continue
    const message = `${name} is made of ${image ?? source}, which did not run in ${cellName(from)}`
    throw new Refusal('promotion-untested', message, {
      status: 409,
      path: `services.${name}.${image === null ? 'source' : 'image'}`,
      hint: `deploy it to ${cellName(from)} first, so that it is tested there`,
    })
  }
  refuseOtherMounts(rendered, tested, from)
  return { archives, images, mounts, contexts: {} }
}

/** What was tested is what was packed then: nobody sends other files along with a promotion. */
function refuseOtherMounts(rendered: RenderedCell, tested: RenderedCell, from: Cell): void {
  for (const { name, mounts } of rendered.services) {
    const known = tested.services.find((service) => service.name === name)?.mounts ?? []
    if (JSON.stringify(mounts) === JSON.stringify(known)) continue
    const message = `${name} mounts other files than it did in ${cellName(from)}`
    throw new Refusal('promotion-untested', message, {
      status: 409,
      path: `services.${name}.mounts`,
      hint: 'mount the same files in both, and tell them apart by `env`',
    })
  }
}

/** By its name alone an image that is built would be any that goes to the same repository. */
function imageKeyOf({ image, build }: RenderedService): string {
  if (build === undefined) return image ?? ''
  const { context, dockerfile, target, args } = build
  return `${image} ${canonicalJson([context, dockerfile, target, args])}`
}

/** The operators' word goes before the manifest's. */
function promoteFromOf({ platform, cell, root }: RenderedCell): string | null {
  const asked = platform?.data.environments[cell.environment]?.from
  return asked ?? textOf(nodeAt(root, ['deploy', 'from'])) ?? null
}

/** A rendered cell with its artifacts, in the types of a release. */
function toReleaseContent(
  rendered: RenderedCell,
  made: Makings,
  files: ArtifactRef | null,
): ManifestContent {
  const { release, team } = rendered
  if ((release.files ?? []).length > 0 && files === null) {
    throw missing('release.files', 'the files that `release.files` names were not sent along')
  }
  const { revertIf } = release
  const { platform, cell } = rendered
  return {
    team,
    gate: platform === undefined ? {} : gateOf(platform.data, cell.environment),
    promoteFrom: promoteFromOf(rendered),
    services: rendered.services.map((service) => specOf(service, made)),
    steps: release.steps.flatMap((step) => stepOf(step, rendered)),
    ...(release.after === undefined ? {} : { after: release.after.map(afterOf) }),
    ...(rendered.jobs.length === 0 ? {} : { jobs: [...rendered.jobs] }),
    revertAboveFailed: revertIf === undefined ? null : aboveOf(revertIf.failedRequests),
  }
}

/** What `deploy` packs for a cell, each directory once. */
export function sourcesOf({ services, release }: RenderedCell): Sources {
  const directories = services.map(({ source }) => source).filter((source) => source !== null)
  const builds = services.flatMap(({ build }) => build ?? [])
  const contexts = [...new Set(builds.map(({ context }) => context))].map((directory) => {
    const of = builds.filter(({ context }) => context === directory)
    return { directory, dockerfiles: [...new Set(of.map(({ dockerfile }) => dockerfile))] }
  })
  return {
    directories: [...new Set(directories)],
    contexts,
    files: [...new Set((release.files ?? []).map(tidyPath))],
    mounts: Object.fromEntries(
      services.flatMap(({ name, mounts }) => (mounts.length === 0 ? [] : [[name, mounts]])),
    ),
  }
}

function specOf(service: RenderedService, made: Makings): ManifestService {
  const { archives, images } = made
  const { source, image, run, mounts, build: _build, ...rest } = service
  const spec = { ...rest, ...mountsOf(service.name, mounts, made.mounts) }
  if (image !== null) {
    const key = imageKeyOf(service)
    const known = Object.hasOwn(images, key) ? images[key] : undefined
    const artifact = known ?? namedImage(service, image, made)
    return { ...spec, run: run ?? [], artifact }
  }
  const artifact = source !== null && Object.hasOwn(archives, source) ? archives[source] : undefined
  if (artifact === undefined || run === null) {
    throw missing(`artifacts.${source ?? ''}`, `no artifact was sent for ${source ?? service.name}`)
  }
  return { ...spec, run, artifact }
}

function mountsOf(
  name: string,
  mounts: readonly MountedFile[],
  made: Makings['mounts'],
): Pick<ServiceSpec, 'mounts'> {
  if (mounts.length === 0) return {}
  const artifact = Object.hasOwn(made, name) ? made[name] : undefined
  if (artifact === undefined) {
    throw missing(`mounts.${name}`, `the files that ${name} mounts were not sent along`)
  }
  return { mounts: { artifact, paths: mounts.map(({ path }) => path) } }
}

/** As the manifest calls it, or as the build of its context is called. */
function namedImage({ build }: RenderedService, image: string, { contexts }: Makings): NamedImage {
  if (build === undefined) return { image, digest: null }
  const { context } = build
  const artifact = Object.hasOwn(contexts, context) ? contexts[context] : undefined
  if (artifact === undefined) {
    throw missing(`contexts.${context}`, `no context was sent for the build in ${context}`)
  }
  return { image: builtImageOf(image, artifact.digest, build), digest: null, isBuilt: true }
}

function missing(path: string, message: string): Refusal {
  return new Refusal('artifact-missing', message, {
    status: 422,
    path,
    hint: 'pack and upload it first; `roadstead deploy` does',
  })
}

/** Steps that this version does not run have been refused before. */
function stepOf(step: Step, rendered: RenderedCell): ReleaseStep[] {
  const { migrate, maintenance, test, journeys, online, judge, remaining } = step
  if (migrate !== undefined) return [{ kind: 'migrate', stage: migrate }]
  if (maintenance !== undefined) {
    const { portion, min } = { ...stepDefaults.maintenance, ...maintenance }
    return [{ kind: 'maintenance', portion: shareOf(portion), min }]
  }
  if (test !== undefined) {
    const { timeout } = { ...stepDefaults.test, ...test }
    const run = argumentsOf(test.run) ?? []
    return [{ kind: 'test', run, timeoutMs: durationOf(timeout) }]
  }
  if (journeys !== undefined) {
    const timeoutMs = durationOf(stepDefaults.journeys.timeout)
    const scripts = journeys.map((name) => ({ name, script: scriptOf(rendered, name) }))
    return [{ kind: 'journeys', journeys: scripts, timeoutMs }]
  }
  if (online !== undefined) {
    const { weight = '100%', sticky } = online
    return [{ kind: 'online', weight: shareOf(weight), sticky: sticky !== undefined }]
  }
  if (judge !== undefined) {
    return [{ kind: 'judge', forMs: durationOf(judge.for), stop: limitsOf(judge.stop) }]
  }
  if (remaining === undefined) return []
  const { batch, pause } = { ...stepDefaults.remaining, ...remaining }
  return [{ kind: 'remaining', batch: shareOf(batch), pauseMs: durationOf(pause) }]
}

/** Where the artifact of `release.files` has a journey's script. */
function scriptOf({ root }: RenderedCell, journey: string): string {
  return tidyPath(textOf(nodeAt(root, ['journeys', journey, 'script'])) ?? '')
}

function limitsOf(stop: NonNullable<Step['judge']>['stop']): JudgeLimits {
  const { errors, ...rises } = stop
  const limits = Object.entries(rises).map(([name, rise]) => [name, shareOf(rise)])
  return {
    ...(errors === undefined ? {} : { errors: shareOf(errors) }),
    ...Object.fromEntries(limits),
  }
}

function afterOf({ soak }: NonNullable<ReleaseBlock['after']>[number]): AfterStep {
  return soak === undefined ? { kind: 'contract' } : { kind: 'soak', ms: durationOf(soak) }
}
