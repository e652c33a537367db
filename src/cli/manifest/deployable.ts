import type { Sources } from '../../parts/apps/manifest/release-content.ts'
import type { RenderedCell } from '../../parts/apps/manifest/render.ts'
import type { AppCell } from '../../parts/tenants/model.ts'
import type { DeployRequest } from '../../wire/api.ts'
import type { BuildRequest } from '../../wire/jobs.ts'
import type { PlatformView } from '../../wire/platform.ts'
import { isComposeName, type ComposeOptions } from '../compose/compose-file.ts'
import type { Context } from '../context.ts'
import { LiveBlock, whileDrawing } from '../terminal/live-block.ts'
import { remark, toned } from '../terminal/output.ts'
import type { Parcels } from './parcels.ts'
import type { ManifestFiles } from './source-files.ts'

/** What `plan` and `deploy` are asked with. */
export interface DeployOptions extends ComposeOptions {
  readonly file?: string
  readonly version?: string
  readonly supersede?: boolean
  readonly keepDrift?: boolean
  /** Of a compose file: what cannot be carried may go. */
  readonly accept?: boolean
}

/** An app in a folder, rendered and packed: all that a plan or a deploy of it sends. */
export interface Deployable {
  readonly at: AppCell
  readonly files: ManifestFiles
  /** What was packed, relative to the manifest's directory. */
  readonly sources: Sources
  readonly parcels: Parcels
  readonly request: DeployRequest
  /** Images that it needs and that are built here, one of each kind. */
  readonly builds: readonly BuildRequest[]
}

/**
 * Renders and packs the app in a folder, hands it to `use`, and takes the packed archives away
 * again. Faults of the manifest, ours or the server's, are shown by their lines.
 */
export async function withDeployable<T>(
  context: Context,
  options: DeployOptions,
  use: (deployable: Deployable) => Promise<T>,
): Promise<T> {
  const [{ sourcesOf }, { tarArchiver }, { packParcels }, { faultsOf, refuseFaults }, own] =
    await Promise.all([
      import('../../parts/apps/manifest/release-content.ts'),
      import('../../drivers/artifacts/tar-archiver.ts'),
      import('./parcels.ts'),
      import('./fault-lines.ts'),
      readFiles(context, options),
    ])
  let files = own
  try {
    // What is wrong whatever the platform says is told without a server.
    const { requireManifest } = await import('../../parts/apps/manifest/manifest.ts')
    const { refuseUnmountable } = await import('./mounted-files.ts')
    requireManifest(own.manifest.text, own.manifest.file)
    files = withKept(context, own, await context.client.platform())
    const rendered = await renderDeployable(context, files)
    const sources = sourcesOf(rendered)
    await refuseUnmountable(rendered, files.directory)
    const parcels = await drawing(
      context,
      'packing what it needs',
      packParcels(sources, files.directory, tarArchiver()),
    )
    try {
      const at = { ...rendered.cell, app: rendered.app }
      const request = await requestOf(files, parcels, options)
      const builds = buildsOf(rendered, parcels)
      return await use({ at, files, sources, parcels, request, builds })
    } finally {
      await parcels.remove()
    }
  } catch (error) {
    const faults = faultsOf(error)
    if (faults.length === 0) throw error
    return refuseFaults(faults, files, context.json)
  }
}

/** Shows a line with a spinner while something is under way. */
export function drawing<T>(context: Context, doing: string, work: Promise<T>): Promise<T> {
  const lines = (spinner: string): string[] => [`${toned(spinner, 'moving')} ${doing}`]
  return whileDrawing(new LiveBlock(process.stderr), context.clock, lines, work)
}

/** The platform.yaml that the server keeps is the one that counts, whatever lies beside. */
function withKept(
  context: Context,
  files: ManifestFiles,
  kept: PlatformView | undefined,
): ManifestFiles {
  if (kept === undefined) return files
  const { platform } = files
  if (platform !== undefined && platform.text !== kept.text && !context.json) {
    remark(`${platform.file} is not looked at: the server keeps another one in force`)
  }
  return { ...files, platform: { text: kept.text, file: "the server's platform.yaml" } }
}

async function readFiles(context: Context, options: DeployOptions): Promise<ManifestFiles> {
  const { file, over } = options
  if (file !== undefined && (isComposeName(file) || over !== undefined)) {
    const { readComposeFiles } = await import('../compose/compose-deploy.ts')
    return readComposeFiles(context.json, file, options)
  }
  const { readManifestFiles } = await import('./source-files.ts')
  return readManifestFiles(file)
}

async function requestOf(
  files: ManifestFiles,
  { artifacts, mounts, contexts, files: testFiles }: Parcels,
  options: DeployOptions,
): Promise<DeployRequest> {
  return {
    manifest: files.manifest.text,
    ...(files.platform === undefined ? {} : { platform: files.platform.text }),
    artifacts: { ...artifacts },
    ...(Object.keys(mounts).length === 0 ? {} : { mounts: { ...mounts } }),
    files: testFiles,
    ...(Object.keys(contexts).length === 0 ? {} : { contexts: { ...contexts } }),
    version: options.version ?? (await versionOf(files.directory)),
    supersede: options.supersede ?? false,
    ...(options.keepDrift === true ? { keepDrift: true } : {}),
  }
}

function buildsOf({ services }: RenderedCell, { contexts }: Parcels): BuildRequest[] {
  return services.flatMap(({ name: service, image, build }) => {
    const artifact = build === undefined ? undefined : contexts[build.context]
    if (image === null || build === undefined || artifact === undefined) return []
    const { context: _folder, args, ...rest } = build
    return [{ service, image, context: artifact, args: { ...args }, ...rest }]
  })
}

/** The cell as it would be released; refused here already, before anything is packed. */
async function renderDeployable(context: Context, files: ManifestFiles): Promise<RenderedCell> {
  const [{ manifestRefusal, requireCell }, { refusalsAtDeploy }] = await Promise.all([
    import('../../parts/apps/manifest/manifest.ts'),
    import('../../parts/apps/manifest/not-yet.ts'),
  ])
  const rendered = requireCell(files.manifest, files.platform, context.cell)
  const refused = refusalsAtDeploy(rendered)
  if (refused.length > 0) throw manifestRefusal(refused, 'manifest-not-yet')
  return rendered
}

/** The commit that the sources are at, as git names it; empty without one. */
async function versionOf(directory: string): Promise<string> {
  const { execFile } = await import('node:child_process')
  const parameters = ['-C', directory, 'describe', '--always', '--tags', '--dirty']
  return new Promise((resolve) => {
    execFile('git', parameters, { timeout: 2_000 }, (error, output) => {
      resolve(error === null ? output.trim().slice(0, 128) : '')
    })
  })
}
