import { PassThrough } from 'node:stream'
import type { Clock, Timer } from '../../../base/clock.ts'
import { Fault, assert } from '../../../base/errors.ts'
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
  Throttled,
} from '../../../parts/instances/driver.ts'

/** How one run of a mock instance behaves; what is left out behaves well. */
export interface Staging {
  /** From its start until its checks pass, in ms. */
  readonly readyAfterMs?: number
  /** Its checks fail for ever. */
  readonly neverHealthy?: boolean
  /** Its checks fail between these two ages, in ms. */
  readonly unhealthy?: { readonly fromMs: number; readonly toMs: number }
  /** It ends by itself after this long, with `exitCode`. */
  readonly endsAfterMs?: number
  readonly exitCode?: number
  /** SIGTERM has no effect. */
  readonly ignoresTerm?: boolean
  /** From SIGTERM to its end, in ms. */
  readonly stopMs?: number
  /** Its start fails since another process holds its port. */
  readonly portTaken?: boolean
  /** Its start fails since there is no such command. */
  readonly commandMissing?: boolean
  /** What it prints at its start, per stream. */
  readonly prints?: Readonly<Partial<Record<OutputStream, string>>>
}

/** One run of a mock instance. */
export interface MockProcess {
  readonly launch: Launch
  readonly staging: Staging
  readonly pid: number
  readonly startedAt: number
  exit: Exit | undefined
  /** SIGTERM was sent to it: it takes nothing new. */
  isStopping: boolean
  timers: Timer[]
  /** On the machine's monotonic clock; undefined: it has no watchdog. */
  leaseUntil: number | undefined
  watchdog: Timer | undefined
}

/** Who ended a run. */
export type EndedBy =
  /** It crashed, or was done. */
  | 'itself'
  /** Its agent, by SIGTERM or SIGKILL. */
  | 'agent'
  /** The watchdog of a singleton whose lease ran out. */
  | 'watchdog'
  /** Its machine went down with all that ran on it. */
  | 'machine'

/** Whoever looks at what truly runs. */
export interface MockWatcher {
  started(process: MockProcess): void
  /** SIGTERM was sent to it. */
  stopping(process: MockProcess): void
  ended(process: MockProcess, by: EndedBy): void
}

/** The machine beneath mock drivers: what it runs outlives each of them. */
export class MockMachine {
  readonly clock: Clock
  /** By instance id: its newest run. */
  readonly processes = new Map<string, MockProcess>()
  readonly output = new Map<string, Uint8Array>()
  /** Ids of volumes that were made here. */
  readonly volumes = new Set<string>()
  /** The driver that is told of exits now. */
  listener: ExitListener | undefined
  /** Starts so far, also the source of pids. */
  starts = 0
  readonly #stage: (launch: Launch) => Staging
  readonly #watcher: MockWatcher | undefined

  constructor(clock: Clock, stage: (launch: Launch) => Staging, watcher?: MockWatcher) {
    this.clock = clock
    this.#stage = stage
    this.#watcher = watcher
  }

  start(launch: Launch): MockProcess {
    const staging = this.#stage(launch)
    const [name] = launch.command
    if (staging.commandMissing === true) {
      throw new Fault('command-not-found', `${name}: command not found`, { retry: 'never' })
    }
    if (staging.portTaken === true) {
      const message = `port ${launch.listen?.port} is held by another process`
      throw new Fault('port-taken', message, { retry: 'never' })
    }
    const startedAt = this.clock.monotonic()
    if ((launch.leaseUntil ?? Infinity) <= startedAt) throw leaseExpired(launch.instanceId)
    const pid = 1_000 + ++this.starts
    const started: MockProcess = {
      launch,
      staging,
      pid,
      startedAt,
      exit: undefined,
      isStopping: false,
      timers: [],
      leaseUntil: undefined,
      watchdog: undefined,
    }
    this.processes.set(launch.instanceId, started)
    if (launch.leaseUntil !== undefined) this.lease(started, launch.leaseUntil)
    for (const stream of ['stdout', 'stderr'] as const) {
      this.#print(launch.instanceId, stream, staging.prints?.[stream] ?? '')
    }
    if (staging.endsAfterMs !== undefined) {
      const how = { code: staging.exitCode ?? 0, signal: null }
      this.#endLater(started, staging.endsAfterMs, how, 'itself')
    }
    this.#watcher?.started(started)
    return started
  }

