import { Fault } from '../src/base/errors.ts'
import { startIngress, type IngressOptions, type RunningIngress } from '../src/ingress/ingress.ts'
import { parseDelta } from '../src/ingress/parse-table.ts'
import type { ServerLink } from '../src/ingress/server-link.ts'
import type { FailureCause, IngressReport, TableDelta } from '../src/parts/ingress/model.ts'
import type { InProcessAnswer } from '../src/server/in-process.ts'
import { tableWaitMs } from '../src/wire/ingress-protocol.ts'
import { Chance } from './chance.ts'
import { SimDisk } from './disk.ts'
import { SimIngressDriver, type CustomerRequest } from './ingress-driver.ts'
import { Life } from './life.ts'
import type { MachineClock } from './machine-clock.ts'
import type { SimMachine } from './machine.ts'
import type { Mutation } from './mutants/mutation.ts'
import type { Network, OutgoingCall } from './network.ts'
import { ServerPicker } from './server-picker.ts'
import type { SimEvent, SimIngress } from './view.ts'
import { watchfulLog } from './watchful-log.ts'

/** An ingress that ended is started again after this long, in ms. */
const restartMs = 1_000
/** A server that is silent for longer than it said is taken for dead, in ms, as over HTTP. */
const lateMs = 5_000

export interface SimIngressOptions {
  readonly ingressId: string
  readonly seed: number
  readonly clock: MachineClock
  readonly network: Network
  readonly servers: readonly string[]
  readonly token: string
  readonly machineOf: (address: string) => SimMachine | undefined
  readonly tell: (event: SimEvent) => void
  readonly onBug: (words: string) => void
  readonly mutation: Mutation
}

/** The production ingress with simulated customers in front of it. */
export class IngressHost implements SimIngress {
  readonly ingressId: string
  readonly clock: MachineClock
  readonly disk = new SimDisk()
  readonly #options: SimIngressOptions
  readonly #opened: (() => void)[] = []
  #life: Life | undefined
  #driver: SimIngressDriver | undefined
  #running: RunningIngress | undefined
  #starts = 0
  #isDown = false

  constructor(options: SimIngressOptions) {
    this.#options = options
    this.ingressId = options.ingressId
    this.clock = options.clock
  }

  get life(): Life | undefined {
    return this.#life
  }

  get isUp(): boolean {
    return this.#running !== undefined && this.#life?.isAlive === true
  }

  get online(): ReadonlyMap<string, readonly string[]> {
    return this.isUp ? (this.#driver?.online() ?? new Map()) : new Map()
  }

  get appliedRevision(): number {
    return this.isUp ? (this.#running?.appliedRevision() ?? 0) : 0
  }

  backends(): Iterable<string> {
    return this.isUp ? (this.#driver?.backends() ?? []) : []
  }

  /** Whether a backend has anybody online in the table in use. */
  serves(backendId: string): boolean {
    return this.#driver?.serves(backendId) === true
  }

  /** A customer asks. */
  request(request: CustomerRequest): void {
    const driver = this.#driver
    this.#life?.enter(() => driver?.request(request))
  }

  start(): void {
    if (this.#life?.isAlive === true || this.#isDown) return
    const life = new Life(`ingress ${this.ingressId}#${++this.#starts}`, this.ingressId, this.clock)
    this.#life = life
    this.#running = undefined
    void this.#run(life)
  }

  kill(): void {
    this.#life?.kill()
    this.#running = undefined
    this.clock.after(restartMs, () => this.start())
  }

  powerOff(): void {
    this.#isDown = true
    this.#life?.kill()
    this.#running = undefined
    this.disk.crash()
    this.#options.network.goDark(this.ingressId)
  }

  powerOn(): void {
    this.#isDown = false
    this.#options.network.goBright(this.ingressId)
    this.start()
  }

  /** After the world's end: Node.js keeps whatever listens to a signal, and all that hangs on it. */
  close(): void {
    for (const close of this.#opened) close()
  }

  async #run(life: Life): Promise<void> {
    const { network, machineOf, tell, seed, mutation } = this.#options
    const { ingressId } = this
    const driver = new SimIngressDriver({
      life,
      network,
      machineOf,
      onApplied: (backends) => tell({ is: 'table-applied', ingressId, backends }),
      onRequest: (backendId: string, failed: FailureCause | undefined) =>
        tell({ is: 'request', backendId, failed }),
    })
    this.#driver = driver
    const options: IngressOptions = {
      link: new SimServerLink(this.#options, life),
      disk: this.disk.for(life),
      dataDir: '/ingress',
      publicAddress: { host: ingressId, port: 80 },
      driver,
      clock: life,
      random: new Chance(seed, life.name),
      log: watchfulLog(life.name, this.#options.onBug),
    }
    const running = await startIngress(mutation.ingress?.(options) ?? options)
    this.#running = running
    this.#opened.push(() => void running.close(0))
  }
}

/** The server as an ingress sees it, over the simulated network. */
class SimServerLink implements ServerLink {
  readonly #life: Life
  readonly #call: Pick<OutgoingCall, 'params' | 'headers'>
  readonly #servers: ServerPicker

  constructor({ ingressId, network, servers, token }: SimIngressOptions, life: Life) {
    this.#life = life
    this.#call = { params: { ingressId }, headers: { authorization: `Bearer ${token}` } }
    this.#servers = new ServerPicker(network, servers)
  }

  async table(version: number, signal: AbortSignal): Promise<TableDelta | undefined> {
    const answer = await this.#servers.call(this.#life, {
      ...this.#call,
      route: 'GET /v1/ingresses/:ingressId/table',
      query: { after: version, waitMs: tableWaitMs },
      timeoutMs: tableWaitMs + lateMs,
      signal,
    })
    if (answer.status === 204) return undefined
    const delta = answer.status === 200 ? parseDelta(answer.body) : undefined
    if (delta === undefined) throw unexpected(answer)
    return delta
  }

  async report(report: IngressReport): Promise<{ readonly full: boolean }> {
    const answer = await this.#servers.call(this.#life, {
      ...this.#call,
      route: 'POST /v1/ingresses/:ingressId/report',
      body: report,
      timeoutMs: lateMs,
    })
    if (answer.status !== 200) throw unexpected(answer)
    return answer.body as { full: boolean }
  }

  close(): void {}
}

function unexpected({ status, body }: InProcessAnswer): Fault {
  return new Fault('server-failed', `the server answered ${status}: ${JSON.stringify(body)}`)
}
