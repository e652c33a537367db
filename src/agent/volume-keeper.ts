import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { InstanceDriver } from '../parts/instances/driver.ts'
import type { Assignment } from '../wire/agent.ts'

/** What is told of volumes, until the server's assignment shows that it has heard. */
export interface VolumeNews {
  readonly made: string[]
  readonly gone: string[]
}

/** Of each kind at once: a report with more is refused; the others come when these are heard. */
const toldMax = 200

/**
 * Looks whether volumes that begin have been made, and removes those that the server says are to
 * go: by their ids, one by one, and nothing that it was not told.
 */
export class VolumeKeeper {
  readonly #driver: Pick<InstanceDriver, 'hasVolume' | 'removeVolume'>
  readonly #log: Log
  #begins: readonly string[] = []
  #doomed: readonly string[] = []
  readonly #made = new Set<string>()
  readonly #gone = new Set<string>()

  constructor(driver: Pick<InstanceDriver, 'hasVolume' | 'removeVolume'>, log: Log) {
    this.#driver = driver
    this.#log = log
  }

  /** Takes the server's word; true: there is something to look after. */
  apply({ instances, volumesToRemove = [] }: Assignment): boolean {
    const volumes = instances.flatMap((one) => one.volumes ?? [])
    this.#begins = volumes.filter(({ begins }) => begins).map(({ id }) => id)
    this.#doomed = volumesToRemove
    for (const id of this.#made) if (!this.#begins.includes(id)) this.#made.delete(id)
    for (const id of this.#gone) if (!this.#doomed.includes(id)) this.#gone.delete(id)
    return this.#begins.length + this.#doomed.length > 0
  }

  /** Undefined: nothing is to be told. */
  get news(): VolumeNews | undefined {
    if (this.#made.size + this.#gone.size === 0) return undefined
    const some = (ids: ReadonlySet<string>): string[] => [...ids].slice(0, toldMax)
    return { made: some(this.#made), gone: some(this.#gone) }
  }

  /** Looks once; true: there is more to tell than before. */
  async look(): Promise<boolean> {
    const before = this.#made.size + this.#gone.size
    for (const id of this.#begins) {
      if (!this.#made.has(id) && (await this.#driver.hasVolume(id))) this.#made.add(id)
    }
    for (const id of this.#doomed) if (!this.#gone.has(id)) await this.#remove(id)
    return this.#made.size + this.#gone.size > before
  }

  async #remove(id: string): Promise<void> {
    try {
      await this.#driver.removeVolume(id)
      this.#gone.add(id)
      this.#log.info('volume removed with its data', { id })
    } catch (error) {
      // In use for a moment longer, or its engine is away: it is tried again.
      this.#log.warn('volume not removed', { id, error: messageOf(error) })
    }
  }
}
