import type { Clock, Timer } from '../../../base/clock.ts'
import { assert, messageOf } from '../../../base/errors.ts'
import { newId } from '../../../base/ids.ts'
import type { Log } from '../../../base/log.ts'
import type { Random } from '../../../base/random.ts'
import type {
  Address,
  IngressDriver,
  IngressObservation,
  IngressSettings,
  ListenerTrouble,
  OpenPorts,
  TableChange,
} from '../../../parts/ingress/driver.ts'
import { limits, usualPatience, type Patience } from '../builtin/limits.ts'
import { Shield } from '../builtin/shield.ts'
import { bounds } from './bounds.ts'
import { Certificates } from './certificates.ts'
import { configText } from './config.ts'
import { Fleet } from './fleet.ts'
import { LeavingWatch } from './leaving.ts'
import { Ledger } from './ledger.ts'
import { luaText } from './lua.ts'
import { connectionsMax, probe, startOf, threadsUsual } from './machine.ts'
import { PortPlan } from './port-plan.ts'
import type { HaproxyProcess } from './process.ts'
import { Routing } from './routing.ts'

export interface HaproxyIngressOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Its own folder: configuration, maps, sockets. */
  readonly folder: string
  readonly patience?: Patience
  readonly binary?: string
  readonly threads?: number
}

/** The ingress driver for traffic: HAProxy carries it, driven by its runtime socket. */
export function haproxyIngress(options: HaproxyIngressOptions): IngressDriver {
  return new HaproxyIngress(options)
}

/** Between two looks at whether a closing ingress has become idle, in ms. */
const closingLookMs = 20

class HaproxyIngress implements IngressDriver {
  readonly name = 'haproxy'
  readonly #options: HaproxyIngressOptions
  readonly #clock: Clock
  readonly #log: Log
  readonly #fleet: Fleet
  readonly #routing: Routing
  readonly #ledger: Ledger
  readonly #leaving: LeavingWatch
  readonly #ports: PortPlan
  readonly #requestIdPrefix: string
  #settings: IngressSettings | undefined
  #certificates: Certificates | undefined
  /** Changes, reloads and restarts happen one after the other. */
  #work: Promise<unknown> = Promise.resolve()
  #trouble: { because: string; until: number } | undefined
  #timer: Timer | undefined
  #isClosing = false
  #onNews: () => void = () => {}

