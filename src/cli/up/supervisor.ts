import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { systemClock, type Clock } from '../../base/clock.ts'
import { Fault, messageOf } from '../../base/errors.ts'
import { dataFolderName, type UpFile } from '../api/settings.ts'
import { durationText, timeText } from '../terminal/format.ts'
import { print, toned } from '../terminal/output.ts'
import { chooseAddresses, type Addresses } from './addresses.ts'
import { bannerLines } from './banner.ts'
import { takeDataFolder, type DataFolder } from './data-folder.ts'
import { deployShop, hasShopSources, isShopDeployed, startLoad } from './demo.ts'
import { isListening, readJson, waitUntil } from './health.ts'
import { waitForEnd, type ProcessIdentity } from './processes.ts'
import { lastLines, rotateRoleLog } from './role-log.ts'
import { RoleProcess, type RoleSpec } from './role-process.ts'
import { roleSpec } from './role-spec.ts'
import { StatusLine, statusText } from './status-line.ts'
import { killInstances } from './stray-instances.ts'

/** What `roadstead up` was told. */
export interface UpOptions {
  readonly demo?: boolean
  readonly load: boolean
  readonly data?: string
  readonly port?: number
  readonly ingressPort?: number
  /** The ingress's driver. */
  readonly ingress: string
  /** The agent's Docker Engine, as its option says it. */
  readonly docker: string
  /** What holds the agent's processes to their limits, as its option says it. */
  readonly isolation: string
  readonly registryConfig?: string
  readonly builds: boolean
}

/** A role that has not answered after this time is shown with its log, in ms. */
const startMsMax = 30_000

/** Roles of an `up` that was killed end by themselves within this time, in ms. */
const leftoverMsMax = 5_000

/** The agent gives its instances 5 s to end, and its last log lines 1 s, before it ends itself. */
const agentStopMsMax = 15_000

/** Deaths in a row after which a role that has never answered is given up. */
const startDeathsMax = 5

/** Server and ingress have nothing to wait for but an fsync and open connections. */
const roleStopMsMax = 5_000

/** Two interrupts within this time are one: a terminal sends it to launcher and supervisor both. */
const sameInterruptMs = 500

/** Time between two looks at traffic for the status line, and at the sizes of the logs, in ms. */
const statusEveryMs = 2_000
const rotateEveryMs = 10_000

/** Runs the cloud on this machine until a signal ends it. */
export async function runUp(options: UpOptions): Promise<void> {
  const path = resolve(options.data ?? process.env['ROADSTEAD_DATA'] ?? dataFolderName)
  const folder = takeDataFolder(path)
  try {
    await new Supervisor(options, folder, systemClock).run()
  } finally {
    folder.release()
  }
}

/**
 * Starts server, agent and ingress as three processes, starts again whatever dies, and ends them in
 * order: the agent with all its instances, then the ingress, then the server.
 *
 * It decides nothing about apps. When it is killed the roles end too, since their IPC channel
 * closes, so that nothing is ever left behind.
 */
class Supervisor {
  readonly #options: UpOptions
  readonly #folder: DataFolder
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #status = new StatusLine(process.stdout)
  readonly #ending = new AbortController()
  readonly #roles = new Map<RoleSpec['name'], RoleProcess>()
  readonly #identities: Record<string, ProcessIdentity> = {}
  /** What up.json is to say, while it does not. */
  #unnoted: UpFile | undefined
  #isNoteLate = false
  #load: ChildProcess | undefined

  constructor(options: UpOptions, folder: DataFolder, clock: Clock) {
    this.#options = options
    this.#folder = folder
    this.#clock = clock
    this.#startedAt = clock.monotonic()
  }

