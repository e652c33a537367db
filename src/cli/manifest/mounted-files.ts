import { lstat, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { Refusal, systemCodeOf } from '../../base/errors.ts'
import { placedTree } from '../../drivers/artifacts/placed-tree.ts'
import { mountLimits } from '../../parts/artifacts/driver.ts'
import { FaultList } from '../../parts/apps/manifest/faults.ts'
import { manifestRefusal } from '../../parts/apps/manifest/manifest.ts'
import { placeOfValue, type RenderedCell } from '../../parts/apps/manifest/render.ts'
import { bytesText } from '../terminal/format.ts'

/** Why a file cannot go along with a release, with the remedy. */
interface Obstacle {
  readonly message: string
  readonly hint: string
}

/**
 * Looks at everything that services mount as it lies on the disk. Refusal `manifest-invalid` with the
 * line of each that is missing, leads out of the manifest's folder, or cannot be packed.
 */
export async function refuseUnmountable(rendered: RenderedCell, directory: string): Promise<void> {
  const faults = new FaultList()
  for (const { name, mounts } of rendered.services) {
    let bytes = 0
    for (const { path, from } of mounts) {
      if ('content' in from) continue
      const found = await lookAt(directory, from.file)
      const keys = ['services', name, 'mounts', path]
      const spot = { place: placeOfValue(rendered, ...keys), path: keys }
      if ('message' in found) faults.add('mount-refused', spot, found.message, found.hint)
      else bytes += found.bytes
      if (bytes <= mountLimits.unpackedBytesMax || 'message' in found) continue
      const { message, hint } = tooLarge(`what \`${name}\` mounts`)
      faults.add('mount-refused', spot, message, hint)
      break
    }
  }
  if (!faults.isEmpty) throw manifestRefusal(faults.sorted())
}

async function lookAt(directory: string, file: string): Promise<{ bytes: number } | Obstacle> {
  const obstacle = await obstacleOnTheWay(directory, file)
  if (obstacle !== undefined) return obstacle
  try {
    const tree = await placedTree(directory, { path: '/', from: { file } })
    const sizes = tree.map((entry) => (entry.type === 'file' ? entry.sizeBytes : 0))
    return { bytes: sizes.reduce((sum, size) => sum + size, 0) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (error.code === 'artifact-too-large') return tooLarge(file)
    if (error.code === 'file-missing') {
      const hint = 'take it out of .gitignore if it holds no secret; what is mounted goes along'
      return { message: `${file} is left out by .gitignore, so it is not packed`, hint }
    }
    return { message: error.message, hint: error.hint ?? '' }
  }
}

/** What is there has to be there itself: what a link leads to is not what the next machine has. */
async function obstacleOnTheWay(directory: string, file: string): Promise<Obstacle | undefined> {
  try {
    const folder = await realpath(directory)
    const place = await realpath(join(folder, file))
    if (place !== folder && !place.startsWith(folder + sep)) {
      const message = `${file} leads out of the manifest's folder, to ${place}`
      return { message, hint: 'copy what it leads to into the folder' }
    }
    if (place !== join(folder, file)) {
      const message = `${file} goes through a symbolic link`
      return { message, hint: `name what it leads to: ${place.slice(folder.length + 1) || '.'}` }
    }
    const status = await lstat(place)
    if (status.isFile() || status.isDirectory()) return undefined
    return { message: `${file} is neither a file nor a folder`, hint: 'put a file in its place' }
  } catch (error) {
    const code = systemCodeOf(error)
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR'
    const message = `${file} ${isMissing ? 'is not there' : `cannot be read (${code})`}`
    return { message, hint: 'paths are seen from the folder that the manifest lies in' }
  }
}

function tooLarge(what: string): Obstacle {
  const { unpackedBytesMax, entriesMax } = mountLimits
  const most = `${bytesText(unpackedBytesMax)} in ${entriesMax} files`
  return {
    message: `${what} is larger than ${most}`,
    hint: 'mounts are for configuration and pages: put data into a volume or into the image',
  }
}