  constructor(options: HaproxyIngressOptions) {
    const { clock, log, random, folder, binary = 'haproxy' } = options
    this.#options = options
    this.#clock = clock
    this.#log = log
    this.#requestIdPrefix = newId('req', random)
    this.#fleet = new Fleet({
      folder,
      binary,
      clock,
      log,
      onRecord: (record) => {
        this.#ledger.take(record, this.#routing.isGone)
        if (record.server !== undefined) this.#leaving.noteEnded(record.server)
      },
      onExit: (process, wasServing) => this.#processEnded(process, wasServing),
    })
    const { map } = this.#fleet.files()
    this.#routing = new Routing(map)
    this.#ledger = new Ledger(this.#routing.pools)
    this.#leaving = new LeavingWatch({
      fleet: this.#fleet,
      routing: this.#routing,
      ledger: this.#ledger,
      clock,
      onIdle: () => this.#onNews(),
    })
    this.#ports = new PortPlan()
  }

  async open(settings: IngressSettings): Promise<OpenPorts> {
    assert(this.#settings === undefined, 'the ingress is opened once')
    const shield = settings.shield
    // Its check of the list is the one that all drivers share.
    if (shield !== undefined) new Shield(shield, this.#clock)
    if (settings.tls !== undefined) {
      const { certificates } = settings.tls
      this.#certificates = new Certificates(certificates, this.#options.folder, this.#log)
      await this.#certificates.open()
    }
    const placed = await placedSettings(settings)
    this.#settings = placed
    await this.#inOrder(() => this.#load())
    this.#tick()
    return {
      publicPort: placed.publicAddress.port,
      tlsPort: placed.tls?.address.port,
      privatePort: placed.privateAddress?.port,
      adminPort: placed.adminAddress?.port,
    }
  }

  apply(change: TableChange): Promise<void> {
    return this.#inOrder(async () => {
      const steps = this.#routing.apply(change, this.#clock.monotonic())
      for (const pool of this.#routing.pools.all) this.#ledger.begin(pool)
      for (const instanceId of steps.entered) this.#ledger.enter(instanceId)
      if (this.#settings === undefined) return
      await this.#take(steps.commands)
      this.#leaving.look()
    })
  }

  async observe(): Promise<IngressObservation> {
    await this.#catchUp()
    await this.#leaving.count()
    this.#ledger.settle()
    return {
      series: this.#ledger.series(),
      leaving: this.#leaving.underWay(),
      troubles: this.#troubles(),
    }
  }

  onNews(listener: () => void): void {
    this.#onNews = listener
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosing = true
    this.#timer?.cancel()
    const deadline = this.#clock.monotonic() + graceMs
    this.#fleet.stop()
    await this.#work.catch(() => {})
    this.#fleet.stop()
    while ((await this.#isBusy()) && this.#clock.monotonic() < deadline) {
      await this.#clock.sleep(closingLookMs)
    }
    await this.#catchUp()
    const left = this.#fleet.all
    this.#fleet.kill()
    for (const { number } of left) this.#ledger.end(number, 'cut')
    this.#leaving.close()
  }

  /** Gives the running processes their commands, or a new one the whole table. */
  async #take(commands: readonly string[]): Promise<void> {
    const isPortMissing = await this.#ports.review(this.#routing.ports())
    if (this.#routing.pools.needsReload || isPortMissing) {
      // The old process serves on until the new one does; it must know what is taken away as well.
      await this.#load()
      await this.#fleet.run(commands).catch(() => [])
      return
    }
    try {
      const objections = await this.#fleet.run(commands)
      if (objections.length === 0) return
      this.#log.warn('HAProxy objects to a change; it gets all anew', { objections })
    } catch (error) {
      this.#log.warn('HAProxy did not take a change; it gets all anew', {
        because: messageOf(error),
      })
    }
    await this.#load()
  }

  /** Starts a process with all there is; the one before goes on where that fails. */
  async #load(): Promise<void> {
    if (this.#isClosing || this.#settings === undefined) return
    const { patience = usualPatience, threads = threadsUsual() } = this.#options
    await this.#ports.review(this.#routing.ports())
    const pools = this.#routing.pools.texts()
    const ports = this.#ports.open
    const config = configText({
      process: this.#fleet.next,
      files: this.#fleet.files(),
      settings: this.#settings,
      patience,
      pools,
      certificates: this.#certificates?.list,
      ports,
      threads,
      connectionsMax: connectionsMax(this.#routing.serverCount(), ports.length),
      requestIdPrefix: this.#requestIdPrefix,
    })
    const startedAt = startOf(process.pid)
    const parent = startedAt === undefined ? undefined : { pid: process.pid, startedAt }
    const lua = luaText({ holdMs: patience.holdMs, heldMax: limits.heldMax, parent })
    await this.#fleet.start(config, lua, this.#routing.maps)
    this.#ports.noteOpened()
  }

  /** Whether any request is under way; idle connections of clients are not waited for. */
  async #isBusy(): Promise<boolean> {
    for (const one of this.#fleet.all) {
      const stats = await one.poolStats().catch(() => [])
      if (stats.some(({ underWay }) => underWay > 0)) return true
    }
    return false
  }

  /** Waits for the log lines of what has ended, but not for long: the next look may have them. */
  async #catchUp(): Promise<void> {
    const deadline = this.#clock.monotonic() + bounds.logLagMs
    while ((await this.#look()) && this.#clock.monotonic() < deadline) await this.#clock.sleep(1)
  }

  /** True while log lines of what has ended are on their way. */
  async #look(): Promise<boolean> {
    const now = this.#clock.monotonic()
    let isMissing = false
    for (const one of this.#fleet.all) {
      const stats = await one.poolStats().catch(() => [])
      if (this.#ledger.look(one.number, stats, now)) isMissing = true
    }
    return isMissing
  }

  #processEnded(ended: HaproxyProcess, wasServing: boolean): void {
    const broken = this.#ledger.end(ended.number, 'reset')
    if (!wasServing) return
    this.#log.error('HAProxy ended unexpectedly: starting it again', { pid: ended.pid })
    void this.#inOrder(() => this.#restart())
    this.#tell(
      `HAProxy ended unexpectedly and was started again: ${broken} requests that were known to be under way ` +
        'are counted as reset; what came in during the last moment before is in no count',
    )
  }

  async #restart(): Promise<void> {
    while (!this.#isClosing && this.#fleet.serving === undefined) {
      try {
        await this.#load()
      } catch (error) {
        const because = messageOf(error)
        this.#log.error('HAProxy cannot be started again yet', { because })
        this.#tell(because)
        await this.#clock.sleep(bounds.restartMs)
      }
    }
  }

  #tell(because: string): void {
    this.#trouble = { because, until: this.#clock.monotonic() + bounds.troubleToldMs }
    this.#onNews()
  }

  #troubles(): ListenerTrouble[] {
    const port = this.#settings?.publicAddress.port ?? 0
    const troubles = this.#ports.troubles()
    if (this.#trouble !== undefined && this.#trouble.until > this.#clock.monotonic()) {
      troubles.push({ port, because: this.#trouble.because })
    }
    if (this.#ledger.lost > 0) {
      const because = `the log lines of ${this.#ledger.lost} requests were lost: they are in no count`
      troubles.push({ port, because })
    }
    return troubles
  }

  /** Each second: ports in use are tried again, and what has been gone for long is forgotten. */
  #tick(): void {
    this.#timer = this.#clock.after(bounds.listenRetryMs, () => {
      void this.#inOrder(async () => {
        const now = this.#clock.monotonic()
        this.#ledger.prune(now)
        await this.#leaving.tidy(now)
        await this.#fleet.tidy()
        const isRenewed = (await this.#certificates?.look(now)) === true
        const isFreed = this.#ports.hasTrouble && (await this.#ports.review(this.#routing.ports()))
        if (isRenewed || isFreed) await this.#load()
        if (isFreed) this.#onNews()
      })
        .catch((error: unknown) => this.#log.warn('a look failed', { because: messageOf(error) }))
        .then(() => {
          if (!this.#isClosing) this.#tick()
        })
    })
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.catch(() => {}).then(work)
    this.#work = done
    return done
  }
}

/** The settings with the ports that are really listened at. Refusals as `listen` has them. */
async function placedSettings(settings: IngressSettings): Promise<IngressSettings> {
  const { publicAddress, privateAddress, adminAddress, tls } = settings
  const placed = async (address: Address): Promise<Address> => ({
    ...address,
    port: await probe(address),
  })
  return {
    ...settings,
    publicAddress: await placed(publicAddress),
    privateAddress: privateAddress === undefined ? undefined : await placed(privateAddress),
    adminAddress: adminAddress === undefined ? undefined : await placed(adminAddress),
    tls: tls === undefined ? undefined : { ...tls, address: await placed(tls.address) },
  }
}
