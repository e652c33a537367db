import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { Fault, assert } from '../../../base/errors.ts'
import type { Random } from '../../../base/random.ts'
import type { CredentialsOf } from '../../../base/registry-credentials.ts'
import type { ImageRef } from '../../../parts/artifacts/model.ts'
import type {
  Adopted,
  DriverName,
  Exec,
  Exit,
  ExitListener,
  InstanceDriver,
  Launch,
  OutputChunk,
  OutputPosition,
  OutputStream,
  Probe,
  ProbeAnswer,
  Started,
  Stray,
  Terminal,
  Throttled,
} from '../../../parts/instances/driver.ts'
import { requireFreePort } from '../shared/free-port.ts'
import { hasOutput, readOutput } from '../shared/output-files.ts'
import { probeContainer } from './container-probe.ts'
import { listeningPorts } from '../shared/listening-ports.ts'
import { bootNow, extendLease, readLease, writeLease } from '../shared/watchdog.ts'
import { ContainerNotes, type ContainerNote } from './container-notes.ts'
import { startContainerWatchdog, writeWatchdog, type WatchdogFiles } from './container-watchdog.ts'
import { requireCommand } from './command-lookup.ts'
import { Containers, type Container, type ContainerDetail } from './containers.ts'
import { Engine } from './engine.ts'
import { EngineWatch } from './engine-watch.ts'
import { createContainer, remarkOf, startFault, type RootBound } from './creation.ts'
import { Execs } from './execs.ts'
import { Images } from './images.ts'
import { Networks } from './networks.ts'
import { Relay, relayedEnv } from '../shared/relay.ts'
import { copyOutput } from './output-copy.ts'
import { Volumes } from './volumes.ts'

export interface DockerDriverOptions {
  /** Where instances' notes, output and leases lie. */
  readonly root: string
  /** The engine's socket: `/var/run/docker.sock`. */
  readonly socketPath: string
  readonly clock: Clock
  readonly random: Random
  readonly credentials: CredentialsOf
}

/** An instance's present run. */
interface Run {
  note: ContainerNote
  /** Its start failed before anything ran. */
  hasFailed: boolean
  exit: Exit | undefined
  /** SIGKILL was sent by this driver. */
  isEnding: boolean
  /** Monotonic ms: a list of containers from before knows nothing of it. */
  knownSince: number
  copying: { readonly stop: AbortController; readonly done: Promise<void> } | undefined
}

/** SIGKILL is repeated until the container has ended. */
const endTimeoutMs = 10_000
const endPollMs = 20
/** That the kernel ended it at a limit is looked for so often, with so many ms between. */
const limitLooks = 5
const limitPollMs = 150
/** The output of a run is read to its end before the next one starts, for so long at the most, in ms. */
const copyTimeoutMs = 5_000

/** Runs instances as containers of a Docker Engine, which outlive the agent. */
export class DockerDriver implements InstanceDriver {
  readonly name = 'docker'
  readonly #options: DockerDriverOptions
  readonly #clock: Clock
  readonly #engine: Engine
  readonly #notes: ContainerNotes
  readonly #execs: Execs
  readonly #images: Images
  readonly #runs = new Map<string, Run>()
  /** Between the creation of their container and its note. */
  readonly #starting = new Set<string>()
  /** Containers of instances that are forgotten. */
  readonly #doomed = new Set<string>()
  readonly #closing = new AbortController()
  /** Containers of ours that no run is known of, as the last look found them. */
  #others: readonly Container[] = []
  #owner = ''
  #containers: Containers
  #networks: Networks
  #volumes: Volumes
  readonly #rootBound: RootBound = { canBound: true }
  readonly #relay: Relay
  #watch: EngineWatch | undefined
  #watchdog: WatchdogFiles = { script: '', engine: '' }
  #listener: ExitListener = () => {}

