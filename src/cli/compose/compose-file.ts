import { stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { Refusal } from '../../base/errors.ts'
import type { Imported } from '../../compose/import.ts'
import type { FoundFile } from '../../compose/source.ts'
import { FolderFiles } from './project-files.ts'

/** Compose files as they lie on the disk. */

/** What an import is asked with, wherever it happens. */
export interface ComposeOptions {
  readonly profile?: readonly string[]
  readonly envFile?: readonly string[]
  readonly registry?: string
  readonly app?: string
}

/** A compose file that was read, and what came of it. */
export interface ImportedFile extends Imported {
  /** As people would type it from where they are. */
  readonly name: string
  readonly directory: string
}

/** In the order in which compose looks for them. */
const usualNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml']

/** Whether a path is called as compose files are. */
export function isComposeName(path: string): boolean {
  return /^(?:docker-)?compose(?:[.-][^/]*)?\.ya?ml$/.test(basename(path))
}

/** The options by which the file is read; `deploy` and `plan` share them with `import`. */
export function addComposeOptions(command: Command): Command {
  const several = (value: string, before: readonly string[] = []): string[] => [...before, value]
  return command
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
  const imported = await importCompose({
    file,
    text: found.text,
    files,
    folder: basename(directory),
    environment,
    ...(options.envFile === undefined ? {} : { envFiles: await readAll(options.envFile) }),
    ...(options.profile === undefined ? {} : { profiles: options.profile }),
    app: options.app,
    registry: options.registry,
  })
  const override = await overrideOf(files, file)
  const lines = override === undefined ? imported.lines : [override, ...imported.lines]
  return { manifest: imported.manifest, lines, name, directory }
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

/** Compose lays it over the file by itself; what is meant for one's own machine seldom belongs here. */
async function overrideOf(
  files: FolderFiles,
  file: string,
): Promise<Imported['lines'][0] | undefined> {
  const name = file.replace(/\.(ya?ml)$/, '.override.$1')
  if (name === file || !('text' in (await files.read(name)))) return undefined
  return {
    file,
    line: 1,
    path: '',
    outcome: 'dropped',
    said: `${name} lies beside it and is not read`,
    advice: 'where it is meant: docker compose config > all.yml, and import that',
  }
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
