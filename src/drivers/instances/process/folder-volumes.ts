import { volumeVariableOf } from '../../../base/variables.ts'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Launch, LaunchVolume } from '../../../parts/instances/driver.ts'
import { isThere, volumeLost } from '../shared/lost-volume.ts'

/**
 * Volumes of processes: folders of the agent's, each named by its volume's id. A process is told by
 * VOLUME_NAME where its own is; nothing is bound at the path that containers find theirs at.
 */
export class FolderVolumes {
  readonly #root: string

  constructor(root: string) {
    this.#root = join(root, '.volumes')
  }

  /** Makes those that begin and finds the others: a launch that says where. Fault `volume-lost`. */
  async ready(launch: Launch): Promise<Launch> {
    if (launch.volumes === undefined) return launch
    const env: Record<string, string> = { ...launch.env }
    const volumes: LaunchVolume[] = []
    for (const volume of launch.volumes) {
      const folder = join(this.#root, volume.id)
      if (!(await isThere(folder))) {
        if (!volume.begins) throw volumeLost(volume)
        await mkdir(this.#root, { recursive: true, mode: 0o755 })
        await mkdir(folder, { mode: 0o700 })
      }
      env[volumeVariableOf(volume.name)] = folder
      volumes.push({ ...volume, path: folder })
    }
    return { ...launch, env, volumes }
  }

  has(id: string): Promise<boolean> {
    return isThere(join(this.#root, id))
  }

  /** Removes it with all that is in it. */
  async remove(id: string): Promise<void> {
    await rm(join(this.#root, id), { recursive: true, force: true })
  }
}
