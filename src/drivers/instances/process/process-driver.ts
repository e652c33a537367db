import { spawn } from 'node:child_process'
import { watch, type FSWatcher } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Timer } from '../../../base/clock.ts'
import { Fault, assert } from '../../../base/errors.ts'
import type { Random } from '../../../base/random.ts'
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
import { killGroup, membersOfGroup, throttledIn } from './control-groups.ts'
import {
  commandOf,
  findCommand,
  instanceEnvironment,
  type MachineEnvironment,
} from './environment.ts'
import { splitEnvironment } from './early-environment.ts'
import { execInTerminal, execWithPipes } from './exec.ts'
import { isDead, sendSignal } from './signals.ts'
import { FolderVolumes } from './folder-volumes.ts'
import type { IsolationChoice } from './isolation.ts'
import { Holding, freshRun, insideOfRun, programOf, sessionsOf, type Run } from './holding.ts'
import { passageOf } from './own-network.ts'
import { hasOutput, newestSegment, readOutput } from '../shared/output-files.ts'
import { listeningPorts } from '../shared/listening-ports.ts'
import { openProcessTable, type ProcessTable } from './process-table.ts'
import { PortRelay } from './port-relay.ts'
import { probeRun } from './run-probe.ts'
import { shimSource } from './shim.ts'
import {
  bootNow,
  extendLease,
  readLease,
  startWatchdog,
  watchdogSource,
  writeLease,
} from '../shared/watchdog.ts'
import { StateFiles, parseEventName } from './state-files.ts'

export interface ProcessDriverOptions {
  /** Where instances' own directories lie. */
  readonly root: string
  /** What runs in here is an instance's or a stray; the root unless it is said. */
  readonly area?: string
  readonly clock: Clock
  readonly machine: MachineEnvironment
  readonly random: Random
  readonly isolation: IsolationChoice
}

/** The shim has this long to name the process it started. */
const startTimeoutMs = 5_000
/** How often its note is looked for; it takes some 5 ms. */
const startPollMs = 3
/** A watch may miss an event: everything is looked at this often too. */
const sweepEveryMs = 1_000
/** SIGKILL is repeated until the tree is gone; then it hangs in the kernel. */
const endTimeoutMs = 10_000
const endPollMs = 10
/**
 * A dead process's shim, while it lives, has this long to write its exit code: on a busy machine it may
 * have to wait for its turn, and a run whose code is unknown has failed.
 */
const exitNoteTimeoutMs = 5_000

/**
 * Runs instances as processes, each behind a shim that outlives the agent. Where the machine has
 * bubblewrap, what the shim starts and watches is bubblewrap's own process outside of the instance's
 * namespaces; it ends as the program inside does.
 */
export class ProcessDriver implements InstanceDriver {
  readonly name = 'process'
  readonly #holding: Holding
  readonly #clock: Clock
  readonly #machine: MachineEnvironment
  readonly #files: StateFiles
  readonly #volumes: FolderVolumes
  readonly #relay: PortRelay
  readonly #table: ProcessTable
  readonly #area: string
  readonly #runs = new Map<string, Run>()
  #listener: ExitListener = () => {}
  #watcher: FSWatcher | undefined
  #sweepTimer: Timer | undefined
  #shim = ''
  #watchdog = ''
  #setsid = ''

  constructor(options: ProcessDriverOptions) {
    this.#clock = options.clock
    this.#machine = options.machine
    this.#files = new StateFiles(options.root)
    this.#volumes = new FolderVolumes(options.root)
    this.#relay = new PortRelay(options.root)
    this.#table = openProcessTable()
    this.#area = options.area ?? options.root
    this.#holding = new Holding(this.#files, options)
  }

  offers(): readonly DriverName[] {
    const { canRequire, canSeparate, canMount } = this.#holding
    return [
      'process',
      ...(canMount ? (['mounts'] as const) : []),
      ...(canRequire ? (['limits'] as const) : []),
      ...(canSeparate ? (['ports'] as const) : []),
    ]
  }

