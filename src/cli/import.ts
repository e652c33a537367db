import { writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { Command } from 'commander'
import { messageOf, Refusal, systemCodeOf } from '../base/errors.ts'
import {
  addComposeOptions,
  importFile,
  namedFiles,
  several,
  type ComposeOptions,
  type ImportedFile,
} from './compose/compose-file.ts'
import { settingsOf } from './context.ts'
import { print, printJson, remark, toned } from './terminal/output.ts'

interface Options extends ComposeOptions {
  readonly out?: string
  readonly force?: boolean
}

/** `roadstead import [FILE]`: a manifest made of a compose file, and a report line by line. */
export function importCommand(): Command {
  const command = new Command('import')
    .description('make a roadstead.yaml of a compose file, and say what became of each line')
    .argument('[file]', 'the compose file, or the folder that it lies in')
    .option('-f, --file <path>', 'the same; several are laid over one another', several)
    .option('--out <path>', 'where to write the manifest; - prints it', 'roadstead.yaml')
    .option('--force', 'write over a manifest that is there')
    .option('--app <name>', "the app's name; the file's, or the folder's, unless you say")
  return addComposeOptions(command).addHelpText('after', closing).action(run)
}

const closing = `
Marks: = carried over, ~ changed, - not carried and not missed, ! not carried and for you to decide.
A file that is wrong, or leads out of its folder, gives a report and no manifest, and exit code 1.
No server is needed. Outside of the compose file's folder nothing is read but what --env-file names.

Examples:
  $ roadstead import
  $ roadstead import docker-compose.yml --registry registry.example/team
  $ roadstead import -f compose.yaml -f compose.prod.yaml
  $ roadstead import compose.yaml --profile debug --out - > debug.yaml
  $ roadstead deploy compose.yaml        both at once, without a file in between`

async function run(
  argument: string | undefined,
  given: Omit<Options, 'over'> & { readonly file?: readonly string[] },
  command: Command,
): Promise<void> {
  const { file: path, ...options } = namedFiles(argument, given)
  const { json } = settingsOf(command)
  const imported = await importFile(path, options)
  const { manifest } = imported
  const { reportLines, reportSummary, countsOf } = await import('./compose/report-lines.ts')
  if (!json) for (const line of reportLines(imported.lines)) remark(line)
  const written = manifest === undefined ? undefined : await put(imported, manifest, options, json)
  if (json) {
    const { name, lines } = imported
    const answer = { file: name, written: written ?? null, manifest: manifest ?? null }
    printJson({ ...answer, counts: countsOf(lines), lines })
  } else remark(reportSummary(imported.lines))
  if (manifest === undefined) {
    const { Exit, exitCodes } = await import('./terminal/failure.ts')
    throw new Exit(exitCodes.refused)
  }
}

/** Writes the manifest, and says where; undefined where it was printed. */
async function put(
  { directory }: ImportedFile,
  manifest: string,
  options: Options,
  json: boolean,
): Promise<string | undefined> {
  const { out = 'roadstead.yaml', force = false } = options
  if (out === '-') {
    if (!json) process.stdout.write(manifest)
    return undefined
  }
  const isUsual = out === 'roadstead.yaml'
  const file = isUsual ? join(directory, out) : resolve(out)
  const name = relative(process.cwd(), file)
  try {
    await writeFile(file, manifest, { flag: force ? 'w' : 'wx' })
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') {
      throw new Refusal('manifest-exists', `there is a ${name} already`, {
        status: 409,
        hint: '--force writes over it, --out names another file, --out - prints it',
      })
    }
    throw new Refusal('file-unwritable', `${name}: ${messageOf(error)}`)
  }
  if (!json) {
    const next = '`roadstead validate`, then `roadstead deploy`'
    print(`${toned('✓', 'well')} wrote ${name}; next: ${next}`)
    if (dirname(file) !== directory) {
      const where = relative(process.cwd(), directory) || 'this folder'
      remark(`paths in it are seen from the folder that it lies in: move it to ${where}`)
    }
  }
  return name
}
