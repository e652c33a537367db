import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../../base/errors.ts'
import type { LaunchVolume } from '../../../parts/instances/driver.ts'
import { isThere, volumeLost } from '../shared/lost-volume.ts'
import type { Engine } from './engine.ts'
import { labels } from './labels.ts'

/**
 * Volumes as the engine's own, marked as this agent's. A note is left for each that was made: when
 * one is gone without our doing, nothing empty takes its place.
 */
export class Volumes {
  readonly #engine: Engine
  readonly #owner: string
  /** Where the notes lie. */
  readonly #root: string

  constructor(engine: Engine, owner: string, root: string) {
    this.#engine = engine
    this.#owner = owner
    this.#root = join(root, '.volumes')
  }

  /** Makes those that begin and finds the others; the mounts of a container. Fault `volume-lost`. */
  async mounts(volumes: readonly LaunchVolume[]): Promise<object[]> {
    const mounts: object[] = []
    for (const volume of volumes) {
      await this.#ensure(volume)
      mounts.push({ Type: 'volume', Source: this.#nameOf(volume.id), Target: volume.path })
    }
    return mounts
  }

  /** Whether it was made here; an engine that is gone does not change that. */
  has(id: string): Promise<boolean> {
    return isThere(join(this.#root, id))
  }

  /** Removes it with all that is in it. Fault `volume-in-use`. */
  async remove(id: string): Promise<void> {
    if (!(await this.has(id))) return
    const path = `/volumes/${this.#nameOf(id)}`
    const { status } = await this.#engine.demand({ method: 'DELETE', path }, [404, 409])
    if (status === 409) throw new Fault('volume-in-use', `a container still uses volume ${id}`)
    await rm(join(this.#root, id), { force: true })
  }

  async #ensure(volume: LaunchVolume): Promise<void> {
    const { id, name, begins, app, service } = volume
    const Name = this.#nameOf(id)
    const { status } = await this.#engine.demand({ method: 'GET', path: `/volumes/${Name}` }, [404])
    if (status !== 404) return this.#note(id)
    if (!begins || (await this.has(id))) throw volumeLost(volume)
    const Labels = {
      [labels.owner]: this.#owner,
      [labels.volume]: id,
      [labels.volumeOf]: `${app}/${service}/${name}`,
    }
    const body = { Name, Driver: 'local', Labels }
    await this.#engine.demand({ method: 'POST', path: '/volumes/create', body })
    await this.#note(id)
  }

  async #note(id: string): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 })
    await writeFile(join(this.#root, id), '', { mode: 0o600 })
  }

  #nameOf(id: string): string {
    return `roadstead-${this.#owner}-${id}`
  }
}
