import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { waitAfter } from '../base/admission.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { Disk } from '../base/disk.ts'
import { Refusal, messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { backoffMs, callBackoff } from '../base/retry.ts'
import type { Archiver } from '../parts/artifacts/driver.ts'
import type { InstanceDriver } from '../parts/instances/driver.ts'
import type { ObservedInstance } from '../parts/instances/model.ts'
import type { Assignment, RegisterRequest } from '../wire/agent.ts'
import { agentProtocol } from '../wire/agent-protocol.ts'
import { ArtifactCache, type Taken, type Wanted } from './artifact-cache.ts'
import { isOfArchive, type Content } from './content.ts'
import { DriftWatch } from './drift-watch.ts'
import { ExecSessions } from './exec-sessions.ts'
import { InstanceSet } from './instance-set.ts'
import { LogShipper } from './log-shipper.ts'
import { RecordFiles, readJson } from './record-files.ts'
import { Reporter } from './reporter.ts'
import { VolumeKeeper } from './volume-keeper.ts'
import type { ServerClient } from './server-client.ts'

export interface AgentOptions {
  readonly nodeId: string
  readonly zone: string
  /** Where instances listen, and other nodes find them. */
  readonly address: string
  readonly capacity: RegisterRequest['capacity']
  readonly ports: RegisterRequest['ports']
  readonly labels: RegisterRequest['labels']
  readonly client: ServerClient
  readonly disk: Disk
  readonly dataDir: string
  readonly driver: InstanceDriver
  readonly archiver: Archiver
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly version: string
  /** How often output of instances is looked for, in ms: less often where nobody reads it. */
  readonly logsEveryMs?: number
  /** Called each time that the server has registered this node. */
  readonly onRegistered?: () => void
}

export interface RunningAgent {
  /**
   * Stops the agent. `keep`: instances run on, and the next agent adopts them. `end`: their
   * processes end too; the next agent starts those that are still assigned again.
   */
  stop(how: { readonly instances: 'keep' | 'end' }): Promise<void>
  /** Resolves once the agent has stopped; rejects when it must: the server refuses its protocol. */
  readonly ended: Promise<void>
}

/** The server holds a long poll this long; quick enough to notice a dead one, rare enough to idle. */
const pollWaitMs = 25_000
/** The whole assignment is asked for this often, in ms, whatever was heard. */
const listEveryMs = 60_000
/** Finished instances are let go of this often while there are any, in ms. */
const tendEveryMs = 1_000
/** The machine's ports are looked at this often, in ms. */
const portsEveryMs = 30_000
/** Drivers, throttling, and what somebody changed by hand, are looked at this often, in ms. */
const driftEveryMs = 5_000
/** Unused artifacts are collected this often, in ms. */
const collectEveryMs = 10 * 60_000
/** An agent that takes its instances along gives them no longer than this: somebody waits. */
const haltGraceMsMax = 5_000
/** What was printed last is shipped for this long at the most before the agent stops, in ms. */
const lastLogsMs = 1_000

/** Starts the agent of this machine: takes over what runs, then follows the server. */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const agent = new NodeAgent(options)
  await agent.open()
  return agent
}

class NodeAgent implements RunningAgent {
  readonly ended: Promise<void>
  readonly #options: AgentOptions
  readonly #stopping = new AbortController()
  readonly #cache: ArtifactCache
  readonly #instances: InstanceSet
  readonly #reporter: Reporter
  readonly #shipper: LogShipper
  readonly #drift: DriftWatch
  readonly #execs: ExecSessions
  readonly #volumes: VolumeKeeper
  readonly #assignmentPath: string
  #loops: Promise<unknown> = Promise.resolve()
  #tending: Timer | undefined
  #polling = new AbortController()
  #isRegistered = false
  #portsTaken: readonly number[] = []
  /** Drivers, as the server was told. */
  #offered = ''
  #resolveEnded: () => void = () => {}
  #rejectEnded: (error: unknown) => void = () => {}

