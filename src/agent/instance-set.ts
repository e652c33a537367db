import type { Adopted } from '../parts/instances/driver.ts'
import type { ObservedInstance } from '../parts/instances/model.ts'
import type { Resources } from '../parts/nodes/model.ts'
import type { AssignedInstance } from '../wire/agent.ts'
import {
  contentKey,
  contentOf,
  distinct,
  isOfArchive,
  mountedOf,
  type ArchiveContent,
  type Content,
} from './content.ts'
import { newlyObserved, type InstanceRecord } from './instance-facts.ts'
import { InstanceRunner, type RunnerSurroundings } from './instance-runner.ts'
import type { Printing } from './log-shipper.ts'
import { roomFor, type Room } from './room.ts'
import { isInstanceId, type RecordFiles } from './record-files.ts'

export interface InstanceSetOptions extends Omit<RunnerSurroundings, 'save' | 'room'> {
  /** What this machine gives to instances. */
  readonly capacity: Resources
  readonly records: RecordFiles
}

/** An ended instance whose directory is kept until its output is shipped. */
interface Dead {
  readonly assigned: AssignedInstance
  /** Monotonic ms. */
  readonly since: number
}

/** Output may still be on its way through its pipe this long after the end, in ms. */
const finalAfterMs = 1_000
/** Ended instances whose output waits for the server are kept this long, in ms. */
const deadKeptMs = 24 * 60 * 60 * 1_000
/** And no more than this many. */
const deadMax = 50

/**
 * The instances of this node: those assigned, those that run without being assigned (which are
 * stopped, but only on the server's word), and the dead whose output is still to be shipped.
 */
export class InstanceSet {
  readonly #options: InstanceSetOptions
  readonly #around: RunnerSurroundings
  readonly #runners = new Map<string, InstanceRunner>()
  /** What runs without a record: a full disk, or files that somebody removed. */
  readonly #strays = new Map<string, Adopted>()
  /** Ended here before, told to run again: answered, never started. */
  readonly #ghosts = new Map<string, ObservedInstance>()
  readonly #dead = new Map<string, Dead>()
  readonly #overSince = new Map<string, number>()
  /** Ids of the server's own last word; undefined until it has spoken. */
  #assignedIds: ReadonlySet<string> | undefined