  /** The machine's own watchdog: it goes on whatever becomes of the agent. */
  lease(running: MockProcess, until: number): void {
    running.leaseUntil = until
    running.watchdog?.cancel()
    const leftMs = until - this.clock.monotonic()
    running.watchdog = this.clock.after(leftMs, () =>
      this.endNow(running, { code: null, signal: 'SIGKILL' }, 'watchdog'),
    )
  }

  terminate(running: MockProcess): void {
    if (running.staging.ignoresTerm === true) return
    const how = { code: null, signal: 'SIGTERM' }
    this.#endLater(running, running.staging.stopMs ?? 0, how, 'agent')
    if (running.isStopping) return
    running.isStopping = true
    this.#watcher?.stopping(running)
  }

  endNow(running: MockProcess, how: Omit<Exit, 'at'>, by: EndedBy): void {
    if (running.exit !== undefined) return
    for (const timer of running.timers) timer.cancel()
    running.watchdog?.cancel()
    running.exit = { ...how, at: this.clock.now() }
    this.#watcher?.ended(running, by)
    const { instanceId, run } = running.launch
    this.listener?.(instanceId, run, running.exit)
  }

  /** Power fails: all that runs ends, and nobody sees how. */
  powerOff(): void {
    this.listener = undefined
    for (const process of this.processes.values()) {
      this.endNow(process, { code: null, signal: null }, 'machine')
    }
  }

  #endLater(running: MockProcess, ms: number, how: Omit<Exit, 'at'>, by: EndedBy): void {
    running.timers.push(this.clock.after(ms, () => this.endNow(running, how, by)))
  }

  #print(instanceId: string, stream: OutputStream, text: string): void {
    const key = `${instanceId} ${stream}`
    const before = this.output.get(key) ?? new Uint8Array()
    this.output.set(key, Buffer.concat([before, Buffer.from(text)]))
  }
}

/** Runs instances that do not exist, on the machine's clock, staging any failure. */
export class MockDriver implements InstanceDriver {
  readonly name = 'mock'
  readonly #machine: MockMachine

  constructor(machine: MockMachine) {
    this.#machine = machine
  }

  offers(): readonly DriverName[] {
    return ['process', 'mounts', 'limits']
  }

  throttled(): Throttled | undefined {
    return undefined
  }

  pull({ image }: ImageRef): Promise<void> {
    return Promise.reject(new Fault('image-unsupported', `${image} is an image`))
  }

  collect(): Promise<void> {
    return Promise.resolve()
  }

  onExit(listener: ExitListener): void {
    this.#machine.listener = listener
  }

