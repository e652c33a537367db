import type { Clock, Timer } from '../base/clock.ts'
import { Bug, Fault, messageOf, Refusal } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Adopted, Exit, InstanceDriver } from '../parts/instances/driver.ts'
import type { ObservedInstance } from '../parts/instances/model.ts'
import type { AssignedInstance } from '../wire/agent.ts'
import type { Taken, Wanted } from './artifact-cache.ts'
import { withResult } from './check-results.ts'
import { contentOf, mountedOf, type Content } from './content.ts'
import {
  freshFacts,
  freshRun,
  killedText,
  type Facts,
  type InstanceRecord,
} from './instance-facts.ts'
import { launchOf } from './launch.ts'
import {
  occupantOf,
  planInstance,
  type InstanceAction,
  type ProcessView,
  type Step,
} from './plan-instance.ts'
import type { Occupant, Room } from './room.ts'
import { bounded } from './sentences.ts'
import { warmUp } from './warm-up.ts'

/** What the runners of one agent share. */
export interface RunnerSurroundings {
  readonly nodeId: string
  /** Where instances listen: the node's address. */
  readonly address: string
  readonly driver: InstanceDriver
  /** Gives a directory to start in; an empty one for an image, once that is here. */
  readonly take: (content: Content, wanted: Wanted) => Promise<Taken>
  readonly clock: Clock
  readonly log: Log
  /** Keeps what the next agent has to know, before the instance goes on. */
  readonly save: (record: InstanceRecord) => Promise<void>
  /** An instance was ended by a signal that nobody here sent. */
  readonly onKilled: (instanceId: string, what: string) => void
  /** Whether it may start beside what runs here. */
  readonly room: (runner: InstanceRunner) => Room
  /** What is observed of an instance has changed. */
  readonly onChange: (observed: ObservedInstance) => void
}

/** So many failures in a row are taken for assets of earlier versions; then it starts without. */
const patientFailures = 2
/** An instance that could not be swept is swept again after this long, in ms. */
const sweepAgainMs = 1_000
/** How often a halt looks whether the process has ended, in ms. */
const haltPollMs = 20
/** One plan may lead to this many more at once; beyond it the planner goes round in circles. */
const stepsMax = 20

/** That it is to stop is written within this time, or later, in ms. */
const noteStopMsMax = 10_000

/** A check waits for an answer no longer than this, whatever the manifest says. */
const probeTimeoutMaxMs = 60_000

/** Refusals of an archive: its bytes are its digest's, so no other attempt ends differently. */
const finalCodes: ReadonlySet<string> = new Set([
  'archive-invalid',
  'archive-truncated',
  'archive-unsafe',
  'artifact-too-large',
])

/**
 * Runs one instance: asks the planner, does what it says, notes what comes of it, asks again.
 *
 * It decides nothing itself. All of its facts are written here and read by the planner alone.
 */
export class InstanceRunner {
  readonly id: string
  readonly #around: RunnerSurroundings
  readonly #facts: Facts
  #observed: ObservedInstance
  /** Where it starts, and where what it mounts is unpacked; empty: nowhere. */
  #places = { directory: '', mountsDirectory: '' }
  /** What the directory that it starts in is made of; undefined: it never had one. */
  #content: Content | undefined
  #startedAt = 0
  /** On the driver's clock of leases; undefined: none yet. */
  #leaseUntil: number | undefined
  /** It was told to stop, and that is being written. */
  #isToStop = false
  #halted = false
  #planning = false
  #timer: Timer | undefined

  constructor(around: RunnerSurroundings, record: InstanceRecord, adopted?: Adopted) {
    const now = around.clock.monotonic()
    this.id = record.assigned.instanceId
    this.#around = around
    this.#observed = record.observed
    this.#facts = freshFacts(record, now)
    const { artifact } = record.assigned
    const hasRun = adopted !== undefined || record.observed.runs > 0
    this.#content = record.content ?? (hasRun ? { artifact } : undefined)
    if (adopted !== undefined) this.#adopt(adopted, now)
  }

  /** The report's view of it. */
  get observed(): ObservedInstance {
    return this.#observed
  }

  get assigned(): AssignedInstance {
    return this.#facts.assigned
  }

  /** What it was started from last; undefined: it never was. */
  get content(): Content | undefined {
    return this.#content
  }