  constructor(options: DockerDriverOptions) {
    const { root, socketPath, clock, credentials } = options
    this.#options = options
    this.#clock = clock
    this.#engine = new Engine(socketPath, clock)
    this.#notes = new ContainerNotes(root)
    this.#execs = new Execs(this.#engine, clock)
    const file = join(root, '.images.json')
    this.#images = new Images({ engine: this.#engine, clock, file, credentials })
    this.#containers = new Containers(this.#engine, '')
    this.#networks = new Networks(this.#engine, '')
    this.#volumes = new Volumes(this.#engine, '', root)
    this.#relay = new Relay(root)
  }

  /** Whether it has anything of this instance. */
  has(instanceId: string): boolean {
    return this.#runs.has(instanceId)
  }

  offers(): readonly DriverName[] {
    return this.#watch?.isThere === true ? ['docker'] : []
  }

  throttled(): Throttled | undefined {
    return undefined
  }

  pull(image: ImageRef): Promise<void> {
    return this.#images.pull(image)
  }

  async collect(inUse: ReadonlySet<string>): Promise<void> {
    if (this.offers().length > 0) await this.#images.collect(inUse)
  }

  onExit(listener: ExitListener): void {
    this.#listener = listener
  }

  async adopt(): Promise<readonly Adopted[]> {
    const { random, root } = this.#options
    this.#owner = await this.#notes.owner(random)
    this.#containers = new Containers(this.#engine, this.#owner)
    this.#networks = new Networks(this.#engine, this.#owner)
    this.#volumes = new Volumes(this.#engine, this.#owner, root)
    this.#watchdog = await writeWatchdog(root)
    for (const note of await this.#notes.all()) this.#runs.set(note.instanceId, freshRun(note))
    this.#watch = new EngineWatch({
      engine: this.#engine,
      containers: this.#containers,
      clock: this.#clock,
      owner: this.#owner,
      onLook: (found, askedAt) => this.#look(found, askedAt),
      signal: this.#closing.signal,
    })
    const adopted: Adopted[] = []
    // An engine that does not answer now may yet run them all: its word is waited for.
    await this.#watch.look()
    for (const run of this.#runs.values()) {
      const one = await this.#adoptOne(run)
      if (one !== undefined) adopted.push(one)
    }
    await this.#openRelay()
    this.#watch.run()
    return adopted
  }

  async start(launch: Launch): Promise<Started> {
    const { instanceId, run, listen, leaseUntil, image } = launch
    const earlier = this.#runs.get(instanceId)
    assert(earlier === undefined || earlier.note.run < run, `${instanceId} run ${run} ran before`)
    assert(image !== undefined, `${instanceId} is no image`)
    if (leaseUntil !== undefined && leaseUntil <= bootNow()) {
      throw new Fault('lease-expired', `the lease of ${instanceId} ran out before it had started`)
    }
    this.#starting.add(instanceId)
    try {
      if (earlier !== undefined) await this.#clear(earlier)
      await this.#containers.removeLeft(instanceId)
      if (listen !== null) await requireFreePort(listen)
      return await this.#startNew(launch, image)
    } finally {
      this.#starting.delete(instanceId)
    }
  }

  async terminate(instanceId: string): Promise<void> {
    const run = this.#running(instanceId)
    if (run !== undefined) await this.#containers.signal(run.note.containerId, 'SIGTERM')
  }

  async end(instanceId: string): Promise<Exit | undefined> {
    const run = this.#runs.get(instanceId)
    if (run === undefined || run.hasFailed || run.exit !== undefined) return run?.exit
    const giveUpAt = this.#clock.monotonic() + endTimeoutMs
    run.isEnding = true
    for (;;) {
      const detail = await this.#containers.inspect(run.note.containerId)
      if (detail?.state === 'created') {
        await this.#containers.remove(detail.id)
        run.hasFailed = true
        return undefined
      }
      if (detail?.state !== 'running') return this.#ended(run, detail)
      if (this.#clock.monotonic() > giveUpAt) {
        throw new Fault('tree-survives', `SIGKILL does not end container ${detail.id.slice(0, 12)}`)
      }
      await this.#containers.signal(detail.id, 'SIGKILL')
      await this.#clock.sleep(endPollMs)
    }
  }

  probe(instanceId: string, probe: Probe, timeoutMs: number): Promise<ProbeAnswer> {
    const asking = { clock: this.#clock, execs: this.#execs }
    return probeContainer(asking, this.#running(instanceId)?.note, probe, timeoutMs)
  }

  get(instanceId: string, path: string, timeoutMs: number): Promise<ProbeAnswer> {
    return this.probe(instanceId, { kind: 'http', path }, timeoutMs)
  }

  async startExec(
    instanceId: string,
    command: readonly string[],
    terminal: Terminal | null,
  ): Promise<Exec> {
    const run = this.#running(instanceId)
    if (run !== undefined) return this.#execs.start(run.note.containerId, command, terminal)
    throw new Fault('instance-not-running', `${instanceId} does not run`, { retry: 'never' })
  }

  portsHeld(from: number, to: number): Promise<readonly number[]> {
    return Promise.resolve(listeningPorts(from, to))
  }

  hasOutput(instanceId: string, stream: OutputStream, from: OutputPosition): boolean {
    return hasOutput(this.#notes.home(instanceId), stream, from)
  }

  readOutput(
    instanceId: string,
    stream: OutputStream,
    from: OutputPosition,
    bytesMax: number,
  ): Promise<OutputChunk | undefined> {
    return readOutput(this.#notes.home(instanceId), stream, from, bytesMax)
  }

  leaseNow(): number {
    return bootNow()
  }

  async renew(instanceId: string, until: number): Promise<void> {
    const run = this.#running(instanceId)
    if (run === undefined) return
    if (await extendLease(this.#notes.lease(run.note), until)) return
    await this.#watchOver(run.note, until)
  }

  async strays(known: ReadonlySet<string>): Promise<readonly Stray[]> {
    const isOurs = (instanceId: string): boolean =>
      known.has(instanceId) || this.#runs.has(instanceId) || this.#starting.has(instanceId)
    const folders = await this.#notes.folders()
    return [
      ...this.#others
        .filter(({ instanceId }) => !isOurs(instanceId))
        .map(({ id, instanceId }) => ({ is: 'container' as const, id, name: instanceId })),
      ...folders.filter((name) => !isOurs(name)).map((name) => ({ is: 'folder' as const, name })),
    ]
  }

  async endStray(stray: Stray): Promise<void> {
    if (stray.is === 'container') await this.#containers.remove(stray.id)
    if (stray.is === 'folder') await this.#notes.forget(stray.name)
  }

  async discard(instanceId: string): Promise<void> {
    const run = this.#runs.get(instanceId)
    this.#runs.delete(instanceId)
    if (run !== undefined) {
      await this.#stopCopying(run)
      // An engine that does not answer now removes it later: nobody waits for that.
      this.#doomed.add(run.note.containerId)
      if (this.offers().length > 0) await this.#watch?.look()
      await this.#leaveNetworks()
    }
    await this.#openRelay()
    await this.#notes.forget(instanceId)
  }

  readonly hasVolume = (id: string): Promise<boolean> => this.#volumes.has(id)
  readonly removeVolume = (id: string): Promise<void> => this.#volumes.remove(id)

  async close(): Promise<void> {
    this.#listener = () => {}
    this.#closing.abort()
    await Promise.all([...this.#runs.values()].map((run) => this.#stopCopying(run)))
    await this.#openRelay()
  }

  async #startNew(launch: Launch, image: ImageRef): Promise<Started> {
    const { instanceId, run, listen, leaseUntil } = launch
    const config = await this.#images.configOf(image)
    if (config === undefined) throw new Fault('pull-failed', `${image.image} is not here`)
    const { id: network, gateway } = await this.#networks.ensure()
    const reaches = new Set(launch.reaches ?? [])
    const env = relayedEnv(launch.env, reaches, gateway)
    const { containerId, isUnbounded } = await createContainer(
      { ...launch, env },
      { network, image },
      {
        owner: this.#owner,
        containers: this.#containers,
        networks: this.#networks,
        volumes: this.#volumes,
      },
      this.#rootBound,
    )
    const note: ContainerNote = {
      instanceId,
      run,
      containerId,
      listen,
      reaches: [...reaches],
      gateway,
      ...(launch.container?.network === undefined ? {} : { network: launch.container.network.app }),
      pid: 0,
      startedAt: 0,
    }
    const current: Run = { ...freshRun(note), knownSince: this.#clock.monotonic() }
    this.#runs.set(instanceId, current)
    await this.#notes.write(note)
    await this.#openRelay()
    try {
      await requireCommand(this.#engine, containerId, launch, config)
      if (leaseUntil !== undefined) await this.#watchOver(note, leaseUntil)
      const answer = await this.#containers.start(containerId)
      if (answer.status >= 400) throw startFault(answer)
    } catch (error) {
      throw await this.#notStarted(current, error)
    }
    const detail = await this.#containers.inspect(containerId)
    const { pid = 0, startedAt = 0 } = detail ?? {}
    current.note = { ...note, pid, startedAt }
    await this.#notes.write(current.note)
    await this.#notes.writeProcess(current.note)
    this.#copy(current)
    // One that has ended already had a pid all the same; nobody needs it any more.
    const remark = remarkOf(launch, config, isUnbounded)
    return { pid: pid === 0 ? 1 : pid, ...(remark === '' ? {} : { remark }) }
  }

  /** Nothing of it is to run; when the engine does not say so, the next start sees to it. */
  async #notStarted(run: Run, error: unknown): Promise<unknown> {
    const isSettled = !(error instanceof Fault) || error.code !== 'engine-silent'
    run.hasFailed = isSettled
    if (isSettled) await this.#containers.remove(run.note.containerId).catch(() => undefined)
    await this.#notes.forgetRun(run.note)
    return error
  }

  async #watchOver(note: ContainerNote, until: number): Promise<void> {
    await mkdir(this.#notes.home(note.instanceId), { recursive: true, mode: 0o700 })
    const lease = this.#notes.lease(note)
    await writeLease(lease, until)
    await startContainerWatchdog(this.#watchdog, {
      lease,
      note: this.#notes.processNote(note),
      instanceId: note.instanceId,
      socketPath: this.#options.socketPath,
      containerId: note.containerId,
    })
  }

  /** What all of them together may reach; a relay that has died is started anew. */
  async #openRelay(): Promise<void> {
    const running = [...this.#runs.keys()].flatMap((id) => this.#running(id)?.note ?? [])
    const calling = running.filter(({ reaches }) => reaches.length > 0)
    const ports = new Set(calling.flatMap(({ reaches }) => reaches))
    await this.#relay.open(calling.at(-1)?.gateway ?? '', ports)
  }

  async #leaveNetworks(): Promise<void> {
    if (this.#starting.size > 0 || this.offers().length === 0) return
    const apps = [...this.#runs.values()].flatMap(({ note }) => note.network ?? [])
    await this.#networks.leave(new Set(apps), this.#runs.size === 0).catch(() => undefined)
  }

  /** What a run of before has left; its output is read to its end first. */
  async #clear(run: Run): Promise<void> {
    if (run.copying !== undefined) {
      const late = this.#clock.sleep(copyTimeoutMs, run.copying.stop.signal).catch(() => {})
      await Promise.race([run.copying.done, late])
      await this.#stopCopying(run)
    }
    if (!run.hasFailed) await this.#containers.remove(run.note.containerId)
    await this.#notes.forgetRun(run.note)
  }

  async #adoptOne(run: Run): Promise<Adopted | undefined> {
    const { note } = run
    if (note.startedAt === 0 && run.exit === undefined) {
      // Its start was cut short: whether it runs is settled by ending it.
      await this.#containers.remove(note.containerId).catch(() => undefined)
      run.hasFailed = true
      return undefined
    }
    const { instanceId, run: number, pid } = note
    const leaseUntil = await readLease(this.#notes.lease(note))
    const lease = leaseUntil === undefined ? {} : { leaseUntil }
    this.#copy(run)
    if (run.exit !== undefined) {
      return { instanceId, run: number, ...lease, process: { is: 'ended', exit: run.exit } }
    }
    const ageMs = Math.max(0, this.#clock.now() - note.startedAt)
    return { instanceId, run: number, ...lease, process: { is: 'running', pid, ageMs } }
  }

  /** Compares what the engine has with what is known. */
  async #look(found: readonly Container[], askedAt: number): Promise<void> {
    const byId = new Map(found.map((container) => [container.id, container]))
    for (const run of this.#runs.values()) {
      const { note, hasFailed, exit, knownSince } = run
      const isStarting = this.#starting.has(note.instanceId) || knownSince > askedAt
      if (hasFailed || exit !== undefined || isStarting) continue
      const container = byId.get(note.containerId)
      if (container?.state === 'running') continue
      const detail = container && (await this.#detailOfEnd(run))
      if (detail?.state !== 'running' && detail?.state !== 'created') this.#ended(run, detail)
    }
    for (const id of this.#doomed) {
      if (byId.has(id)) await this.#containers.remove(id)
      this.#doomed.delete(id)
    }
    await this.#relay.keep()
    const current = new Set([...this.#runs.values()].map(({ note }) => note.containerId))
    this.#others = found.filter(({ id }) => !current.has(id))
  }

  /** The engine hears of a limit apart from the end, and may hear of it a little later. */
  async #detailOfEnd(run: Run): Promise<ContainerDetail | undefined> {
    for (let looks = 1; ; looks++) {
      const detail = await this.#containers.inspect(run.note.containerId)
      const mayBeLimit = detail?.state === 'ended' && detail.exit.signal === 'SIGKILL'
      const isTold = detail?.exit.memoryLimit !== undefined || run.isEnding
      if (!mayBeLimit || isTold || looks === limitLooks) return detail
      await this.#clock.sleep(limitPollMs)
    }
  }

  /** Its end, told once; without a container nobody saw how. */
  #ended(run: Run, detail: ContainerDetail | undefined): Exit {
    if (run.exit !== undefined) return run.exit
    const { instanceId, run: number } = run.note
    const unseen: Exit = { code: null, signal: null, at: this.#clock.now() }
    const exit = detail === undefined ? unseen : detail.exit
    run.exit = exit.at === 0 ? { ...exit, at: this.#clock.now() } : exit
    this.#listener(instanceId, number, run.exit)
    return run.exit
  }

  #copy(run: Run): void {
    const stop = new AbortController()
    const { instanceId, containerId, run: number } = run.note
    const done = copyOutput({
      engine: this.#engine,
      clock: this.#clock,
      containerId,
      run: number,
      home: this.#notes.home(instanceId),
      isRunning: async () => {
        const detail = await this.#containers.inspect(containerId)
        return detail?.state === 'running'
      },
      signal: stop.signal,
    })
    run.copying = { stop, done }
  }

  async #stopCopying(run: Run): Promise<void> {
    run.copying?.stop.abort()
    await run.copying?.done
    run.copying = undefined
  }

  #running(instanceId: string): Run | undefined {
    const run = this.#runs.get(instanceId)
    return run === undefined || run.hasFailed || run.exit !== undefined ? undefined : run
  }
}

function freshRun(note: ContainerNote): Run {
  const begun = { hasFailed: false, exit: undefined, isEnding: false, copying: undefined }
  return { ...begun, note, knownSince: -1 }
}
