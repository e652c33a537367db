import { constants } from 'node:os'
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '../../../base/random.ts'
import type { Exit, Launch } from '../../../parts/instances/driver.ts'
import type { Confinement } from './isolation.ts'
import type { ProcessIdentity } from './process-table.ts'

/**
 * What the driver keeps on disk so that the next one knows what runs:
 * `<root>/<instance>/launch.json` and the instance's home, temporary files and output; and, of all
 * instances in one directory that one watch suffices for, `<root>/.events/<instance>.<run>.pid`,
 * `.exit` and, of one with a network of its own, `.net`, written by the shim.
 */
export class StateFiles {
  readonly root: string
  readonly events: string

  constructor(root: string) {
    this.root = root
    this.events = join(root, '.events')
  }

  home(instanceId: string): string {
    return join(this.root, instanceId)
  }

  /** A singleton's lease, one file per run. */
  lease(instanceId: string, run: number): string {
    return join(this.home(instanceId), `lease.${run}`)
  }

  /** What the shim notes of the process that it started. */
  note(instanceId: string, run: number): string {
    return this.#event(instanceId, run, 'pid')
  }

  /** Makes the instance's directories and notes what is about to start; for its owner only. */
  async prepare(launch: Launch, confinement: Confinement): Promise<void> {
    const home = this.home(launch.instanceId)
    await mkdir(join(home, 'home'), { recursive: true, mode: 0o700 })
    await mkdir(join(home, 'tmp'), { recursive: true, mode: 0o700 })
    await note(join(home, 'confinement.json'), confinement)
    // It holds the environment, so secrets.
    await note(join(home, 'launch.json'), launch)
  }

  /** What a run is held by; undefined: it was started by an agent that knew of no limits. */
  async confinement(instanceId: string, run: number): Promise<Confinement | undefined> {
    const text = await read(join(this.home(instanceId), 'confinement.json'))
    const found = parsed<Confinement>(text)
    return found?.run === run ? found : undefined
  }

  /** The mark of this data folder's control groups and users; made at the first start. */
  async owner(random: Random): Promise<string> {
    const file = join(this.root, '.owner')
    const known = ((await read(file)) ?? '').trim()
    if (/^[0-9a-f]{16}$/.test(known)) return known
    const owner = Buffer.from(random.bytes(8)).toString('hex')
    await writeFile(file, `${owner}\n`, { mode: 0o600 })
    return owner
  }

  /** Instances with a launch on record; what has none is debris, and removed. */
  async launches(): Promise<Launch[]> {
    const found: Launch[] = []
    for (const name of await readdir(this.root)) {
      if (name.startsWith('.')) continue
      const launch = parsed<Launch>(await read(join(this.root, name, 'launch.json')))
      if (launch?.instanceId === name) found.push(launch)
      else await rm(join(this.root, name), { recursive: true, force: true })
    }
    return found
  }

  /** Everything that lies where instances have their homes. */
  async folders(): Promise<string[]> {
    return (await readdir(this.root)).filter((name) => !name.startsWith('.'))
  }

  /** What the shim noted of a run's process; undefined while it has not. */
  started(instanceId: string, run: number): Promise<ShimNote | undefined> {
    return this.#noted(instanceId, run, 'pid')
  }

  /** What joins a run's own network to the machine's; undefined: nothing, or not yet. */
  async joined(instanceId: string, run: number): Promise<ProcessIdentity | undefined> {
    return (await this.#noted(instanceId, run, 'net'))?.identity
  }

  /** Where the script is kept that joins an instance's network. */
  async writeJoin(instanceId: string, source: string): Promise<string> {
    const file = join(this.home(instanceId), 'network.sh')
    await writeFile(file, source, { mode: 0o600 })
    return file
  }

  async #noted(
    instanceId: string,
    run: number,
    event: 'pid' | 'net',
  ): Promise<ShimNote | undefined> {
    const text = await read(this.#event(instanceId, run, event))
    // Without its newline it is just being written.
    const found = /^(\d+) (\d+) (\S+) (\d+)\n$/.exec(text ?? '')
    if (found === null) return undefined
    const [, pid, started, boot = '', shimPid] = found
    return {
      identity: { pid: Number(pid), started: Number(started), boot },
      shimPid: Number(shimPid),
    }
  }

  /** How a run ended, once the shim has said so. */
  async exit(instanceId: string, run: number): Promise<Exit | undefined> {
    const path = this.#event(instanceId, run, 'exit')
    const text = await read(path)
    if (text === undefined) return undefined
    const { mtimeMs } = await stat(path)
    return exitOf(Number.parseInt(text, 10), Math.round(mtimeMs))
  }

  /** Forgets a run's events, and its lease: the watchdog of a run that is over ends with it. */
  async forgetRun(instanceId: string, run: number): Promise<void> {
    await rm(this.lease(instanceId, run), { force: true })
    await rm(this.#event(instanceId, run, 'pid'), { force: true })
    await rm(this.#event(instanceId, run, 'net'), { force: true })
    await rm(this.#event(instanceId, run, 'exit'), { force: true })
  }

  async forget(instanceId: string): Promise<void> {
    // The loops that keep its output may write their last files in this very moment.
    const retries = { maxRetries: 5, retryDelay: 20 }
    await rm(this.home(instanceId), { recursive: true, force: true, ...retries })
  }

  #event(instanceId: string, run: number, name: 'pid' | 'net' | 'exit'): string {
    return join(this.events, `${instanceId}.${run}.${name}`)
  }
}

/** The shim's first note: which process it started, and its own pid. */
export interface ShimNote {
  readonly identity: ProcessIdentity
  readonly shimPid: number
}

/** Takes the name of an event file apart: `i-7k3m9q2x.3.exit`. */
export function parseEventName(
  name: string,
): { instanceId: string; run: number; event: 'pid' | 'exit' } | undefined {
  const found = /^([^.]+)\.(\d+)\.(pid|exit)$/.exec(name)
  if (found === null) return undefined
  const [, instanceId = '', run, event] = found
  return { instanceId, run: Number(run), event: event === 'pid' ? 'pid' : 'exit' }
}

const signalNames = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
)

/** A shell tells a death by signal N as 128 + N. */
function exitOf(status: number, at: number): Exit {
  if (Number.isNaN(status)) return { code: null, signal: null, at }
  const signal = status > 128 ? signalNames.get(status - 128) : undefined
  return signal === undefined ? { code: status, signal: null, at } : { code: null, signal, at }
}

/** Written by ourselves, by rename: what parses is whole. */
function parsed<T>(text: string | undefined): T | undefined {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}

async function note(path: string, value: object): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(value), { mode: 0o600 })
  await rename(`${path}.new`, path)
}

async function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}
