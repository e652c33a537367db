import {
  isHealthy,
  MockMachine,
  type EndedBy,
  type MockProcess,
  type Staging,
} from '../src/drivers/instances/mock/mock-driver.ts'
import type { Launch } from '../src/parts/instances/driver.ts'
import { SimDisk } from './disk.ts'
import type { MachineClock } from './machine-clock.ts'
import type { Machine, SimEvent, SimProcess } from './view.ts'

export interface SimMachineOptions {
  readonly nodeId: string
  readonly zone: string
  readonly clock: MachineClock
  readonly capacity: Machine['capacity']
  readonly stage: (launch: Launch) => Staging
  /** True time. */
  readonly now: () => number
  readonly tell: (event: SimEvent) => void
  /** Hears of each start, before anybody else. */
  readonly onStarted: (process: RunningProcess) => void
}

/** A node's machine: its clock, its disk, and what truly runs on it, whoever believes what. */
export class SimMachine implements Machine {
  readonly nodeId: string
  readonly zone: string
  readonly clock: MachineClock
  readonly capacity: Machine['capacity']
  readonly disk = new SimDisk()
  readonly mock: MockMachine
  readonly processes = new Map<string, RunningProcess>()
  boot = 1
  hasForgotten = false
  isUp = true
  isFrozen = false
  thawedAt: number | undefined
  readonly #options: SimMachineOptions
  readonly #byPort = new Map<number, RunningProcess>()

  constructor(options: SimMachineOptions) {
    const { nodeId, zone, clock, capacity, stage } = options
    this.#options = options
    this.nodeId = nodeId
    this.zone = zone
    this.clock = clock
    this.capacity = capacity
    const mockClock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: () => Promise.reject(new Error('instances do not sleep')),
      after: (ms: number, callback: () => void) => clock.after(ms, callback),
    }
    this.mock = new MockMachine(mockClock, stage, {
      started: (process) => this.#started(process),
      stopping: (process) => this.processes.get(process.launch.instanceId)?.look(),
      ended: (process, by) => this.#ended(process, by),
    })
  }

  /** The process that listens on a port. */
  listenerOn(port: number): RunningProcess | undefined {
    return this.#byPort.get(port)
  }

  freeze(): void {
    this.isFrozen = true
    this.clock.freeze()
  }

  thaw(): void {
    this.isFrozen = false
    this.thawedAt = this.#options.now()
    this.clock.thaw()
  }

  powerOff(): void {
    if (this.isFrozen) this.thaw()
    this.isUp = false
    this.mock.powerOff()
    this.hasForgotten = this.disk.hasRefused
    this.disk.crash()
  }

  powerOn(): void {
    this.boot++
    this.isUp = true
  }

  /** Kills one instance's process, as the kernel does when memory runs out. */
  kill(instanceId: string): void {
    const process = this.mock.processes.get(instanceId)
    if (process === undefined) return
    this.mock.endNow(process, { code: null, signal: 'SIGKILL' }, 'itself')
  }

  #started(mock: MockProcess): void {
    const { tell, onStarted } = this.#options
    const process = new RunningProcess(this, mock, this.#options)
    this.processes.set(process.instanceId, process)
    if (process.port !== null) this.#byPort.set(process.port, process)
    onStarted(process)
    tell({ is: 'process-started', process })
    process.watch()
  }

  #ended(mock: MockProcess, by: EndedBy): void {
    const process = this.processes.get(mock.launch.instanceId)
    if (process === undefined || process.mock !== mock) return
    const { port } = process
    if (port !== null && this.#byPort.get(port) === process) this.#byPort.delete(port)
    process.end()
    const { code, signal } = mock.exit ?? { code: null, signal: null }
    const because = signal ?? (code === null ? 'its machine went down' : `exit code ${code}`)
    this.#options.tell({ is: 'process-ended', process, because, by })
  }
}

/** One run of an instance, as it truly is. */
export class RunningProcess implements SimProcess {
  readonly instanceId: string
  readonly nodeId: string
  readonly boot: number
  readonly run: number
  readonly port: number | null
  readonly epoch: number | undefined
  readonly startedAt: number
  readonly mock: MockProcess
  isHealthy = false
  isRunning = true
  /** It lets every caller wait. */
  isHung = false
  endedAt: number | undefined
  readonly #machine: SimMachine
  readonly #options: Pick<SimMachineOptions, 'now' | 'tell'>
  readonly #onEnd = new Set<() => void>()

  constructor(
    machine: SimMachine,
    mock: MockProcess,
    options: Pick<SimMachineOptions, 'now' | 'tell'>,
  ) {
    const { launch } = mock
    const epoch = launch.env['ROADSTEAD_EPOCH']
    this.#machine = machine
    this.#options = options
    this.mock = mock
    this.instanceId = launch.instanceId
    this.nodeId = machine.nodeId
    this.boot = machine.boot
    this.run = launch.run
    this.port = launch.listen?.port ?? null
    this.epoch = epoch === undefined ? undefined : Number(epoch)
    this.startedAt = options.now()
  }

  get isStopping(): boolean {
    return this.mock.isStopping
  }

  /** Looks at its health whenever it is staged to change. */
  watch(): void {
    const { readyAfterMs = 0, unhealthy } = this.mock.staging
    const ages = [readyAfterMs, unhealthy?.fromMs ?? 0, unhealthy?.toMs ?? 0]
    for (const age of new Set(ages)) this.#machine.clock.after(age + 0.01, () => this.look())
  }

  /** Notes whether it serves now. */
  look(): void {
    const serves =
      this.isRunning && !this.isHung && isHealthy(this.mock, this.#machine.clock.monotonic())
    if (serves === this.isHealthy) return
    this.isHealthy = serves
    this.#options.tell({ is: 'process-health', process: this })
  }

  /** Calls back when it ends; returns the way to stop. */
  onEnd(callback: () => void): () => void {
    this.#onEnd.add(callback)
    return () => this.#onEnd.delete(callback)
  }

  end(): void {
    this.isRunning = false
    this.isHealthy = false
    this.endedAt = this.#options.now()
    for (const callback of this.#onEnd) callback()
  }
}