  adopt(): Promise<readonly Adopted[]> {
    const now = this.#machine.clock.monotonic()
    const found = [...this.#machine.processes.values()]
    return Promise.resolve(found.map((process) => adoptedOf(process, now)))
  }

  async start(launch: Launch): Promise<Started> {
    const earlier = this.#machine.processes.get(launch.instanceId)?.launch.run ?? 0
    assert(earlier < launch.run, `${launch.instanceId} run ${launch.run} ran before`)
    for (const { id, name, begins } of launch.volumes ?? []) {
      const isHere = this.#machine.volumes.has(id)
      if (!isHere && !begins) throw new Fault('volume-lost', `volume ${name} (${id}) is not here`)
      this.#machine.volumes.add(id)
    }
    return { pid: this.#machine.start(launch).pid }
  }

  terminate(instanceId: string): Promise<void> {
    const process = this.#machine.processes.get(instanceId)
    if (process !== undefined && process.exit === undefined) this.#machine.terminate(process)
    return Promise.resolve()
  }

  end(instanceId: string): Promise<Exit | undefined> {
    const process = this.#machine.processes.get(instanceId)
    const killed = { code: null, signal: 'SIGKILL' }
    if (process !== undefined) this.#machine.endNow(process, killed, 'agent')
    return Promise.resolve(process?.exit)
  }

  probe(instanceId: string, probe: Probe, _timeoutMs: number): Promise<ProbeAnswer> {
    const process = this.#machine.processes.get(instanceId)
    const ok = process !== undefined && isHealthy(process, this.#machine.clock.monotonic())
    return Promise.resolve({ ok, because: `${probe.kind} check ${ok ? 'passed' : 'failed'}` })
  }

  get(instanceId: string, path: string, timeoutMs: number): Promise<ProbeAnswer> {
    return this.probe(instanceId, { kind: 'http', path }, timeoutMs)
  }

  /** Says the command back, and each input after it; exits with code 0 at the end of the input. */
  startExec(instanceId: string, command: readonly string[]): Promise<Exec> {
    const process = this.#machine.processes.get(instanceId)
    if (process === undefined || process.exit !== undefined) {
      const message = `${instanceId} does not run`
      return Promise.reject(new Fault('instance-not-running', message, { retry: 'never' }))
    }
    return Promise.resolve(echo(command))
  }

  portsHeld(from: number, to: number): Promise<readonly number[]> {
    const ports = [...this.#machine.processes.values()]
      .filter((process) => process.exit === undefined)
      .map((process) => process.launch.listen?.port ?? 0)
    return Promise.resolve(ports.filter((port) => port >= from && port <= to))
  }

  hasOutput(instanceId: string, stream: OutputStream, from: OutputPosition): boolean {
    return (this.#machine.output.get(`${instanceId} ${stream}`)?.length ?? 0) > from.byte
  }

  readOutput(
    instanceId: string,
    stream: OutputStream,
    from: OutputPosition,
    bytesMax: number,
  ): Promise<OutputChunk | undefined> {
    const output = this.#machine.output.get(`${instanceId} ${stream}`) ?? new Uint8Array()
    const bytes = output.subarray(from.byte, from.byte + bytesMax)
    if (bytes.length === 0) return Promise.resolve(undefined)
    const newlines = from.newlines + bytes.filter((byte) => byte === 10).length
    const next = { segment: from.segment, byte: from.byte + bytes.length, newlines }
    return Promise.resolve({ at: from, bytes, next })
  }

  leaseNow(): number {
    return this.#machine.clock.monotonic()
  }

  renew(instanceId: string, until: number): Promise<void> {
    const process = this.#machine.processes.get(instanceId)
    if (process !== undefined && process.exit === undefined) this.#machine.lease(process, until)
    return Promise.resolve()
  }

  /** Nothing but instances lives in a mock's area. */
  strays(): Promise<readonly Stray[]> {
    return Promise.resolve([])
  }

  endStray(): Promise<void> {
    return Promise.resolve()
  }

  discard(instanceId: string): Promise<void> {
    this.#machine.processes.delete(instanceId)
    this.#machine.output.delete(`${instanceId} stdout`)
    this.#machine.output.delete(`${instanceId} stderr`)
    return Promise.resolve()
  }

  hasVolume(id: string): Promise<boolean> {
    return Promise.resolve(this.#machine.volumes.has(id))
  }

  removeVolume(id: string): Promise<void> {
    this.#machine.volumes.delete(id)
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.#machine.listener = undefined
    return Promise.resolve()
  }
}

function echo(command: readonly string[]): Exec {
  const output = new PassThrough({ objectMode: true })
  const { promise: exited, resolve } = Promise.withResolvers<Pick<Exit, 'code' | 'signal'>>()
  const print = (bytes: Uint8Array): boolean => output.write({ stream: 'stdout', bytes })
  const end = (how: Pick<Exit, 'code' | 'signal'>): void => {
    output.end()
    resolve(how)
  }
  print(Buffer.from(`${command.join(' ')}\n`))
  return {
    output,
    exited,
    write: print,
    onDrain: (listener) => output.on('drain', listener),
    endInput: () => end({ code: 0, signal: null }),
    resize: () => {},
    hangUp: () => end({ code: null, signal: 'SIGHUP' }),
  }
}

function adoptedOf(process: MockProcess, now: number): Adopted {
  const { instanceId, run } = process.launch
  const { leaseUntil } = process
  const lease = leaseUntil === undefined ? {} : { leaseUntil }
  if (process.exit !== undefined) {
    return { instanceId, run, ...lease, process: { is: 'ended', exit: process.exit } }
  }
  const ageMs = now - process.startedAt
  return { instanceId, run, ...lease, process: { is: 'running', pid: process.pid, ageMs } }
}

function leaseExpired(instanceId: string): Fault {
  return new Fault('lease-expired', `the lease of ${instanceId} ran out before it had started`)
}

/** Whether a run passes its checks at a time of its machine's monotonic clock. */
export function isHealthy(process: MockProcess, now: number): boolean {
  const { staging, isStopping } = process
  const ageMs = now - process.startedAt
  if (process.exit !== undefined || isStopping || staging.neverHealthy === true) return false
  const { unhealthy } = staging
  if (unhealthy !== undefined && ageMs >= unhealthy.fromMs && ageMs < unhealthy.toMs) return false
  return ageMs >= (staging.readyAfterMs ?? 0)
}
