import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chmod, lstat, mkdtemp, rename, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Fault, messageOf, Refusal, systemCodeOf } from '../../base/errors.ts'
import { archiveLimits, type Archiver } from '../../parts/artifacts/driver.ts'
import type { ArchiveLimits } from './limits.ts'
import { readSourceTree } from './source-tree.ts'
import { readArchive } from './tar-reader.ts'
import { writeArchive } from './tar-writer.ts'

/**
 * Archives as tar with zstd.
 *
 * An archive is unpacked beside its place and moved there when all went well, so the place is
 * whole or absent. After a kill a folder `PLACE.part-XXXXXX` may be left; whoever owns the parent
 * folder removes those at its start.
 */
export function tarArchiver(limits: ArchiveLimits = archiveLimits): Archiver {
  return {
    async pack(directory, target, only) {
      const except = resolve(target)
      const entries = await readSourceTree(resolve(directory), { only, except, limits })
      return await writeArchive(directory, entries, target, limits)
    },
    async unpack(archive, digest, directory) {
      // Read to its end before it is parsed: what is not what it says is not looked at further.
      await checkDigest(archive, digest)
      const part = await makePart(directory)
      try {
        await readArchive(archive, part, limits)
        // mkdtemp lets nobody else in; an instance may run as another user.
        await chmod(part, 0o755)
        await moveInto(part, directory)
      } catch (error) {
        await rm(part, { recursive: true, force: true })
        throw error
      }
    },
  }
}

/**
 * Looks through an archive by all the rules by which it would be unpacked, without a byte of it
 * being written: what an agent would refuse is refused before it is kept. Refusals as of `unpack`.
 */
export async function checkArchive(archive: string): Promise<void> {
  await readArchive(archive, undefined, archiveLimits)
}

/** What the folder of an unfinished unpacking is called, after the name of its place. */
const partMark = '.part-'

async function checkDigest(archive: string, digest: string): Promise<void> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(archive), hash)
  } catch (error) {
    throw new Fault('unpack-failed', `the archive cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  }
  const found = `sha256:${hash.digest('hex')}`
  if (found === digest) return
  throw new Refusal('digest-mismatch', `the archive is ${found}, not ${digest}`, {
    status: 422,
    hint: 'fetch it again: it was changed or cut on its way',
    details: { found, expected: digest },
  })
}

async function makePart(directory: string): Promise<string> {
  try {
    return await mkdtemp(`${directory}${partMark}`)
  } catch (error) {
    const code = systemCodeOf(error) === 'ENOSPC' ? 'disk-full' : 'unpack-failed'
    throw new Fault(code, `no folder can be made beside ${directory}`, { cause: error })
  }
}

async function moveInto(part: string, directory: string): Promise<void> {
  // A rename would silently replace an empty folder.
  const isThere = await lstat(directory).then(
    () => true,
    () => false,
  )
  if (isThere) throw new Fault('unpack-failed', `${directory} is there already`, { retry: 'never' })
  await rename(part, directory)
}
