import { Command, InvalidArgumentError, Option } from 'commander'
import type { ExplanationView } from '../wire/explanation.ts'
import { Refusal } from '../base/errors.ts'
import { openContext, settingsOf } from './context.ts'
import { printJson } from './terminal/output.ts'

interface RenderOptions {
  readonly explain?: boolean
  readonly file?: string
  readonly release?: number
  readonly app?: string
}

/** `roadstead render [CELL]`: the manifest as it reads in one cell, and where each line is from. */
export function renderCommand(): Command {
  return new Command('render')
    .description('print a manifest as it reads in one cell, all layers merged')
    .argument('[cell]', 'environment/tenant; local/default unless you say')
    .option('-e, --explain', 'say beside each line which layer and which line it comes from')
    .option('-f, --file <path>', 'the manifest, or the folder that it lies in')
    .addOption(releaseOption())
    .option('--app <name>', 'of --release; may be left out where there is one app')
    .addHelpText(
      'after',
      `
Examples:
  $ roadstead render prod/cz --explain
  $ roadstead render prod/cz --explain --release 7 --app shop`,
    )
    .action(run)
}

async function run(
  name: string | undefined,
  options: RenderOptions,
  command: Command,
): Promise<void> {
  if (options.release !== undefined) return runRelease(name, options, options.release, command)
  if (options.app !== undefined) {
    throw new Refusal('input-invalid', '--app means something only with --release', {
      hint: '`roadstead releases` lists the releases of an app',
    })
  }
  const [{ readManifestFiles }, { requireCell }, { explainCell, explainedText, printCell }, tree] =
    await Promise.all([
      import('./manifest/source-files.ts'),
      import('../parts/apps/manifest/manifest.ts'),
      import('../parts/apps/manifest/print.ts'),
      import('../parts/apps/manifest/tree.ts'),
    ])
  const [{ parseCell }, { faultsOf, refuseFaults }] = await Promise.all([
    import('./api/settings.ts'),
    import('./manifest/fault-lines.ts'),
  ])
  const settings = settingsOf(command)
  const cell = name === undefined ? settings.cell : parseCell(name)
  const files = await readManifestFiles(options.file)
  try {
    const rendered = requireCell(files.manifest, files.platform, cell)
    if (settings.json) return printJson(tree.dataOf(rendered.root))
    const isExplained = options.explain === true
    process.stdout.write(isExplained ? explainedText(explainCell(rendered)) : printCell(rendered))
  } catch (error) {
    const faults = faultsOf(error)
    if (faults.length === 0) throw error
    refuseFaults(faults, files, settings.json)
  }
}

/** The server renders it, with the platform.yaml in force. */
async function runRelease(
  name: string | undefined,
  { app: appName, explain = false }: RenderOptions,
  release: number,
  command: Command,
): Promise<void> {
  const [{ parseCell }, { resolveApp }, { explainedText }] = await Promise.all([
    import('./api/settings.ts'),
    import('./api/names.ts'),
    import('../parts/apps/manifest/print.ts'),
  ])
  const context = await openContext(command)
  const cell = name === undefined ? context.cell : parseCell(name)
  const app = resolveApp(appName, await context.client.apps(), cell)
  const answer = await context.client.explanation(app.at, release)
  if (context.json) return printJson(answer)
  const { headline, items } = answer
  const lines = explain ? items : items.map(({ text }) => ({ text }))
  const note = noteOf(answer)
  process.stdout.write(explainedText({ headline: `${headline}${note}`, lines }))
}

/** What is in force now may not be what it was made with. */
function noteOf({ platform }: Pick<ExplanationView, 'platform'>): string {
  if (platform?.isNewer !== true) return ''
  return `;\n# platform.yaml was applied by ${platform.appliedBy} after this release was made, which may have read otherwise`
}

function releaseOption(): Option {
  return new Option('--release <number>', 'a release that the server keeps, instead of a file')
    .argParser(numberOf)
    .conflicts('file')
}

function numberOf(text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a number, as `roadstead releases` prints it.')
}
