import { startAgent, type AgentOptions } from '../src/agent/agent.ts'
import { refusalOf, type ServerClient } from '../src/agent/server-client.ts'
import type { ByteStream } from '../src/base/disk.ts'
import { Bug } from '../src/base/errors.ts'
import type { InProcessAnswer } from '../src/server/in-process.ts'
import type {
  AgentReport,
  Assignment,
  LogBatch,
  RegisterRequest,
  ReportAnswer,
} from '../src/wire/agent.ts'
import type { ErrorBody } from '../src/wire/api.ts'
import { Chance } from './chance.ts'
import { simArchiver } from './disk.ts'
import { SimDriver } from './driver.ts'
import { Life } from './life.ts'
import type { MachineClock } from './machine-clock.ts'
import type { SimMachine } from './machine.ts'
import type { Mutation } from './mutants/mutation.ts'
import type { Network, OutgoingCall } from './network.ts'
import { ServerPicker } from './server-picker.ts'
import { watchfulLog } from './watchful-log.ts'

/** An agent that ended is started again after this long, in ms. */
const restartMs = 1_000
/** Nobody reads what instances print: it is looked for this often, in ms. */
const logsEveryMs = 2_000
/** The client's own patience, as over HTTP, in ms. */
const callTimeoutMs = 10_000

export interface SimAgentOptions {
  readonly seed: number
  readonly machine: SimMachine
  readonly network: Network
  /** Hosts of servers; one of them leads. */
  readonly servers: readonly string[]
  readonly token: string
  readonly onBug: (words: string) => void
  readonly mutation: Mutation
}

/** The production agent on a simulated machine, started again whenever it ends. */
export class SimAgent {
  readonly machine: SimMachine
  readonly #options: SimAgentOptions
  readonly #opened: (() => void)[] = []
  #life: Life | undefined
  #starts = 0

  constructor(options: SimAgentOptions) {
    this.#options = options
    this.machine = options.machine
  }

  get clock(): MachineClock {
    return this.machine.clock
  }

  get life(): Life | undefined {
    return this.#life
  }

  start(): void {
    if (this.#life?.isAlive === true || !this.machine.isUp) return
    const { nodeId, clock } = this.machine
    const life = new Life(`agent ${nodeId}#${++this.#starts}`, nodeId, clock)
    this.#life = life
    void this.#run(life)
  }

  /** The process dies; what it started runs on, and the next agent takes it over. */
  kill(): void {
    this.#life?.kill()
    this.machine.clock.after(restartMs, () => this.start())
  }

  powerOff(): void {
    this.#life?.kill()
    this.machine.powerOff()
    this.#options.network.goDark(this.machine.nodeId)
  }

  powerOn(): void {
    this.machine.powerOn()
    this.#options.network.goBright(this.machine.nodeId)
    this.start()
  }

  /** After the world's end: Node.js keeps whatever listens to a signal, and all that hangs on it. */
  close(): void {
    for (const close of this.#opened) close()
  }

  async #run(life: Life): Promise<void> {
    const { machine, seed, mutation } = this.#options
    const { nodeId, zone, capacity } = machine
    const disk = machine.disk.for(life)
    try {
      const options: AgentOptions = {
        nodeId,
        zone,
        address: nodeId,
        capacity: { ...capacity, diskBytes: 2 ** 40 },
        ports: { from: 21_000, to: 21_999 },
        labels: {},
        client: new SimServerClient(this.#options, life),
        disk,
        dataDir: '/agent',
        driver: new SimDriver(machine, life),
        archiver: simArchiver(disk),
        clock: life,
        random: new Chance(seed, life.name),
        logsEveryMs,
        log: watchfulLog(life.name, this.#options.onBug),
        version: 'sim',
      }
      const agent = await startAgent(mutation.agent?.(options) ?? options)
      this.#opened.push(() => void agent.stop({ instances: 'keep' }))
      await agent.ended
    } catch {
      // It could not start, for a full disk say: its supervisor tries again.
    }
    if (life.isAlive) this.kill()
  }
}

/** The server as an agent sees it, over the simulated network. */
class SimServerClient implements ServerClient {
  readonly #life: Life
  readonly #params: { readonly nodeId: string }
  readonly #headers: OutgoingCall['headers']
  readonly #servers: ServerPicker

  constructor({ machine, network, servers, token }: SimAgentOptions, life: Life) {
    this.#life = life
    this.#params = { nodeId: machine.nodeId }
    this.#headers = { authorization: `Bearer ${token}` }
    this.#servers = new ServerPicker(network, servers)
  }

  async register(body: RegisterRequest, signal: AbortSignal): Promise<void> {
    await this.#call({ route: 'POST /v1/agents/:nodeId/register', body, signal })
  }

  async assignment(
    after: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Assignment | undefined> {
    const query = { after, waitMs }
    const timeoutMs = waitMs + callTimeoutMs
    const route = 'GET /v1/agents/:nodeId/assignment'
    const { status, body } = await this.#call({ route, query, signal, timeoutMs })
    return status === 204 ? undefined : (body as Assignment)
  }

  /** Answered or late within 10 s, and an agent here is never stopped gently: no signal is needed. */
  async report(body: AgentReport): Promise<ReportAnswer> {
    const answer = await this.#call({ route: 'POST /v1/agents/:nodeId/report', body })
    return answer.body as ReportAnswer
  }

  async ship(body: LogBatch, signal: AbortSignal): Promise<void> {
    await this.#call({ route: 'POST /v1/agents/:nodeId/logs', body, signal })
  }

  async artifact(digest: string, signal: AbortSignal): Promise<ByteStream> {
    const params = { digest }
    const answer = await this.#call({ route: 'GET /v1/artifacts/:digest', params, signal })
    return answer.body as ByteStream
  }

  /** Nobody in a simulated world sits at a terminal. */
  openExec(): Promise<never> {
    return Promise.reject(new Bug('there are no terminals here'))
  }

  async close(): Promise<void> {}

  async #call(call: Partial<OutgoingCall> & Pick<OutgoingCall, 'route'>): Promise<InProcessAnswer> {
    const answer = await this.#servers.call(this.#life, {
      params: this.#params,
      headers: this.#headers,
      timeoutMs: callTimeoutMs,
      ...call,
    })
    if (answer.status < 400) return answer
    throw refusalOf(answer.status, (answer.body as ErrorBody).error)
  }
}
