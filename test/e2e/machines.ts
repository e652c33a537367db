import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { systemClock } from '../../src/base/clock.ts'
import type { InstanceView, NodeView, RolloutView } from '../../src/wire/api.ts'
import { freePort } from '../fixtures/free-port.ts'

/**
 * A server, an ingress and several agents as processes of their own, each with its own folder: what
 * stands on several machines otherwise. Each can be killed, paused and started again by itself.
 */

const root = join(import.meta.dirname, '../..')

/** Where ports of these tests lie: apart from those of a cloud that runs on this machine. */
const portsFrom = 23_000

export class Machines {
  readonly folder = mkdtempSync(join(tmpdir(), 'roadstead-machines-'))
  /** More options of every agent that is started from now on. */
  agentOptions: readonly string[] = []
  readonly #children = new Map<string, ChildProcess>()
  readonly #output = new Map<string, string>()
  #serverPort = 0
  #ingressPort = 0
  #ports = portsFrom + (process.pid % 20) * 100

  get url(): string {
    return `http://127.0.0.1:${this.#serverPort}`
  }

  async startServer(...options: string[]): Promise<void> {
    this.#serverPort ||= await freePort()
    const entry = join(root, 'src/cli/roles/server.ts')
    const listeners = `--listener-ports=${this.#ports + 2_000}-${this.#ports + 2_049}`
    const own = [`--data=${this.folder}`, `--port=${this.#serverPort}`, listeners]
    this.#start('server', [entry, ...own, ...options])
    await this.until('the server answers', () => isHealthy(this.url))
  }

  async startIngress(): Promise<void> {
    this.#ingressPort ||= await freePort()
    const entry = join(root, 'src/cli/roles/ingress.ts')
    const own = [`--data=${join(this.folder, 'edge')}`, `--port=${this.#ingressPort}`]
    this.#start('ingress', [entry, ...own, `--server=${this.url}`, this.#token('ingress')])
    await this.until('the ingress listens', () => this.outputOf('ingress').includes('serving'))
  }

  /** Starts a node's agent, in a zone of the node's name; `entry`: another program's. */
  startAgent(nodeId: string, entry = join(root, 'src/cli/roles/agent.ts')): void {
    const place = [...this.#children.keys(), nodeId].indexOf(nodeId)
    const from = this.#ports + place * 20
    const ports = `--ports=${from}-${from + 19}`
    const own = [`--data=${join(this.folder, nodeId)}`, `--node=${nodeId}`, `--zone=${nodeId}`]
    const machine = ['--cpu=4', '--memory=4GiB', ports]
    const server = [`--server=${this.url}`, this.#token('agent')]
    this.#start(nodeId, [entry, ...own, ...machine, ...server, ...this.agentOptions])
  }

  /** The process of a role: `server`, `ingress`, or a node's agent by its id. */
  process(name: string): ChildProcess {
    const child = this.#children.get(name)
    if (child === undefined) throw new Error(`${name} was never started`)
    return child
  }

  async kill(name: string): Promise<void> {
    const child = this.process(name)
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  outputOf(name: string): string {
    return this.#output.get(name) ?? ''
  }

  /** Writes an app's files, and deploys it as a person would; returns when the rollout has ended. */
  async deploy(app: string, files: Readonly<Record<string, string>>): Promise<void> {
    const folder = join(this.folder, 'apps', app)
    mkdirSync(folder, { recursive: true })
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const { code, output } = await this.run(folder, 'deploy', '--json')
    if (code !== 0) throw new Error(`deploy ended with ${code}: ${output}`)
  }

  /** Runs a command of the CLI. */
  async run(
    cwd: string,
    ...command: string[]
  ): Promise<{ readonly code: number | null; readonly output: string }> {
    const program = join(root, 'src/cli/main.ts')
    const child = spawn(process.execPath, [program, ...command], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', ROADSTEAD_SERVER: this.url, ...this.#operator() },
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, output }
  }

  async get<T>(path: string): Promise<T> {
    const token = readFileSync(join(this.folder, 'tokens/operator'), 'utf8').trim()
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${this.url}${path}`, { headers })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }

  agentToken(): string {
    return readFileSync(join(this.folder, 'tokens/agent'), 'utf8').trim()
  }

  async nodes(): Promise<NodeView[]> {
    return (await this.get<{ items: NodeView[] }>('/v1/nodes')).items
  }

  /** Instances of services that have not ended. */
  async instances(): Promise<InstanceView[]> {
    const { items } = await this.get<{ items: InstanceView[] }>('/v1/instances?limit=200')
    return items.filter((one) => one.state !== 'ended' && one.purpose === 'service')
  }

  async newestRollout(): Promise<RolloutView | undefined> {
    return (await this.get<{ items: RolloutView[] }>('/v1/rollouts?limit=1')).items[0]
  }

  /** What a customer gets of a host. */
  async page(host: string, path = '/'): Promise<{ status: number; text: string }> {
    const url = `http://127.0.0.1:${this.#ingressPort}${path}`
    // Not fetch: it sends its own host.
    const { statusCode, body } = await request(url, { headers: { host } })
    return { status: statusCode, text: await body.text() }
  }

  async until(
    what: string,
    condition: () => boolean | Promise<boolean>,
    withinMs = 60_000,
  ): Promise<void> {
    const giveUpAt = systemClock.monotonic() + withinMs
    while (systemClock.monotonic() < giveUpAt) {
      if (await Promise.resolve(condition()).catch(() => false)) return
      await systemClock.sleep(25)
    }
    const said = [...this.#output].map(([name, text]) => `--- ${name}\n${text.slice(-3_000)}`)
    throw new Error(`waited in vain until ${what}\n${said.join('\n')}`)
  }

  async remove(): Promise<void> {
    for (const [name, child] of this.#children) {
      child.kill('SIGCONT')
      await this.kill(name)
    }
    for (const pid of this.#left()) killQuietly(pid)
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #start(name: string, parameters: readonly string[]): void {
    const child = spawn(process.execPath, ['--no-warnings', ...parameters], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    const collect = (chunk: Buffer): void => {
      this.#output.set(name, this.outputOf(name) + chunk.toString())
    }
    child.stdout?.on('data', collect)
    child.stderr?.on('data', collect)
    this.#children.set(name, child)
  }

  #token(role: string): string {
    return `--token-file=${join(this.folder, 'tokens', role)}`
  }

  #operator(): Record<string, string> {
    return { ROADSTEAD_TOKEN_FILE: join(this.folder, 'tokens/operator') }
  }

  /** Whatever still runs below this folder: instances, their shims and watchdogs. */
  #left(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 1 && pid !== process.pid && this.#isOurs(pid))
  }

  #isOurs(pid: number): boolean {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
      return (command + readFileSync(`/proc/${pid}/environ`, 'latin1')).includes(this.folder)
    } catch {
      return false
    }
  }
}

async function isHealthy(url: string): Promise<boolean> {
  return (await fetch(`${url}/v1/health`)).ok
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}
