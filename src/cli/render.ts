import { Command } from 'commander'
import { settingsOf } from './context.ts'
import { printJson } from './terminal/output.ts'

interface RenderOptions {
  readonly explain?: boolean
  readonly file?: string
}

/** `roadstead render [CELL]`: the manifest as it reads in one cell, and where each line is from. */
export function renderCommand(): Command {
  return new Command('render')
    .description('print a manifest as it reads in one cell, all layers merged')
    .argument('[cell]', 'environment/tenant; local/default unless you say')
    .option('-e, --explain', 'say beside each line which layer and which line it comes from')
    .option('-f, --file <path>', 'the manifest, or the folder that it lies in')
    .addHelpText('after', '\nExample:\n  $ roadstead render prod/cz --explain')
    .action(run)
}

async function run(
  name: string | undefined,
  options: RenderOptions,
  command: Command,
): Promise<void> {
  const [{ readManifestFiles }, { requireCell }, { explain, printCell }, { dataOf }] =
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
    if (settings.json) return printJson(dataOf(rendered.root))
    process.stdout.write(options.explain === true ? explain(rendered) : printCell(rendered))
  } catch (error) {
    const faults = faultsOf(error)
    if (faults.length === 0) throw error
    refuseFaults(faults, files, settings.json)
  }
}