  constructor(options: InstanceSetOptions) {
    this.#options = options
    this.#around = {
      ...options,
      save: (record) => options.records.save(record),
      room: (runner) => this.#roomFor(runner),
      onChange: (observed) => this.#changed(observed),
    }
  }

  /** Takes over what the agent before left. */
  async open(): Promise<void> {
    const { driver, records } = this.#options
    // Told once: an end during the adoption waits for the runner that it concerns.
    const early: (() => void)[] = []
    let isOpen = false
    driver.onExit((instanceId, run, exit) => {
      const tell = (): void => this.#runners.get(instanceId)?.ended(run, exit)
      if (isOpen) tell()
      else early.push(tell)
    })
    const saved = await records.load()
    const adopted = new Map((await driver.adopt()).map((one) => [one.instanceId, one]))
    for (const record of saved) {
      const { instanceId } = record.assigned
      const found = adopted.get(instanceId)
      adopted.delete(instanceId)
      this.#add(record, found)
      // Its end was noted, and yet it runs: whatever led there, it is not to.
      const hasEnded = records.hasEnded(instanceId)
      const isOver = hasEnded || this.#runners.get(instanceId)?.isOver === true
      if (isOver && found?.process.is === 'running') await this.#endSurvivor(instanceId)
      if (hasEnded) this.#layToRest(instanceId)
    }
    for (const [instanceId, stray] of adopted) this.#strays.set(instanceId, stray)
    isOpen = true
    for (const tell of early) tell()
    for (const runner of this.#runners.values()) runner.poke()
  }

  /** Makes the assignment so. Only the server's own word stops what is missing in it. */
  async apply(instances: readonly AssignedInstance[], isFromServer: boolean): Promise<void> {
    const ids = new Set<string>()
    for (const assigned of instances) {
      if (!isInstanceId(assigned.instanceId)) {
        this.#options.log.error('not an instance id', { instanceId: assigned.instanceId })
        continue
      }
      ids.add(assigned.instanceId)
      this.#assign(assigned)
    }
    if (!isFromServer) return
    this.#assignedIds = ids
    for (const [id, runner] of this.#runners) if (!ids.has(id)) runner.stop()
    for (const id of this.#ghosts.keys()) if (!ids.has(id)) this.#ghosts.delete(id)
    for (const id of this.#strays.keys()) await this.#endStray(id)
  }

  /** The server has renewed these leases, by a report that was sent at `sentAt`. */
  async renew(instanceIds: readonly string[], sentAt: number): Promise<void> {
    for (const instanceId of instanceIds) {
      try {
        await this.#runners.get(instanceId)?.renew(sentAt)
      } catch (error) {
        this.#options.log.error('lease not renewed', { instanceId, error: String(error) })
      }
    }
  }

  /** Looks how often each was held back at its share of the cores. */
  lookAtThrottling(): void {
    for (const runner of this.#runners.values()) runner.lookAtThrottling()
  }

  /** All that is to be reported. */
  observed(): readonly ObservedInstance[] {
    return [...[...this.#runners.values()].map((one) => one.observed), ...this.#ghosts.values()]
  }

  /** All whose output may be waiting. */
  printing(): readonly Printing[] {
    const now = this.#options.clock.monotonic()
    const isFinal = (since: number | undefined): boolean =>
      since !== undefined && now - since >= finalAfterMs
    const running = [...this.#runners.values()].map((runner) => ({
      assigned: runner.assigned,
      isFinal: isFinal(this.#overSince.get(runner.id)),
    }))
    const dead = [...this.#dead.values()].map(({ assigned, since }) => ({
      assigned,
      isFinal: isFinal(since),
    }))
    return [...running, ...dead]
  }

  /** Ports that instances of this node hold or are about to. */
  ownPorts(): ReadonlySet<number> {
    const living = [...this.#runners.values()].filter((runner) => !runner.isOver)
    return new Set(living.map((runner) => runner.assigned.port ?? 0))
  }

  /** Ids of all that have something on this node. */
  known(): ReadonlySet<string> {
    return new Set([...this.#runners.keys(), ...this.#strays.keys(), ...this.#dead.keys()])
  }

  /** The archives that what runs here was started from, with what was laid over them. */
  archivesInUse(): readonly ArchiveContent[] {
    const living = [...this.#runners.values()].filter((runner) => !runner.isOver)
    const contents = living.flatMap(({ content, assigned }) =>
      content === undefined ? [] : [content, mountedOf(assigned) ?? content],
    )
    return distinct(contents.filter(isOfArchive))
  }

  /** Marks what was started from a content that was altered; answers with their ids. */
  markAltered(altered: ArchiveContent): string[] {
    const key = contentKey(altered)
    const isOf = (content: Content | undefined): boolean =>
      content !== undefined && contentKey(content) === key
    const marked = [...this.#runners.values()].filter(
      ({ content, assigned, isOver }) => !isOver && [content, mountedOf(assigned)].some(isOf),
    )
    for (const runner of marked) runner.markAltered()
    return marked.map(({ id }) => id)
  }

  /** Writes again the records that somebody removed; answers with their ids. */
  async restoreRecords(): Promise<string[]> {
    const lost = await this.#options.records.lost()
    const restored = lost.filter((id) => this.#runners.has(id))
    for (const id of restored) await this.#runners.get(id)?.restoreRecord()
    return restored
  }

  /** Keys of all that something was started from, or is to be. */
  keysInUse(): ReadonlySet<string> {
    const contents = [...this.#runners.values()].flatMap(({ content, assigned }) => [
      ...(content === undefined ? [] : [content]),
      contentOf(assigned),
      mountedOf(assigned) ?? contentOf(assigned),
    ])
    return new Set(contents.map(contentKey))
  }

  /** Lets go of what is over, unassigned and told: it is kept for its output only. */
  retire(hasTold: (observed: ObservedInstance) => boolean): void {
    for (const [id, runner] of this.#runners) {
      const isWanted = this.#assignedIds === undefined || this.#assignedIds.has(id)
      if (isWanted || !runner.isOver || !hasTold(runner.observed)) continue
      const since = this.#overSince.get(id) ?? this.#options.clock.monotonic()
      this.#dead.set(id, { assigned: runner.assigned, since })
      this.#runners.delete(id)
      this.#overSince.delete(id)
    }
  }

  /**
   * Writes what is missing, and discards the dead whose output is shipped, is too old, or of which
   * there are too many.
   */
  async discard(
    isShipped: (instanceId: string) => boolean,
    forget: (instanceId: string) => Promise<void>,
  ): Promise<void> {
    await this.#options.records.settle()
    const now = this.#options.clock.monotonic()
    let tooMany = this.#dead.size - deadMax
    for (const [id, { since }] of this.#dead) {
      const isDone = now - since >= finalAfterMs && isShipped(id)
      if (!isDone && now - since < deadKeptMs && tooMany <= 0) continue
      tooMany--
      await this.#options.driver.discard(id)
      await this.#options.records.forget(id)
      await forget(id)
      this.#dead.delete(id)
    }
  }

  /** Whether anything is over and not yet let go of: without it there is nothing to tend. */
  get hasEnded(): boolean {
    return this.#overSince.size > 0 || this.#dead.size > 0 || !this.#options.records.isSettled
  }

  /** Plans no more; what runs goes on without an agent. */
  letGo(): void {
    for (const runner of this.#runners.values()) runner.letGo()
  }

  /** Ends all processes; the next agent starts them again. */
  async halt(graceMsMax: number): Promise<void> {
    this.letGo()
    await Promise.all([...this.#runners.values()].map((runner) => runner.halt(graceMsMax)))
  }

  #roomFor(runner: InstanceRunner): Room {
    const others = [...this.#runners.values()].filter((other) => other !== runner)
    const occupants = others.map(({ occupant }) => occupant).filter((one) => one !== undefined)
    return roomFor(runner.assigned, occupants, this.#options.capacity)
  }

  #assign(assigned: AssignedInstance): void {
    const { instanceId, desired } = assigned
    const runner = this.#runners.get(instanceId)
    if (runner !== undefined) return runner.assign(assigned, desired)
    if (this.#options.records.hasEnded(instanceId)) return this.#addGhost(instanceId)
    const observed = newlyObserved(instanceId, this.#options.clock.now())
    const stray = this.#strays.get(instanceId)
    this.#strays.delete(instanceId)
    this.#add({ assigned, wanted: desired, observed }, stray)
    this.#options.onChange(observed)
    this.#runners.get(instanceId)?.poke()
  }

  #add(record: InstanceRecord, adopted: Adopted | undefined): void {
    const runner = new InstanceRunner(this.#around, record, adopted)
    this.#runners.set(runner.id, runner)
    if (!runner.isOver) return
    this.#overSince.set(runner.id, this.#options.clock.monotonic())
  }

  /** Rule 2 of docs/reference/rules.md: an id never starts twice on a node, whoever says so. */
  #addGhost(instanceId: string): void {
    if (this.#ghosts.has(instanceId)) return
    const ghost: ObservedInstance = {
      ...newlyObserved(instanceId, this.#options.clock.now()),
      state: 'exited',
      because: 'ended on this node before: an instance never starts twice',
    }
    this.#ghosts.set(instanceId, ghost)
    this.#options.onChange(ghost)
  }

  async #endStray(instanceId: string): Promise<void> {
    const { log, driver } = this.#options
    log.warn('ending what runs unassigned', { instanceId })
    try {
      await driver.end(instanceId)
      await driver.discard(instanceId)
      this.#strays.delete(instanceId)
    } catch (error) {
      // An engine that does not answer must not hold up what it has nothing to do with.
      log.error('what is unassigned runs on', { instanceId, error: String(error) })
    }
  }

  /** What has ended for good does not run, whoever started it again. */
  async #endSurvivor(instanceId: string): Promise<void> {
    const { log, driver } = this.#options
    await driver.end(instanceId).catch((error: unknown) => {
      log.error('what has ended runs on', { instanceId, error: String(error) })
    })
  }

  #changed(observed: ObservedInstance): void {
    const { instanceId } = observed
    const isOver = this.#runners.get(instanceId)?.isOver === true
    if (isOver && !this.#overSince.has(instanceId)) {
      this.#overSince.set(instanceId, this.#options.clock.monotonic())
      void this.#bury(instanceId)
    }
    this.#options.onChange(observed)
  }

  /** A crash of the machine takes records back, never tombstones: it has ended, whatever they say. */
  #layToRest(instanceId: string): void {
    const runner = this.#runners.get(instanceId)
    if (runner === undefined || runner.isOver) return
    this.#runners.delete(instanceId)
    this.#dead.set(instanceId, {
      assigned: runner.assigned,
      since: this.#options.clock.monotonic(),
    })
  }

  async #bury(instanceId: string): Promise<void> {
    try {
      await this.#options.records.bury(instanceId)
    } catch (error) {
      // Written again as soon as the disk takes it: until then its record says the same.
      this.#options.log.error('tombstone not written', { instanceId, error: String(error) })
    }
  }
}