  throttled(instanceId: string): Throttled | undefined {
    return throttledIn(this.#runs.get(instanceId)?.confinement?.groups ?? [])
  }

  pull({ image }: ImageRef): Promise<void> {
    const why = `${image} is an image, and this agent runs none`
    return Promise.reject(new Fault('image-unsupported', why, { retry: 'never' }))
  }

  collect(): Promise<void> {
    return Promise.resolve()
  }

  onExit(listener: ExitListener): void {
    this.#listener = listener
  }

  async adopt(): Promise<readonly Adopted[]> {
    await mkdir(this.#files.events, { recursive: true, mode: 0o700 })
    this.#shim = join(this.#files.root, '.shim.sh')
    await writeFile(this.#shim, shimSource)
    this.#watchdog = join(this.#files.root, '.watchdog.sh')
    await writeFile(this.#watchdog, watchdogSource)
    this.#setsid = await findCommand('setsid', this.#machine.path, '/usr/bin')
    await this.#holding.open()
    // Nobody is connected any more to what people ran beside instances.
    for (const pid of this.#table.markedWith(this.#execMark())) sendSignal(pid, 'SIGKILL')
    this.#watch()
    const adopted: Adopted[] = []
    for (const launch of await this.#files.launches()) adopted.push(await this.#adoptOne(launch))
    await this.#relay.open(this.#runs.values())
    await this.#holding.sweep(this.#runs.values())
    this.#sweepLater()
    return adopted
  }

  async start(asked: Launch): Promise<Started> {
    const launch = await this.#volumes.ready(asked)
    const { instanceId, run } = launch
    const earlier = this.#runs.get(instanceId)
    assert(earlier === undefined || earlier.launch.run < run, `${instanceId} run ${run} ran before`)
    const own = this.#environment(launch)
    const { argv, env } = await commandOf(launch, own, this.#machine)
    if (earlier !== undefined) await this.#leave(earlier)
    await this.#relay.requireFree(launch.listen, passageOf(launch) !== undefined)
    if (earlier !== undefined) await this.#forgetRun(earlier)
    const { isolation } = this.#holding
    const confinement = await isolation.confine(launch)
    await this.#files.prepare(launch, confinement)
    const current: Run = { ...freshRun, launch, confinement }
    this.#runs.set(instanceId, current)
    await this.#relay.open(this.#runs.values())
    const home = this.#files.home(instanceId)
    const isApart = confinement.user !== null
    const { early, late } = isApart ? splitEnvironment(env) : { early: env, late: [] }
    const confined = await isolation.command(confinement, launch, home, argv, late)
    if (launch.leaseUntil !== undefined) await this.#lease(launch, launch.leaseUntil)
    await this.#spawn(launch, confined, early, confinement.groups)
    const statement = launch.build === undefined ? isolation.statement : undefined
    const pid = await this.#startedOf(current)
    return statement === undefined ? { pid } : { pid, remark: statement }
  }

  terminate(instanceId: string): Promise<void> {
    const current = this.#runs.get(instanceId)
    const identity = current?.note?.identity
    if (current !== undefined && identity !== undefined && this.#table.isAlive(identity)) {
      // Who waits outside of its namespaces would end and take its exit code along.
      const leader = insideOfRun(current)?.init ?? identity.pid
      // Before it has its own group it is alone.
      if (!sendSignal(-leader, 'SIGTERM')) sendSignal(identity.pid, 'SIGTERM')
    }
    return Promise.resolve()
  }

  async end(instanceId: string): Promise<Exit | undefined> {
    const current = this.#runs.get(instanceId)
    const giveUpAt = this.#clock.monotonic() + endTimeoutMs
    if (current !== undefined) current.isEnding = true
    for (;;) {
      const groups = current?.confinement?.groups ?? []
      await Promise.all(groups.map(killGroup))
      const marked = this.#table.membersOf(instanceId, current?.note?.identity)
      const members = new Set([...marked, ...groups.flatMap(membersOfGroup)])
      if (members.size === 0) break
      if (this.#clock.monotonic() > giveUpAt) {
        throw new Fault('tree-survives', `SIGKILL does not end ${[...members].join(', ')}`)
      }
      for (const pid of members) sendSignal(pid, 'SIGKILL')
      await this.#clock.sleep(endPollMs)
    }
    if (current !== undefined) await this.#leave(current)
    if (current?.note === undefined) return current?.exit
    return this.#exitOf(current)
  }

  probe(instanceId: string, probe: Probe, timeoutMs: number): Promise<ProbeAnswer> {
    const current = this.#runs.get(instanceId)
    if (current === undefined) return Promise.resolve({ ok: false, because: 'it does not run' })
    const env = this.#environment(current.launch)
    return probeRun(current, probe, { clock: this.#clock, holding: this.#holding, env, timeoutMs })
  }

  get(instanceId: string, path: string, timeoutMs: number): Promise<ProbeAnswer> {
    return this.probe(instanceId, { kind: 'http', path }, timeoutMs)
  }

  async startExec(
    instanceId: string,
    command: readonly string[],
    terminal: Terminal | null,
  ): Promise<Exec> {
    const current = this.#runs.get(instanceId)
    const identity = current?.note?.identity
    if (current === undefined || identity === undefined || !this.#table.isAlive(identity)) {
      throw new Fault('instance-not-running', `${instanceId} does not run`, { retry: 'never' })
    }
    const [mark = '', value = ''] = this.#execMark().split('=', 2)
    const whole = { ...this.#environment(current.launch), [mark]: value }
    const cwd = current.launch.directory
    const { argv, env } = await this.#holding.beside(current, command, whole)
    const [file = '', ...args] = argv
    const start = { file, args, cwd, env, clock: this.#clock }
    return terminal === null ? execWithPipes(start) : execInTerminal(start, terminal)
  }

  portsHeld(from: number, to: number): Promise<readonly number[]> {
    return Promise.resolve(listeningPorts(from, to))
  }

  hasOutput(instanceId: string, stream: OutputStream, from: OutputPosition): boolean {
    return hasOutput(this.#files.home(instanceId), stream, from)
  }

  readOutput(
    instanceId: string,
    stream: OutputStream,
    from: OutputPosition,
    bytesMax: number,
  ): Promise<OutputChunk | undefined> {
    return readOutput(this.#files.home(instanceId), stream, from, bytesMax)
  }

  leaseNow(): number {
    return bootNow()
  }

  async renew(instanceId: string, until: number): Promise<void> {
    const current = this.#runs.get(instanceId)
    if (current === undefined || current.exit !== undefined) return
    const lease = this.#files.lease(instanceId, current.launch.run)
    if (await extendLease(lease, until)) return
    // Started by an agent that knew of no leases.
    await this.#watchOver(current.launch, until)
  }

  async strays(known: ReadonlySet<string>): Promise<readonly Stray[]> {
    const ids = new Set([...known, ...this.#runs.keys()])
    const names = await this.#files.folders()
    const folders = names.filter((name) => !ids.has(name))
    const sessions = new Set([...this.#runs.values()].flatMap(sessionsOf))
    const processes = this.#table.strangersIn(this.#area, { instanceIds: ids, sessions })
    return [
      ...processes.map((stranger) => ({ is: 'process' as const, ...stranger })),
      ...folders.map((name) => ({ is: 'folder' as const, name })),
    ]
  }

  async endStray(stray: Stray): Promise<void> {
    if (stray.is === 'folder') return this.#files.forget(stray.name)
    if (stray.is === 'process' && this.#table.isSame(stray.pid, stray.started))
      sendSignal(stray.pid, 'SIGKILL')
  }

  async discard(instanceId: string): Promise<void> {
    const current = this.#runs.get(instanceId)
    if (current !== undefined) await this.#forgetRun(current)
    this.#runs.delete(instanceId)
    await this.#relay.open(this.#runs.values())
    await this.#files.forget(instanceId)
  }

  hasVolume(id: string): Promise<boolean> {
    return this.#volumes.has(id)
  }

  removeVolume(id: string): Promise<void> {
    return this.#volumes.remove(id)
  }

  async close(): Promise<void> {
    this.#watcher?.close()
    this.#sweepTimer?.cancel()
    this.#listener = () => {}
    // How those ended is told: nobody has to read it from their groups any more.
    for (const { confinement, exit } of this.#runs.values()) {
      if (exit !== undefined) this.#holding.release(confinement)
    }
    await this.#holding.close()
  }

  /** Puts a start under its watchdog; nothing else that carries its mark may run by then. */
  async #lease(launch: Launch, until: number): Promise<void> {
    const { instanceId } = launch
    if (this.#table.membersOf(instanceId, undefined).length > 0) await this.end(instanceId)
    if (until <= bootNow()) {
      throw new Fault('lease-expired', `the lease of ${instanceId} ran out before it had started`)
    }
    await this.#watchOver(launch, until)
  }

  async #watchOver({ instanceId, run }: Launch, until: number): Promise<void> {
    const lease = this.#files.lease(instanceId, run)
    await writeLease(lease, until)
    const note = this.#files.note(instanceId, run)
    await startWatchdog(this.#watchdog, { lease, note, instanceId })
  }

  async #adoptOne(launch: Launch): Promise<Adopted> {
    const { instanceId, run } = launch
    const leaseUntil = await readLease(this.#files.lease(instanceId, run))
    const lease = leaseUntil === undefined ? {} : { leaseUntil }
    const note = await this.#files.started(instanceId, run)
    const confinement = await this.#files.confinement(instanceId, run)
    const told = await this.#files.exit(instanceId, run)
    const exit = told && this.#holding.isolation.exitOf(confinement, told)
    const current: Run = { ...freshRun, launch, confinement, note, exit }
    this.#runs.set(instanceId, current)
    if (current.exit === undefined && note !== undefined && this.#table.isAlive(note.identity)) {
      const ageMs = this.#table.ageMs(note.identity)
      const pid = insideOfRun(current)?.program ?? note.identity.pid
      return { instanceId, run, ...lease, process: { is: 'running', pid, ageMs } }
    }
    const ended = await this.#exitOf(current)
    return { instanceId, run, ...lease, process: { is: 'ended', exit: ended } }
  }

  /** Ends what joined its own network to the machine's, where its shim was killed; frees its port. */
  async #leave({ launch, confinement }: Run): Promise<void> {
    if (confinement?.innerPort === undefined) return
    const joined = await this.#files.joined(launch.instanceId, launch.run)
    const giveUpAt = this.#clock.monotonic() + endTimeoutMs
    while (joined !== undefined && this.#table.isAlive(joined)) {
      if (this.#clock.monotonic() > giveUpAt) break
      sendSignal(joined.pid, 'SIGKILL')
      await this.#clock.sleep(endPollMs)
    }
  }

  async #forgetRun({ launch, confinement }: Run): Promise<void> {
    this.#holding.release(confinement)
    await this.#files.forgetRun(launch.instanceId, launch.run)
  }

  /** What is run on request is known by: of this agent alone, whatever else runs on the machine. */
  #execMark(): string {
    return `ROADSTEAD_EXEC=${this.#files.root}`
  }

  #environment(launch: Launch): Record<string, string> {
    const home = this.#files.home(launch.instanceId)
    // In a network of its own the node's address is nowhere.
    const host = passageOf(launch) === undefined ? {} : { HOST: '0.0.0.0' }
    return instanceEnvironment({ ...launch.env, ...host }, this.#machine, home)
  }

  /** Starts the shim, in a session of its own, with nothing of ours in its hands. */
  async #spawn(
    launch: Launch,
    argv: readonly string[],
    env: Record<string, string>,
    groups: readonly string[],
  ): Promise<void> {
    const { instanceId, run, directory } = launch
    const home = this.#files.home(instanceId)
    const segments = [newestSegment(home, 'stdout'), newestSegment(home, 'stderr')].map(String)
    const own = [this.#files.events, home, instanceId, String(run), ...segments, this.#setsid]
    const source = this.#holding.isolation.joinScript(launch)
    const script = source === undefined ? '' : await this.#files.writeJoin(instanceId, source)
    const place = [...own, script, String(groups.length), ...groups]
    const { ROADSTEAD_INSTANCE: _mark, ...unmarked } = env
    const shim = spawn('/bin/sh', [this.#shim, ...place, ...argv], {
      cwd: directory,
      env: unmarked,
      detached: true,
      stdio: 'ignore',
    })
    await new Promise<void>((resolve, reject) => {
      shim.on('spawn', resolve)
      shim.on('error', (cause) =>
        reject(new Fault('start-failed', `its shim did not start: ${cause.message}`, { cause })),
      )
    })
    shim.unref()
  }

  /** The pid of what runs; in namespaces it takes a few ms more. */
  async #startedOf(current: Run): Promise<number> {
    const { instanceId, run } = current.launch
    const giveUpAt = this.#clock.monotonic() + startTimeoutMs
    for (;;) {
      current.note = await this.#files.started(instanceId, run)
      if (current.note !== undefined) {
        const pid = programOf(current, this.#table)
        if (pid !== undefined) return pid
      }
      if (this.#clock.monotonic() > giveUpAt) {
        throw new Fault('start-failed', 'its shim did not name a process: is the disk full?')
      }
      await this.#clock.sleep(startPollMs)
    }
  }

  /** The exit of a run whose process is dead, waiting a moment for its shim to write it. */
  async #exitOf(current: Run): Promise<Exit> {
    const { instanceId, run } = current.launch
    const giveUpAt = this.#clock.monotonic() + exitNoteTimeoutMs
    while (current.exit === undefined) {
      const exit = await this.#files.exit(instanceId, run)
      if (exit === undefined && this.#mayStillBeNoted(current, giveUpAt)) {
        await this.#clock.sleep(endPollMs)
        continue
      }
      this.#noteExit(current, exit ?? { code: null, signal: null, at: this.#clock.now() })
    }
    return current.exit
  }

  #mayStillBeNoted(current: Run, giveUpAt: number): boolean {
    if (current.note === undefined || this.#clock.monotonic() > giveUpAt) return false
    return sendSignal(current.note.shimPid, 0)
  }

  #noteExit(current: Run, exit: Exit): void {
    if (current.exit !== undefined) return
    const { launch, confinement, isEnding } = current
    current.exit = isEnding ? exit : this.#holding.isolation.exitOf(confinement, exit)
    this.#listener(launch.instanceId, launch.run, current.exit)
  }

  #watch(): void {
    try {
      this.#watcher = watch(this.#files.events, { persistent: false }, (_event, name) => {
        const found = name === null ? undefined : parseEventName(name)
        const current = found?.event === 'exit' ? this.#runs.get(found.instanceId) : undefined
        if (current !== undefined && current.launch.run === found?.run) void this.#look(current)
      })
      // Watches are a scarce resource of the machine; without one the sweep alone finds exits.
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch {
      this.#watcher = undefined
    }
  }

  #sweepLater(): void {
    this.#sweepTimer = this.#clock.after(sweepEveryMs, () => {
      void this.#relay.keep()
      for (const current of this.#runs.values()) {
        if (current.exit === undefined && isDead(this.#table, current.note?.identity)) {
          void this.#exitOf(current)
        }
      }
      this.#sweepLater()
    })
  }

  async #look(current: Run): Promise<void> {
    const { instanceId, run } = current.launch
    const exit = await this.#files.exit(instanceId, run)
    if (exit !== undefined) this.#noteExit(current, exit)
  }
}