  constructor(options: AgentOptions) {
    const { disk, dataDir, client, clock, random, log, driver } = options
    this.#options = options
    // Loops, calls and pulls all listen to it: a dozen is no leak.
    setMaxListeners(0, this.#stopping.signal)
    this.#assignmentPath = join(dataDir, 'assignment.json')
    this.ended = new Promise((resolve, reject) => {
      this.#resolveEnded = resolve
      this.#rejectEnded = reject
    })
    // Whoever does not look at it must not be killed by it.
    this.ended.catch(() => {})
    this.#cache = new ArtifactCache({
      disk,
      directory: join(dataDir, 'artifacts'),
      archiver: options.archiver,
      clock,
      log,
      fetch: (digest, signal) => client.artifact(digest, signal),
      signal: this.#stopping.signal,
    })
    this.#instances = new InstanceSet({
      ...options,
      records: new RecordFiles(disk, dataDir),
      take: (content, wanted) => this.#directoryOf(content, wanted),
      onChange: (observed) => this.#changed(observed),
      onKilled: (instanceId, what) => this.#drift.note('killed', instanceId, what),
    })
    this.#drift = new DriftWatch({
      clock,
      random,
      log,
      driver,
      known: () => this.#instances.known(),
      restoreRecords: () => this.#instances.restoreRecords(),
      restoreArtifacts: () => this.#restoreArtifacts(),
    })
    this.#execs = this.#execSessions()
    this.#volumes = new VolumeKeeper(driver, log)
    const onUnknown = (): void => this.#registerAgain()
    this.#reporter = new Reporter({
      client,
      clock,
      log,
      portsTaken: () => this.#portsTaken,
      instances: () => this.#instances.observed(),
      findings: () => this.#drift.pending,
      volumes: () => this.#volumes.news,
      onFindingsKept: (ids) => this.#drift.acknowledge(ids),
      leaseNow: () => driver.leaseNow(),
      onLeases: (instanceIds, sentAt) => this.#instances.renew(instanceIds, sentAt),
      onUnknown,
    })
    this.#shipper = new LogShipper({
      driver,
      client,
      clock,
      random,
      log,
      disk,
      pollEveryMs: options.logsEveryMs,
      directory: join(dataDir, 'positions'),
      printing: () => this.#instances.printing(),
      onUnknown,
    })
  }

  #execSessions(): ExecSessions {
    const { driver, client, log } = this.#options
    const connect = (execId: string, signal: AbortSignal) => client.openExec(execId, signal)
    return new ExecSessions({ driver, connect, log, signal: this.#stopping.signal })
  }

  async open(): Promise<void> {
    const { disk, dataDir } = this.#options
    await disk.makeFolder(dataDir)
    await this.#cache.open()
    await this.#instances.open()
    // Rule 12 of docs/reference/rules.md: what was assigned last runs without any server.
    const last = await readJson<Assignment>(disk, this.#assignmentPath)
    if (last !== undefined) await this.#instances.apply(last.instances, false)
    await this.#lookAtPorts()
    this.#tendLater()
    const { signal } = this.#stopping
    this.#loops = Promise.allSettled([
      this.#follow(signal),
      this.#reporter.run(signal),
      this.#shipper.run(signal),
      this.#repeat(portsEveryMs, () => this.#lookAtPorts()),
      this.#repeat(driftEveryMs, () => this.#lookAround()),
      this.#repeat(collectEveryMs, () => this.#collect()),
    ])
  }

  async stop(how: { readonly instances: 'keep' | 'end' }): Promise<void> {
    if (this.#stopping.signal.aborted) return this.ended
    this.#stopping.abort(new Refusal('agent-stops', 'the agent stops'))
    this.#polling.abort()
    this.#tending?.cancel()
    if (how.instances === 'end') await this.#instances.halt(haltGraceMsMax)
    else this.#instances.letGo()
    await this.#loops
    if (how.instances === 'end') await this.#shipLast()
    await this.#options.driver.close()
    await this.#options.client.close()
    this.#resolveEnded()
  }

  /** Registers, then takes one assignment after the other; begins anew when it is not known. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { client, clock, random, log } = this.#options
    let after = 0
    let wholeAt = 0
    for (let failures = 0; !signal.aborted;) {
      this.#polling = new AbortController()
      const either = AbortSignal.any([signal, this.#polling.signal])
      try {
        if (!this.#isRegistered) {
          const incarnation = Buffer.from(random.bytes(8)).toString('hex')
          await client.register(this.#registration(incarnation), signal)
          after = 0
          wholeAt = clock.monotonic()
          this.#registered(incarnation)
        }
        // Rule 1 of docs/reference/rules.md: that nothing came does not prove that nothing is.
        const isDue = clock.monotonic() - wholeAt >= listEveryMs
        const assignment = await client.assignment(isDue ? 0 : after, pollWaitMs, either)
        if (isDue) wholeAt = clock.monotonic()
        failures = 0
        if (assignment === undefined) continue
        after = assignment.revision
        await this.#take(assignment)
      } catch (error) {
        if (signal.aborted) return
        if (isRefused(error, 426)) return this.#giveUp(error)
        if (isRefused(error, 404)) this.#isRegistered = false
        if (this.#polling.signal.aborted) continue
        if (failures++ === 0) log.warn('the server is not to be had', { error: messageOf(error) })
        const waitMs = Math.max(backoffMs(callBackoff, failures, random), waitAfter(error, random))
        await clock.sleep(waitMs, signal).catch(() => {})
      }
    }
  }

  async #take(assignment: Assignment): Promise<void> {
    await this.#instances.apply(assignment.instances, true)
    this.#execs.apply(assignment.execs ?? [])
    if (this.#volumes.apply(assignment)) await this.#lookAtVolumes()
    this.#tendLater()
    try {
      await this.#options.disk.replace(this.#assignmentPath, JSON.stringify(assignment))
    } catch (error) {
      // A full disk: the records of the instances say enough for a restart without a server.
      this.#options.log.error('assignment not written', { error: messageOf(error) })
    }
  }

  #registration(incarnation: string): RegisterRequest {
    const { version, zone, address, capacity, ports, labels, driver } = this.#options
    const drivers = [...driver.offers()]
    this.#offered = drivers.join()
    return {
      protocol: agentProtocol.newest,
      incarnation,
      version,
      zone,
      address,
      capacity,
      ports,
      labels,
      drivers,
    }
  }

  #registered(incarnation: string): void {
    this.#isRegistered = true
    this.#reporter.begin(incarnation)
    this.#options.log.info('registered', { nodeId: this.#options.nodeId })
    this.#options.onRegistered?.()
  }

  #registerAgain(): void {
    if (!this.#isRegistered) return
    this.#isRegistered = false
    this.#polling.abort()
  }

  /** The server does not speak this protocol: nothing but another version of the program helps. */
  #giveUp(refusal: Refusal): void {
    const { message, hint, details = {} } = refusal
    const range = `this agent speaks ${agentProtocol.oldest} to ${agentProtocol.newest}`
    const theirs = `the server ${String(details['oldest'])} to ${String(details['newest'])}`
    const told = `${message}: ${range}, ${theirs}`
    this.#options.log.error('the server refuses this agent', { error: told })
    this.#rejectEnded(new Refusal(refusal.code, told, { status: refusal.status, hint, details }))
    void this.stop({ instances: 'keep' })
  }

  #changed(observed: ObservedInstance): void {
    if (observed.state === 'refused') void this.#lookAtPorts()
    this.#reporter.poke()
    this.#shipper.poke()
    this.#tendLater()
  }

  /** Tends in a while, and again for as long as something is over: a quiet node costs nothing. */
  #tendLater(): void {
    if (this.#tending !== undefined || !this.#instances.hasEnded) return
    this.#tending = this.#options.clock.after(tendEveryMs, () => void this.#tendOnce())
  }

  async #tendOnce(): Promise<void> {
    const { signal } = this.#stopping
    if (signal.aborted) return
    try {
      await this.#tend()
    } catch (error) {
      this.#options.log.warn('chore failed', { error: messageOf(error) })
    }
    this.#tending = undefined
    if (!signal.aborted) this.#tendLater()
  }

  /** An engine that has come or gone is told by a registration. */
  async #lookAround(): Promise<void> {
    if (this.#options.driver.offers().join() !== this.#offered) this.#registerAgain()
    this.#instances.lookAtThrottling()
    await this.#lookAtVolumes()
    await this.#drift.look()
  }

  async #lookAtVolumes(): Promise<void> {
    if (await this.#volumes.look()) this.#reporter.poke()
  }

  async #lookAtPorts(): Promise<void> {
    const { ports, driver } = this.#options
    const own = this.#instances.ownPorts()
    const held = await driver.portsHeld(ports.from, ports.to)
    this.#portsTaken = held.filter((port) => !own.has(port)).slice(0, portsTakenMax)
  }

  /** An archive comes from the server, an image from its registry; it has no directory. */
  async #directoryOf(content: Content, wanted: Wanted): Promise<Taken> {
    if (isOfArchive(content)) return this.#cache.take(content, wanted)
    if ('image' in content.artifact) await this.#options.driver.pull(content.artifact)
    return { directory: '', content, without: null }
  }

  async #collect(): Promise<void> {
    const inUse = this.#instances.keysInUse()
    await this.#cache.collect(inUse)
    await this.#options.driver.collect(inUse)
  }

  /** Unpacks anew what somebody changed, and marks what had been started from it. */
  async #restoreArtifacts(): Promise<{ digest: string; instanceIds: string[] }[]> {
    const restored: { digest: string; instanceIds: string[] }[] = []
    for (const content of await this.#cache.findAltered(this.#instances.archivesInUse())) {
      const { digest } = content.artifact
      // Marked first: what it serves is not to be trusted, whether the server can be had or not.
      const instanceIds = this.#instances.markAltered(content)
      await this.#cache.restore(content)
      restored.push({ digest, instanceIds })
    }
    return restored
  }

  async #tend(): Promise<void> {
    this.#instances.retire((observed) => this.#reporter.hasTold(observed))
    await this.#instances.discard(
      (instanceId) => this.#shipper.isDone(instanceId),
      async (instanceId) => {
        this.#reporter.forget(instanceId)
        await this.#shipper.forget(instanceId)
      },
    )
  }

  async #repeat(everyMs: number, work: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch(() => {})
      if (signal.aborted) return
      await work().catch((error: unknown) => log.warn('chore failed', { error: messageOf(error) }))
    }
  }

  async #shipLast(): Promise<void> {
    const late = new AbortController()
    const timer = this.#options.clock.after(lastLogsMs, () => late.abort())
    try {
      while (await this.#shipper.shipOnce(late.signal));
    } catch (error) {
      this.#options.log.debug('last lines wait on disk', { error: messageOf(error) })
    } finally {
      timer.cancel()
    }
  }
}

/** Ports in one report at the most. */
const portsTakenMax = 1_000

function isRefused(error: unknown, status: number): error is Refusal {
  return error instanceof Refusal && error.status === status
}
