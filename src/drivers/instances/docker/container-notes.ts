import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../../base/random.ts'
import type { Launch } from '../../../parts/instances/driver.ts'

/**
 * What the driver keeps on disk: `<root>/<instance>/` with a note of its newest container, its
 * output and its lease; and, once, the mark by which the engine's containers are known as ours.
 */

/** Enough of a container to watch over it while its engine does not answer. */
export interface ContainerNote {
  readonly instanceId: string
  readonly run: number
  readonly containerId: string
  readonly listen: Launch['listen']
  /** Ports of the node's loopback that it is let to, and where it finds them. */
  readonly reaches: readonly number[]
  readonly gateway: string
  /** The app whose network it is in; missing: none. */
  readonly network?: string
  /** On the host, once it has started. */
  readonly pid: number
  /** Wall ms; 0: not yet. */
  readonly startedAt: number
}

export class ContainerNotes {
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  home(instanceId: string): string {
    return join(this.root, instanceId)
  }

  lease({ instanceId, run }: Pick<ContainerNote, 'instanceId' | 'run'>): string {
    return join(this.home(instanceId), `lease.${run}`)
  }

  /** What a watchdog reads: the pid and when it started. */
  processNote({ instanceId, run }: Pick<ContainerNote, 'instanceId' | 'run'>): string {
    return join(this.home(instanceId), `process.${run}`)
  }

  /** The mark of this data folder's containers; made at the first start. */
  async owner(random: Random): Promise<string> {
    await mkdir(this.root, { recursive: true, mode: 0o700 })
    const file = join(this.root, '.owner')
    const known = (await readFile(file, 'utf8').catch(() => '')).trim()
    if (/^[0-9a-f]{16}$/.test(known)) return known
    const owner = Buffer.from(random.bytes(8)).toString('hex')
    await writeFile(file, `${owner}\n`, { mode: 0o600 })
    return owner
  }

  async write(note: ContainerNote): Promise<void> {
    const home = this.home(note.instanceId)
    await mkdir(home, { recursive: true, mode: 0o700 })
    const path = join(home, 'container.json')
    await writeFile(`${path}.new`, JSON.stringify(note), { mode: 0o600 })
    await rename(`${path}.new`, path)
  }

  /** Tells a watchdog which process it is. */
  async writeProcess(note: ContainerNote): Promise<void> {
    const started = startOf(note.pid)
    if (started === undefined) return
    await writeFile(this.processNote(note), `${note.pid} ${started} - 0\n`)
  }

  async all(): Promise<ContainerNote[]> {
    const notes: ContainerNote[] = []
    for (const name of await this.folders()) {
      const text = await readFile(join(this.home(name), 'container.json'), 'utf8').catch(() => '')
      const note = parsed(text)
      if (note?.instanceId === name) notes.push(note)
    }
    return notes
  }

  async folders(): Promise<string[]> {
    return (await readdir(this.root)).filter((name) => /^[a-z0-9-]+$/.test(name))
  }

  /** A run is over: its watchdog ends with its lease. */
  async forgetRun(note: Pick<ContainerNote, 'instanceId' | 'run'>): Promise<void> {
    await rm(this.lease(note), { force: true })
    await rm(this.processNote(note), { force: true })
    await rm(join(this.home(note.instanceId), `copied.${note.run}`), { force: true })
  }

  async forget(instanceId: string): Promise<void> {
    await rm(this.home(instanceId), { recursive: true, force: true })
  }
}

function parsed(text: string): ContainerNote | undefined {
  try {
    // Written by ourselves, by rename: what parses is whole.
    return JSON.parse(text) as ContainerNote
  } catch {
    return undefined
  }
}

/** Ticks since the boot at which a process started; undefined where it is none of this machine's. */
function startOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[19])
  } catch {
    return undefined
  }
}
