import { readFile, stat } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { messageOf, Refusal, systemCodeOf } from '../../base/errors.ts'
import type { SourceText } from '../../parts/apps/manifest/manifest.ts'

/** The two files that describe an app, as they lie on the disk. */
export interface ManifestFiles {
  /** Where sources are looked for. */
  readonly directory: string
  readonly manifest: SourceText
  /** platform.yaml, where one lies beside the manifest. */
  readonly platform: SourceText | undefined
}

const manifestName = 'roadstead.yaml'
const platformName = 'platform.yaml'

/** The grammar takes 1 MiB; a file beyond this is not even read. */
const fileBytesMax = 8 * 1024 * 1024

/** Reads the manifest at `path`, a file or a directory; this one's unless given. */
export async function readManifestFiles(path: string | undefined): Promise<ManifestFiles> {
  const place = resolve(path ?? '.')
  const file = (await isDirectory(place)) ? join(place, manifestName) : place
  const text = await readText(file)
  if (text === undefined) throw missing(file)
  const directory = dirname(file)
  const platform = await readPlatformBeside(directory)
  return { directory, manifest: { text, file: shortName(file) }, platform }
}

/** The platform.yaml in a folder, where there is one. */
export async function readPlatformBeside(directory: string): Promise<SourceText | undefined> {
  const file = join(directory, platformName)
  const text = await readText(file)
  return text === undefined ? undefined : { text, file: shortName(file) }
}

/** Reads a platform.yaml: a file, or the one in a directory. */
export async function readPlatformFile(path: string): Promise<SourceText> {
  const place = resolve(path)
  const file = (await isDirectory(place)) ? join(place, platformName) : place
  const text = await readText(file)
  if (text !== undefined) return { text, file: shortName(file) }
  throw new Refusal('platform-unreadable', `there is no ${shortName(file)}`, {
    hint: 'name the file: roadstead platform apply FILE',
  })
}

function missing(file: string): Refusal {
  return new Refusal('manifest-missing', `there is no ${shortName(file)}`, {
    hint: '`roadstead init` writes one, `roadstead import` makes one of a compose file; --file names another',
  })
}

/** Undefined where there is no such file. */
async function readText(file: string): Promise<string | undefined> {
  try {
    const { size } = await stat(file)
    if (size <= fileBytesMax) return await readFile(file, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw new Refusal('manifest-unreadable', `${shortName(file)}: ${messageOf(error)}`)
  }
  throw new Refusal('manifest-too-large', `${shortName(file)} is larger than any manifest`, {
    hint: 'a manifest may have 1 MiB',
  })
}

async function isDirectory(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined)
  return status?.isDirectory() === true
}

/** As people would type it from where they are. */
function shortName(file: string): string {
  const near = relative(process.cwd(), file)
  return near.startsWith('..') ? file : near
}
