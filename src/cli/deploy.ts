import { Command } from 'commander'
import type { RenderedCell } from '../parts/apps/manifest/render.ts'
import type { AppCell } from '../parts/tenants/model.ts'
import type { DeployAnswer } from '../wire/api.ts'
import { openContext, type Context } from './context.ts'
import type { ManifestFiles } from './manifest/source-files.ts'
import { LiveBlock, whileDrawing } from './terminal/live-block.ts'
import { print, printJson, remark, toned } from './terminal/output.ts'

interface DeployOptions {
  readonly file?: string
  readonly version?: string
  readonly supersede: boolean
  readonly detach?: boolean
}

/** `roadstead deploy`: the app in this folder goes to its cell, step by step, with proof of zero. */
export function deployCommand(): Command {
  return new Command('deploy')
    .description('carry the app in this folder into a cell, and follow it')
    .option('-f, --file <path>', 'the manifest, or the folder that it lies in')
    .option('--version <name>', 'what to call it, such as v2; the git commit unless you say')
    .option('--supersede', 'take the place of a rollout that is under way', false)
    .option('-d, --detach', 'do not follow the rollout')
    .addHelpText('after', examples)
    .action(async (options: DeployOptions, command: Command) => {
      const { readManifestFiles } = await import('./manifest/source-files.ts')
      const context = await openContext(command)
      const files = await readManifestFiles(options.file)
      const { at, answer } = await deploy(context, files, options)
      if (options.detach !== true) {
        const { followRollout } = await import('./rollout-follower.ts')
        return followRollout(context, at, answer.rolloutId)
      }
      if (context.json) return printJson(answer)
      print(`release ${answer.releaseNumber}: roadstead rollout ${answer.rolloutId} follows it`)
    })
}

const examples = `
Exit code 1: it was refused, or it went out and was reverted; the last line says why.

Examples:
  $ roadstead deploy
  $ roadstead deploy --version v2 --cell prod/cz
  $ roadstead deploy --file examples/shop --supersede --detach`

/** Renders, packs, uploads and asks for the release. */
async function deploy(
  context: Context,
  files: ManifestFiles,
  options: DeployOptions,
): Promise<{ at: AppCell; answer: DeployAnswer }> {
  const [{ sourcesOf }, { tarArchiver }, { sendParcels }, { faultsOf, refuseFaults }] =
    await Promise.all([
      import('../parts/apps/manifest/release-content.ts'),
      import('../drivers/artifacts/tar-archiver.ts'),
      import('./manifest/parcels.ts'),
      import('./manifest/fault-lines.ts'),
    ])
  const { client } = context
  try {
    const rendered = await renderDeployable(context, files)
    const at = { ...rendered.cell, app: rendered.app }
    const parcels = await whileDrawing(
      new LiveBlock(process.stderr),
      context.clock,
      (spinner) => [`${toned(spinner, 'moving')} packing and sending what it needs`],
      sendParcels(sourcesOf(rendered), files.directory, tarArchiver(), client),
    )
    if (!context.json) remark(toned(parcels.summary, 'quiet'))
    const answer = await client.deploy(at, {
      manifest: files.manifest.text,
      ...(files.platform === undefined ? {} : { platform: files.platform.text }),
      artifacts: parcels.artifacts,
      files: parcels.files,
      version: options.version ?? (await versionOf(files.directory)),
      supersede: options.supersede,
    })
    return { at, answer }
  } catch (error) {
    const faults = faultsOf(error)
    if (faults.length === 0) throw error
    return refuseFaults(faults, files, context.json)
  }
}

/** The cell as it would be released; refused here already, before anything is packed. */
async function renderDeployable(context: Context, files: ManifestFiles): Promise<RenderedCell> {
  const [{ manifestRefusal, requireCell }, { refusalsAtDeploy }] = await Promise.all([
    import('../parts/apps/manifest/manifest.ts'),
    import('../parts/apps/manifest/not-yet.ts'),
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
