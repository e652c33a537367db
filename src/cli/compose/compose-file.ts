import { stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { Refusal } from '../../base/errors.ts'
import type { Imported } from '../../compose/import.ts'
import type { ComposeSource, FoundFile } from '../../compose/source.ts'
import { FolderFiles } from './project-files.ts'

/** Compose files as they lie on the disk. */

/** What an import is asked with, wherever it happens. */
export interface ComposeOptions {
  readonly profile?: readonly string[]
  readonly envFile?: readonly string[]
  readonly registry?: string
  readonly app?: string
  /** Files that are laid over the first, in order. */
  readonly over?: readonly string[]
  /** False: what compose lays over its file by itself is not read. */
  readonly override?: boolean
}

/** A compose file that was read, and what came of it. */
export interface ImportedFile extends Imported {
  /** As people would type it from where they are. */
  readonly name: string
  readonly directory: string
}

/** In the order in which compose looks for them. */
const usualNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']

/** What compose lays over one of those by itself: the first that is there. */
const overrideNames = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
]

/** Files of one project: nobody lays more over one another. */
const overlaysMax = 20

/** Whether a path is called as compose files are. */
export function isComposeName(path: string): boolean {
  return /^(?:docker-)?compose(?:[.-][^/]*)?\.ya?ml$/.test(basename(path))
}

/** What `-f` collects where it is given more than once. */
export function several(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** The file that was named, as an argument or by `-f`, and those that are laid over it. */
export function namedFiles<Options extends { readonly file?: readonly string[] }>(
  argument: string | undefined,
  { file: given = [], ...options }: Options,
): Omit<Options, 'file'> & { readonly file?: string; readonly over?: readonly string[] } {
  const [first, ...over] = given
  if (argument !== undefined && first !== undefined) {
    const hint = 'leave one of the two out'
    throw new Refusal('file-twice', `both ${argument} and --file ${first} are named`, { hint })
  }
  const file = argument ?? first
  const named = file === undefined ? {} : { file }
  return { ...options, ...named, ...(over.length === 0 ? {} : { over }) }
}

/** The options by which the file is read; `deploy` and `plan` share them with `import`. */
export function addComposeOptions(command: Command): Command {
  return command
    .option('--no-override', 'of a compose file: leave the override file beside it out')
    .option('--profile <name>', 'of a compose file: take services of this profile in', several)
    .option('--env-file <path>', 'of a compose file: variables, in place of .env', several)
    .option('--registry <prefix>', 'of a compose file: where images that it builds are pushed to')
}

/** Reads a compose file, or the one in a folder, and makes a manifest of it. */
export async function importFile(
  path: string | undefined,
  options: ComposeOptions,
): Promise<ImportedFile> {
  const { importCompose } = await import('../../compose/import.ts')
  const place = await findFile(resolve(path ?? '.'))
  const directory = dirname(place)
  const file = basename(place)
  const name = shortName(place)
  const files = new FolderFiles(directory)
  const found = await files.read(file)
  if (!('text' in found)) throw unreadable(name, found)
  const environment = new Map(
    Object.entries(process.env).flatMap(([variable, value]) =>
      value === undefined ? [] : [[variable, { value, from: 'the environment' }] as const],
    ),
  )
  const { override } = options
  const overlays =
    options.over === undefined
      ? await overrideOf(files, file, override)
      : await overlaysOf(files, directory, options.over)
  const imported = await importCompose({
    file,
    text: found.text,
    overlays,
    files,
    folder: basename(directory),
    environment,
    ...(options.envFile === undefined ? {} : { envFiles: await readAll(options.envFile) }),
    ...(options.profile === undefined ? {} : { profiles: options.profile }),
    app: options.app,
    registry: options.registry,
  })
  return { ...imported, name, directory }
}

/** Files that were named on the command line: they may lie anywhere. */
function readAll(paths: readonly string[]): Promise<{ file: string; found: FoundFile }[]> {
  const read = async (file: string): Promise<{ file: string; found: FoundFile }> => {
    const place = resolve(file)
    return { file, found: await new FolderFiles(dirname(place)).read(basename(place)) }
  }
  return Promise.all(paths.map(read))
}

async function findFile(place: string): Promise<string> {
  const isFolder = async (path: string): Promise<boolean> =>
    (await stat(path).catch(() => undefined))?.isDirectory() === true
  if (!(await isFolder(place))) return place
  for (const name of usualNames) {
    const file = join(place, name)
    if ((await stat(file).catch(() => undefined))?.isFile() === true) return file
  }
  throw new Refusal('compose-missing', `there is no compose file in ${shortName(place) || '.'}`, {
    hint: 'name it: roadstead import FILE',
  })
}

type Overlays = NonNullable<ComposeSource['overlays']>

/** Compose lays it over its usual file by itself, and over no other. */
async function overrideOf(files: FolderFiles, file: string, isWanted = true): Promise<Overlays> {
  if (!isWanted || !usualNames.includes(file)) return []
  for (const name of overrideNames) {
    const found = await files.read(name)
    if ('text' in found) return [{ file: name, text: found.text }]
    if (found.problem !== 'missing') throw unreadable(name, found)
  }
  return []
}

/** Compose sees all their paths from the first one's folder: elsewhere they would mean others. */
async function overlaysOf(
  files: FolderFiles,
  directory: string,
  paths: readonly string[],
): Promise<Overlays> {
  if (paths.length > overlaysMax) {
    const message = `${paths.length} files are more than are laid over one another`
    const hint = `join some of them: ${overlaysMax} are the most`
    throw new Refusal('compose-unreadable', message, { hint })
  }
  const overlays: { file: string; text: string }[] = []
  for (const path of paths) {
    const place = resolve(path)
    if (dirname(place) !== directory) {
      const message = `${path} lies in another folder than the file that it is laid over`
      const hint = `put it into ${shortName(directory) || 'this folder'}, from which its paths are seen`
      throw new Refusal('compose-unreadable', message, { hint })
    }
    const file = basename(place)
    const found = await files.read(file)
    if (!('text' in found)) throw unreadable(shortName(place), found)
    overlays.push({ file, text: found.text })
  }
  return overlays
}

const problems = {
  missing: 'is not there',
  outside: 'is a link that leads out of its folder',
  unreadable: 'cannot be read',
  'too-large': 'is larger than 1 MiB',
} as const

function unreadable(name: string, found: Exclude<FoundFile, { text: string }>): Refusal {
  const hint = 'name a compose file: roadstead import FILE'
  const message = `${name} ${problems[found.problem]}`
  return found.problem === 'missing'
    ? new Refusal('compose-missing', message, { hint })
    : new Refusal('compose-unreadable', message, { hint })
}

function shortName(path: string): string {
  const near = relative(process.cwd(), path)
  return near.startsWith('..') ? path : near
}