  async run(): Promise<void> {
    this.#endOnSignals()
    try {
      await waitForEnd(this.#leftovers(), leftoverMsMax, this.#clock)
      const addresses = await chooseAddresses(this.#options, this.#folder.previous)
      for (const line of addresses.remarks) this.#say(line)
      await this.#startRoles(addresses)
      const hasShop = this.#options.demo === true && (await this.#demonstrate(addresses))
      this.#showBanner(addresses, hasShop)
      await this.#watch(addresses)
    } finally {
      await this.#end()
    }
  }

  /** Roles of an `up` here that was killed, and has not had the time to end them. */
  #leftovers(): ProcessIdentity[] {
    return Object.values(this.#folder.previous?.roles ?? {})
  }

  /** The server first, since it makes the tokens that the others come with. */
  async #startRoles(addresses: Addresses): Promise<void> {
    const server = `http://127.0.0.1:${addresses.serverPort}`
    await this.#startRole('server', addresses, async () => {
      const health = (await readJson(`${server}/v1/health`, undefined)) as Health | undefined
      return health?.status === 'ok'
    })
    await Promise.all([
      this.#startRole('agent', addresses, async () => {
        const nodes = (await readJson(`${server}/v1/nodes`, this.#token())) as Nodes | undefined
        return nodes?.items.some((node) => node.status === 'ready') === true
      }),
      this.#startRole('ingress', addresses, () => isListening(addresses.ingressPort)),
    ])
  }

  async #startRole(
    name: RoleSpec['name'],
    addresses: Addresses,
    isThere: () => Promise<boolean>,
  ): Promise<void> {
    if (this.#ending.signal.aborted) return
    const spec = roleSpec(name, this.#folder.path, addresses, this.#options)
    const role = new RoleProcess(spec, this.#clock, {
      onStart: (_name, identity) => this.#noteRole(name, identity, addresses),
      onDeath: (_name, how, again) => this.#warn(`the ${name} died (${how}); ${again}`),
    })
    this.#roles.set(name, role)
    role.start()
    const begun = this.#clock.monotonic()
    const isDecided = async (): Promise<boolean> =>
      role.deaths >= startDeathsMax || (await isThere())
    const isUp = await waitUntil(isDecided, startMsMax, this.#clock, this.#ending.signal)
    if (this.#ending.signal.aborted) return
    if (!isUp || role.deaths >= startDeathsMax) throw noStart(name, spec.logFile)
    this.#say(`${toned('✓', 'well')} ${name} · ${durationText(this.#clock.monotonic() - begun)}`)
  }

  #noteRole(name: string, identity: ProcessIdentity | undefined, addresses: Addresses): void {
    if (identity !== undefined) this.#identities[name] = identity
    const { serverPort, ingressPort, privatePort, adminPort } = addresses
    this.#unnoted = {
      pid: process.pid,
      server: `http://127.0.0.1:${serverPort}`,
      ingress: `http://127.0.0.1:${ingressPort}`,
      serverPort,
      ingressPort,
      privatePort,
      adminPort,
      listenerPorts: addresses.listenerPorts,
      instancePorts: addresses.instancePorts,
      roles: this.#identities,
      startedAt: this.#clock.now(),
    }
    this.#note()
  }

  /** A full disk must not end what can run without it: the note is written when there is space. */
  #note(): void {
    if (this.#unnoted === undefined) return
    try {
      this.#folder.note(this.#unnoted)
      this.#unnoted = undefined
      this.#isNoteLate = false
    } catch (error) {
      if (!this.#isNoteLate) this.#warn(`up.json cannot be written yet: ${messageOf(error)}`)
      this.#isNoteLate = true
    }
  }

  /** Brings the shop online, unless it is; whether customers can come in. */
  async #demonstrate(addresses: Addresses): Promise<boolean> {
    if (this.#ending.signal.aborted) return false
    if (!hasShopSources()) {
      this.#warn('the sample shop is not part of this installation: nothing was deployed')
      return false
    }
    if (!(await isShopDeployed(addresses, this.#token()))) {
      const { signal } = this.#ending
      const isOnline = await deployShop(addresses, this.#folder.path, signal, (line) =>
        this.#say(`  ${line}`),
      )
      if (!isOnline && !signal.aborted) this.#warn('the shop did not come online')
      if (!isOnline) return false
    }
    if (this.#options.load && !this.#ending.signal.aborted) this.#load = startLoad(addresses)
    return true
  }

  #showBanner(addresses: Addresses, hasShop: boolean): void {
    if (this.#ending.signal.aborted) return
    const took = durationText(this.#clock.monotonic() - this.#startedAt)
    this.#say(`${toned('✓', 'well')} all of it runs · ${took}`)
    const token = this.#token()
    const banner = { addresses, dataFolder: this.#folder.path, token, hasShop }
    for (const line of bannerLines(banner)) print(line)
    // Whoever has started this process as its child waits for it (`roadstead dev`).
    process.send?.('ready')
  }

  /** Quiet from here on: a status line on a terminal, and whatever goes wrong. */
  async #watch(addresses: Addresses): Promise<void> {
    const { signal } = this.#ending
    let rotatedAt = this.#clock.monotonic()
    while (!signal.aborted) {
      if (this.#status.isLive) {
        const url = `http://127.0.0.1:${addresses.serverPort}/v1/apps`
        const answer = await readJson(url, this.#token())
        if (!signal.aborted) this.#status.show(statusText(answer))
      }
      if (this.#clock.monotonic() - rotatedAt > rotateEveryMs) {
        rotatedAt = this.#clock.monotonic()
        for (const name of this.#roles.keys()) {
          rotateRoleLog(join(this.#folder.path, 'logs', `${name}.log`))
        }
      }
      this.#note()
      await this.#clock.sleep(statusEveryMs, signal).catch(() => {})
    }
  }

  async #end(): Promise<void> {
    this.#ending.abort()
    this.#status.clear()
    const begun = this.#clock.monotonic()
    if (this.#roles.size > 0) print('ending the instances, then the roles ...')
    this.#load?.kill('SIGKILL')
    await this.#roles.get('agent')?.stop('SIGTERM', agentStopMsMax)
    // An agent that had died, or was just being started again, has ended nothing.
    killInstances(this.#folder.path)
    await this.#roles.get('ingress')?.stop('SIGTERM', roleStopMsMax)
    await this.#roles.get('server')?.stop('SIGTERM', roleStopMsMax)
    if (this.#roles.size === 0) return
    print(`all has ended · ${durationText(this.#clock.monotonic() - begun)}`)
  }

  #endOnSignals(): void {
    let firstAt: number | undefined
    const onSignal = (): void => {
      const now = this.#clock.monotonic()
      if (firstAt !== undefined && now - firstAt > sameInterruptMs) return this.#force()
      firstAt ??= now
      this.#ending.abort()
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
    // A terminal that is gone must not end the supervisor in the midst of its work.
    process.stdout.on('error', () => {})
    process.stderr.on('error', () => {})
  }

  /** The second Ctrl-C: no more patience with anybody. */
  #force(): void {
    this.#warn('ending at once')
    for (const role of this.#roles.values()) role.kill()
    killInstances(this.#folder.path)
  }

  #token(): string | undefined {
    try {
      return readFileSync(join(this.#folder.path, 'tokens', 'operator'), 'utf8').trim()
    } catch {
      return undefined
    }
  }

  #say(line: string): void {
    this.#status.clear()
    print(line)
  }

  #warn(line: string): void {
    const time = timeText(this.#clock.now(), this.#clock.now())
    this.#say(`${toned(time, 'quiet')} ${toned('!', 'wrong')} ${line}`)
  }
}

interface Health {
  readonly status: string
}

interface Nodes {
  readonly items: readonly { readonly status: string }[]
}

/** The role's own last words say more than that it did not start. */
function noStart(name: string, logFile: string): Fault {
  const words = lastLines(logFile, 5).map((line) => `\n  ${line}`)
  const message = `the ${name} does not start; ${logFile} ends with:${words.join('')}`
  return new Fault('role-not-started', message, { retry: 'never' })
}
