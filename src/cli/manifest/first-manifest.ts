import { readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Refusal, systemCodeOf } from '../../base/errors.ts'
import { initManifest } from '../../parts/apps/manifest/starter.ts'

const manifestName = 'roadstead.yaml'

/** Writes a first manifest into a folder, from what lies in it; refused where there is one. */
export async function writeFirstManifest(
  folder: string,
  name: string | undefined,
): Promise<string> {
  const files = await readdir(folder)
  const text = initManifest({
    name: name ?? basename(folder),
    files,
    ...(await packageFacts(folder)),
  })
  try {
    await writeFile(join(folder, manifestName), text, { flag: 'wx' })
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error
    throw new Refusal('manifest-exists', `there is a ${manifestName} here already`, {
      status: 409,
      hint: 'check it with `roadstead validate`',
    })
  }
  return text
}

async function packageFacts(folder: string): Promise<{ startScript?: string; main?: string }> {
  try {
    const content: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    const { scripts, main } = content as { scripts?: { start?: unknown }; main?: unknown }
    return {
      ...(typeof scripts?.start === 'string' ? { startScript: scripts.start } : {}),
      ...(typeof main === 'string' ? { main } : {}),
    }
  } catch {
    return {}
  }
}
