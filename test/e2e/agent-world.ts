import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { tarArchiver } from '../../src/drivers/artifacts/tar-archiver.ts'
import type { ArtifactRef } from '../../src/parts/artifacts/model.ts'
import type { ObservedInstance } from '../../src/parts/instances/model.ts'
import type { AssignedInstance } from '../../src/wire/agent.ts'
import { FakeServer } from './agent-fake-server.ts'

/** A real agent process on a folder of its own, under a server that the test plays. */
export class AgentWorld {
  readonly server = new FakeServer()
  readonly folder: string
  agent: ChildProcess | undefined
  /** What the agent logged. */
  log = ''

  constructor(folder: string) {
    this.folder = folder
  }

  /** Starts an agent on this world's data, also after one was killed. */
  startAgent(...options: string[]): ChildProcess {
    const entry = new URL('../../src/cli/roles/agent.ts', import.meta.url).pathname
    const parameters = [`--server=${this.server.url}`, '--node=n1', '--zone=a', ...options]
    const folders = [`--data=${this.folder}`, `--token-file=${join(this.folder, 'token')}`]
    const agent = spawn(process.execPath, [entry, ...parameters, ...folders], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, npm_config_canary: 'npm', AGENT_CANARY: 'mine' },
    })
    agent.stderr?.on('data', (chunk: Buffer) => {
      this.log += chunk.toString()
    })
    this.agent = agent
    return agent
  }

  /** Kills the agent as a crash would. */
  async killAgent(): Promise<void> {
    const { agent } = this
    if (agent === undefined || agent.exitCode !== null || agent.signalCode !== null) return
    const ended = new Promise((resolve) => agent.once('exit', resolve))
    agent.kill('SIGKILL')
    await ended
  }

  /** Packs these files and has the server hold them. */
  async artifact(files: Readonly<Record<string, string>>): Promise<ArtifactRef> {
    const directory = await mkdtemp(join(this.folder, 'source-'))
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(directory, name), content)
    }
    const archive = `${directory}.archive`
    const artifact = await tarArchiver().pack(directory, archive)
    this.server.artifacts.set(artifact.digest, archive)
    return artifact
  }

  /** Waits until `condition` holds, and says what was the case if it never does. */
  async until(
    what: string,
    condition: () => boolean | Promise<boolean>,
    withinMs = 60_000,
  ): Promise<void> {
    for (let waitedMs = 0; waitedMs < withinMs; waitedMs += 10) {
      if (await condition()) return
      await systemClock.sleep(10)
    }
    const observed = JSON.stringify([...this.server.observed.values()], null, 1)
    throw new Error(`waited in vain: ${what}\n${observed}\n${this.log.slice(-4_000)}`)
  }

  async untilState(
    instanceId: string,
    state: ObservedInstance['state'],
  ): Promise<ObservedInstance> {
    const reached = (): boolean => this.server.observed.get(instanceId)?.state === state
    await this.until(`${instanceId} is ${state}`, reached)
    return this.server.observed.get(instanceId) as ObservedInstance
  }

  async close(): Promise<void> {
    await this.killAgent()
    for (const pid of this.instancePids()) killQuietly(pid)
    await this.server.stop()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  }

  /** Processes of this world: those whose environment names its folder. */
  instancePids(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 1 && pid !== process.pid && this.#isOurs(pid))
  }

  #isOurs(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(this.folder)
    } catch {
      return false
    }
  }
}

/** Opens a world with its server listening. */
export async function openWorld(): Promise<AgentWorld> {
  const world = new AgentWorld(await mkdtemp(join(tmpdir(), 'roadstead-agent-')))
  await mkdir(world.folder, { recursive: true })
  await writeFile(join(world.folder, 'token'), 'secret\n')
  await world.server.start()
  return world
}

/** An assignment that is as usual but for what is given. */
export function anAssigned(
  given: Partial<AssignedInstance> & Pick<AssignedInstance, 'instanceId' | 'artifact' | 'run'>,
): AssignedInstance {
  return {
    at: { tenant: 'default', environment: 'local', app: 'shop' },
    service: 'web',
    releaseId: 'rel-1',
    purpose: 'service',
    desired: 'running',
    port: null,
    env: {},
    health: {
      probe:
        given.port === undefined || given.port === null
          ? { kind: 'none' }
          : { kind: 'http', path: '/' },
      everyMs: 500,
      timeoutMs: 1_000,
      passes: 2,
      fails: 2,
      startDeadlineMs: 10_000,
    },
    stop: { drainMs: 0, graceMs: 2_000 },
    warmup: null,
    timeoutMs: null,
    ...given,
  }
}

export function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

export function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