  /** Something of it runs or is about to; undefined: nothing takes room. */
  get occupant(): Occupant | undefined {
    const occupant = occupantOf(this.#facts)
    // That it is to stop may still be on its way to the disk.
    return occupant && { ...occupant, isWanted: occupant.isWanted && !this.#isToStop }
  }

  /** Over for good: nothing of it runs, nothing will. */
  get isOver(): boolean {
    return this.#facts.state === 'exited' || this.#facts.state === 'refused'
  }

  /** Takes what the server wants now; what was once told to stop never runs again. */
  assign(assigned: AssignedInstance, wanted: 'running' | 'stopped'): void {
    this.#facts.assigned = assigned
    if (wanted === 'stopped') this.stop()
    else this.poke()
  }

  /**
   * Stops it for good. That is on the disk before it is told: an agent that dies in between must not
   * start it again. A disk that hangs does not hold it up for long.
   */
  stop(): void {
    if (this.#facts.wanted === 'stopped') this.poke()
    else if (!this.#isToStop) void this.#stopNoted()
  }

  async #stopNoted(): Promise<void> {
    this.#isToStop = true
    const late = new AbortController()
    const timer = this.#around.clock.after(noteStopMsMax, () => late.abort())
    await Promise.race([this.#save(), aborted(late.signal)])
    timer.cancel()
    this.#facts.wanted = 'stopped'
    this.poke()
  }

  /**
   * The server has acknowledged a report: the lease of a singleton runs on, counted from when that
   * report was sent (rule 5 of docs/reference/rules.md). `sentAt` is on the driver's clock.
   */
  async renew(sentAt: number): Promise<void> {
    const { singleton } = this.assigned
    const until = sentAt + (singleton?.leaseMs ?? 0)
    if (singleton === undefined || until <= (this.#leaseUntil ?? 0)) return
    this.#leaseUntil = until
    if (this.#facts.process.is !== 'none') await this.#around.driver.renew(this.id, until)
    this.#facts.leaseUntil = this.#planTime(until)
    this.poke()
  }

  /** Hears from the driver that a run has ended. */
  ended(run: number, exit: Exit): void {
    if (run !== this.#observed.runs || this.#facts.process.is === 'ended') return
    this.#tellKilled(exit)
    this.#noteEnd(exit, false)
    this.poke()
  }

  /** Looks how often it was held back at its share of the cores. */
  lookAtThrottling(): void {
    if (!this.#runs()) return
    const told = this.#observed.throttled?.periods ?? 0
    const throttled = this.#around.driver.throttled(this.id)
    if (throttled !== undefined && throttled.periods !== told) this.#observe({ throttled })
  }

  /** What it was started from has been changed since: the server will let another take its place. */
  markAltered(): void {
    if (this.#facts.process.is !== 'running' || this.isOver) return
    this.#observe({ altered: true })
    void this.#save()
  }

  #tellKilled(exit: Exit): void {
    const what = this.#halted ? undefined : killedText(this.id, this.#facts, exit)
    if (what !== undefined) this.#around.onKilled(this.id, what)
  }

  /** Plans until there is nothing to do at this instant. */
  poke(): void {
    if (this.#halted || this.#planning) return
    this.#planning = true
    try {
      this.#plan()
    } finally {
      this.#planning = false
    }
  }

  /**
   * Ends its process tree without ending the instance: the next agent starts it again. For an
   * agent that takes its instances with it.
   */
  async halt(graceMsMax: number): Promise<void> {
    this.letGo()
    const { clock, driver } = this.#around
    while (this.#facts.busy === 'start') await clock.sleep(haltPollMs)
    if (this.#facts.process.is === 'running') {
      await driver.terminate(this.id)
      const graceMs = Math.min(this.assigned.stop.graceMs, graceMsMax)
      const killAt = clock.monotonic() + graceMs
      while (this.#runs() && clock.monotonic() < killAt) await clock.sleep(haltPollMs)
    }
    if (this.#facts.process.is !== 'none') await driver.end(this.id)
  }

  /** Plans no more; what runs goes on. */
  letGo(): void {
    this.#halted = true
    this.#timer?.cancel()
  }

  /** A moment on the driver's clock of leases, on the clock that plans go by. */
  #planTime(until: number): number {
    const { clock, driver } = this.#around
    const leftMs = until - driver.leaseNow()
    return clock.monotonic() + leftMs
  }

  /** Writes its record again. */
  restoreRecord(): Promise<void> {
    return this.#save()
  }

  #runs(): boolean {
    return this.#facts.process.is === 'running'
  }

  #adopt(adopted: Adopted, now: number): void {
    const { process, leaseUntil } = adopted
    // What has ended, seen by an agent or not, starts again under a lease of the server's own word.
    if (leaseUntil !== undefined && process.is === 'running') {
      this.#leaseUntil = leaseUntil
      this.#facts.leaseUntil = this.#planTime(leaseUntil)
    }
    this.#observed = { ...this.#observed, runs: Math.max(this.#observed.runs, adopted.run) }
    if (process.is === 'running') {
      this.#facts.process = { is: 'running', startedAt: now - process.ageMs }
      this.#startedAt = now - process.ageMs
      this.#observed = { ...this.#observed, pid: process.pid }
      // Its record could not be written before the start: a full disk.
      if (this.#facts.state === 'pulling') this.#facts.state = 'starting'
    } else {
      this.#facts.process = { is: 'ended', exit: process.exit, ranMs: null, swept: false }
      this.#observed = { ...this.#observed, pid: null, lastExit: process.exit }
      // A power cut took its record back, not what ran: what runs once has had its run.
      const ranOnce = this.assigned.purpose !== 'service'
      if (ranOnce && this.#facts.state === 'pulling') this.#facts.state = 'starting'
    }
  }

  #plan(): void {
    const { clock } = this.#around
    for (let steps = 0; steps < stepsMax; steps++) {
      const now = clock.monotonic()
      if (this.#facts.state === 'pulling') this.#facts.room = this.#around.room(this)
      const step = planInstance(this.#facts, now)
      const moved = step.state !== this.#facts.state
      this.#facts.failures = step.failures
      this.#facts.retryAt = step.retryAt
      if (moved) this.#enter(step, now)
      else if (step.because !== this.#facts.because) this.#tell(step.because)
      if (step.action !== null) this.#begin(step.action, now)
      if (!moved && step.action === null) {
        this.#timer?.cancel()
        if (step.wakeAt === null) return
        this.#timer = clock.after(step.wakeAt - now, () => this.poke())
        return
      }
    }
    throw new Bug(`the plan of ${this.id} comes to no end in state ${this.#facts.state}`)
  }

  #enter(step: Step, now: number): void {
    const facts = this.#facts
    this.#around.log.info('instance moved on', {
      instanceId: this.id,
      service: facts.assigned.service,
      from: facts.state,
      to: step.state,
      because: step.because,
    })
    facts.state = step.state
    facts.because = step.because
    facts.stateSince = now
    if (step.state === 'pulling') facts.artifact = { is: 'needed' }
    if (step.state === 'ready' && facts.readyAt === null) facts.readyAt = now
    this.#observe({
      state: step.state,
      because: bounded(step.because),
      since: this.#around.clock.now(),
      ...(step.timedOut === true ? { timedOut: true } : {}),
    })
    void this.#save()
  }

  /** The same state, but there is more to say of it: no news for the disk. */
  #tell(because: string): void {
    this.#facts.because = because
    this.#observe({ because: bounded(because) })
  }

  #begin(action: InstanceAction, now: number): void {
    const facts = this.#facts
    switch (action.do) {
      case 'terminate':
        facts.terminatedAt = now
        return this.#go(this.#around.driver.terminate(this.id))
      case 'probe':
        facts.lastProbeAt = now
        facts.probesUnderWay++
        return this.#go(this.#probe(now))
      case 'warm-up':
        facts.warmUp = 'under-way'
        return this.#go(this.#warmUp())
      case 'pull':
      case 'start':
      case 'end':
        facts.busy = action.do
        return this.#go(this.#exclusive(action.do))
    }
  }

  /** Lets an action run; its end is an event like any other. */
  #go(action: Promise<void>): void {
    action
      .catch((error: unknown) => {
        this.#around.log.warn('instance action failed', {
          instanceId: this.id,
          error: messageOf(error),
        })
      })
      .finally(() => this.poke())
  }

  async #exclusive(name: 'pull' | 'start' | 'end'): Promise<void> {
    try {
      if (name === 'pull') await this.#pull()
      else if (name === 'start') await this.#start()
      else await this.#end()
    } finally {
      this.#facts.busy = null
    }
  }

  async #pull(): Promise<void> {
    const wanted = this.#facts.failures < patientFailures ? 'all' : 'had'
    try {
      const taken = await this.#around.take(contentOf(this.assigned), wanted)
      const mounted = mountedOf(this.assigned)
      const beside = mounted && (await this.#around.take(mounted, 'all'))
      const { without, directory } = taken
      this.#places = { directory, mountsDirectory: beside?.directory ?? '' }
      this.#content = taken.content
      this.#facts.artifact = { is: 'here', ...(without === null ? {} : { without }) }
      if (without !== null) this.#warn('instance starts without some assets', without)
    } catch (error) {
      const because = `its ${'image' in this.assigned.artifact ? 'image' : 'artifact'} could not be pulled: ${messageOf(error)}`
      this.#facts.artifact = { is: 'failed', because }
      if (error instanceof Refusal && finalCodes.has(error.code)) this.#observe({ hopeless: true })
    }
  }

  async #start(): Promise<void> {
    const facts = this.#facts
    const run = this.#observed.runs + 1
    Object.assign(facts, freshRun())
    // Rule 10 of docs/reference/rules.md: what is told is what is started, not what is believed.
    this.#observe({
      runs: run,
      pid: null,
      warmedUp: null,
      ...(this.#content === undefined ? {} : { artifact: this.#content.artifact.digest }),
      ...(this.#observed.altered === true ? { altered: false } : {}),
    })
    await this.#save()
    try {
      const { nodeId, address, driver } = this.#around
      const terms = { nodeId, address, run, ...this.#places, leaseUntil: this.#leaseUntil }
      const { pid, remark } = await driver.start(launchOf(this.assigned, terms))
      if (remark !== undefined) this.#observe({ remark })
      this.#startedAt = this.#around.clock.monotonic()
      // Its end may have been told while the start was still being waited for.
      if (this.#processNow().is !== 'none') return
      facts.process = { is: 'running', startedAt: this.#startedAt }
      this.#observe({ pid })
    } catch (error) {
      const portTaken = error instanceof Fault && error.code === 'port-taken'
      facts.process = { is: 'failed', because: messageOf(error), portTaken }
    }
  }

  async #end(): Promise<void> {
    try {
      const exit = await this.#around.driver.end(this.id)
      const { process } = this.#facts
      if (process.is === 'ended') this.#facts.process = { ...process, swept: true }
      else if (exit !== undefined) this.#noteEnd(exit, true)
      else this.#facts.process = { is: 'none' }
    } catch (error) {
      this.#around.log.error('instance survives', { instanceId: this.id, error: messageOf(error) })
      await this.#around.clock.sleep(sweepAgainMs)
    }
  }

  async #probe(askedAt: number): Promise<void> {
    const { health } = this.assigned
    const run = this.#observed.runs
    if (health.probe.kind === 'none') return
    const timeoutMs = Math.min(health.timeoutMs, probeTimeoutMaxMs)
    const answer = await this.#around.driver.probe(this.id, health.probe, timeoutMs)
    if (run !== this.#observed.runs) return
    this.#facts.probesUnderWay--
    this.#facts.checks = withResult(this.#facts.checks, { askedAt, ...answer })
  }

  async #warmUp(): Promise<void> {
    const { warmup } = this.assigned
    const run = this.#observed.runs
    const isDue = (): boolean => run === this.#observed.runs && this.#facts.state === 'warming'
    if (warmup === null) return
    const { driver, clock } = this.#around
    const result = await warmUp(
      { paths: warmup.get, times: warmup.times },
      (path, timeoutMs) => driver.get(this.id, path, timeoutMs),
      clock,
      isDue,
    )
    if (!isDue()) return
    this.#facts.warmUp = 'done'
    this.#observe({ warmedUp: result })
  }

  #noteEnd(exit: Exit, swept: boolean): void {
    const { process } = this.#facts
    const ranMs = process.is === 'running' ? this.#around.clock.monotonic() - this.#startedAt : null
    this.#facts.process = { is: 'ended', exit, ranMs, swept }
    this.#observe({ pid: null, lastExit: exit })
  }

  #warn(what: string, because: string): void {
    this.#around.log.warn(what, { instanceId: this.id, because })
  }

  #processNow(): ProcessView {
    return this.#facts.process
  }

  #observe(change: Partial<ObservedInstance>): void {
    this.#observed = { ...this.#observed, ...change }
    this.#around.onChange(this.#observed)
  }

  async #save(): Promise<void> {
    const { assigned } = this.#facts
    const wanted = this.#isToStop ? 'stopped' : this.#facts.wanted
    try {
      const content = this.#content
      await this.#around.save({ assigned, wanted, observed: this.#observed, content })
    } catch (error) {
      // A full disk must not stop what can run without it; the next agent would adopt the process.
      this.#around.log.error('instance record not written', {
        instanceId: this.id,
        error: messageOf(error),
      })
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
