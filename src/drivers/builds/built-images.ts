import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from '../../base/digest.ts'
import type { Engine } from '../instances/docker/engine.ts'

/**
 * What was built on a node, so that the oldest of it can go: what stays is the cache of the next
 * build. Of a build that failed it is the last layer. Only what is noted here is ever removed.
 */

/** Images that are kept for their layers. */
const keptMax = 20

export class BuiltImages {
  readonly #folder: string
  readonly #engine: Engine

  constructor(folder: string, engine: Engine) {
    this.#folder = folder
    this.#engine = engine
  }

  /** Notes an image, by its name or its id, as just built. */
  async note(image: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await writeFile(join(this.#folder, digestOf(image).slice('sha256:'.length)), image)
  }

  /** Removes the oldest beyond the bound; what somebody uses is not ours to remove any more. */
  async collect(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => [])
    const notes = await Promise.all(
      names.map(async (name) => {
        const path = join(this.#folder, name)
        const status = await stat(path).catch(() => undefined)
        return { path, at: status?.mtimeMs ?? 0 }
      }),
    )
    for (const { path } of notes.toSorted((a, b) => b.at - a.at).slice(keptMax)) {
      const image = await readFile(path, 'utf8').catch(() => '')
      if (image !== '') {
        const target = `/images/${encodeURIComponent(image)}`
        await this.#engine.demand({ method: 'DELETE', path: target }, [404, 409])
      }
      await rm(path, { force: true })
    }
  }
}
