import { Command } from 'commander'
import { settingsOf } from './context.ts'
import { pluralText } from './terminal/format.ts'
import { print, printJson, remark, toned } from './terminal/output.ts'

/** `roadstead validate [PATH]`: every fault of a manifest, in every cell, without a server. */
export function validateCommand(): Command {
  return new Command('validate')
    .description('check a manifest in every cell, and say how to mend what is wrong')
    .argument('[path]', 'the manifest, or the folder that it lies in')
    .addHelpText('after', '\nExamples:\n  $ roadstead validate\n  $ roadstead validate apps/shop')
    .action(run)
}

async function run(path: string | undefined, _options: unknown, command: Command): Promise<void> {
  const [{ readManifestFiles }, { validateManifest }, { refusalsAtDeploy }, { refuseFaults }] =
    await Promise.all([
      import('./manifest/source-files.ts'),
      import('../parts/apps/manifest/manifest.ts'),
      import('../parts/apps/manifest/not-yet.ts'),
      import('./manifest/fault-lines.ts'),
    ])
  const { json } = settingsOf(command)
  const files = await readManifestFiles(path)
  const result = validateManifest(files.manifest, files.platform)
  if (!result.ok) return refuseFaults(result.faults, files, json)
  const { manifest, cells } = result.value
  const later = new Map(
    cells.flatMap(refusalsAtDeploy).map((fault) => [`${fault.line} ${fault.message}`, fault]),
  )
  const names = cells.map(({ cell }) => `${cell.environment}/${cell.tenant}`)
  if (json)
    return printJson({ valid: true, app: manifest.app, cells: names, notYet: [...later.values()] })
  print(`${toned('✓', 'well')} ${files.manifest.file} is valid in ${cellsText(names)}`)
  for (const { file, line, column, message } of later.values()) {
    remark(`${toned('not yet:', 'moving')} ${file}:${line}:${column}: ${message}`)
  }
}

function cellsText(names: readonly string[]): string {
  const [only = ''] = names
  return names.length === 1 ? only : `all its ${pluralText(names.length, 'cell')}`
}
