import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Disk } from '../base/disk.ts'
import { Refusal, messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { backoffMs, callBackoff } from '../base/retry.ts'
import type { InstanceDriver, OutputPosition, OutputStream } from '../parts/instances/driver.ts'
import type { AssignedInstance, LogBatch } from '../wire/agent.ts'
import {
  isSame,
  readBytesMax,
  readLines,
  streamStart,
  type ReadLines,
  type StreamPlace,
} from './log-reader.ts'
import { foreignInstanceOf, type ServerClient } from './server-client.ts'

/** An instance whose output is to be shipped. */
export interface Printing {
  readonly assigned: AssignedInstance
  /** It has ended a moment ago or longer: nothing more will be printed. */
  readonly isFinal: boolean
}

export interface LogShipperOptions {
  readonly driver: InstanceDriver
  readonly client: Pick<ServerClient, 'ship'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly disk: Disk
  /** How often output is looked for, in ms; `pollEveryMs` where nothing else is said. */
  readonly pollEveryMs?: number | undefined
  /** Where the positions are kept. */
  readonly directory: string
  readonly printing: () => readonly Printing[]
  /** The server does not know this node. */
  readonly onUnknown: () => void
}

type Streams<Value> = Readonly<Record<OutputStream, Value>>
type Batch = LogBatch['batches'][number]

/** How far an instance's output has come; kept in a file, so that the next agent goes on there. */
interface Position {
  /** Lines that were acknowledged, and so the number of the next one. */
  readonly offset: number
  /** Up to where those lines go. */
  readonly from: Streams<StreamPlace>
  /** Where the batch ends that was about to be sent: it may have arrived. */
  readonly sending: Streams<StreamPlace> | null
}

interface Shipped {
  position: Position
  /** Up to where it was read: what lies between the two is a line without its end. */
  seen: Streams<OutputPosition>
  /** Lines lost since the last acknowledged batch. */
  lost: number
}

/** A batch of one instance, and what is so once it is acknowledged. */
interface Gathered {
  readonly instanceId: string
  readonly batch: Batch
  readonly state: Shipped
  readonly next: Position
  readonly seen: Streams<OutputPosition>
}

/** Output is looked for this often: a line is with the server within 300 ms. */
const pollEveryMs = 250
/** Bytes of one request; as JSON six times that at the worst, which the server still takes. */
const requestBytesMax = 131_072
/** What a line costs in a request beside its text. */
const lineBytes = 64
const streams = ['stdout', 'stderr'] as const

/**
 * Ships what instances print: in order, in batches, each line once.
 *
 * The files of the driver are the spool. The end of a batch is noted before it is sent, and the
 * server passes over lines that it has by their number; so the batch that a dying agent may or may
 * not have sent is sent again, line for line.
 */
export class LogShipper {
  readonly #options: LogShipperOptions
  readonly #states = new Map<string, Shipped>()
  #turn = 0
  /** Bytes were passed over that belong to no line. */
  #hasSkipped = false
  #wake: () => void = () => {}

  constructor(options: LogShipperOptions) {
    this.#options = options
  }

  /** Ships until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log, pollEveryMs: everyMs = pollEveryMs } = this.#options
    await this.#options.disk.makeFolder(this.#options.directory)
    signal.addEventListener('abort', () => this.#wake(), { once: true })
    for (let failures = 0; !signal.aborted;) {
      try {
        const shippedSome = await this.shipOnce(signal)
        failures = 0
        if (shippedSome) continue
        if (this.#options.printing().length > 0) await clock.sleep(everyMs, signal)
        else await this.#poked(signal)
      } catch (error) {
        if (signal.aborted) return
        failures++
        if (failures === 1) log.warn('logs wait for the server', { error: messageOf(error) })
        if (error instanceof Refusal && error.status === 404) this.#options.onUnknown()
        await clock.sleep(backoffMs(callBackoff, failures, random), signal).catch(() => {})
      }
    }
  }

  /** There may be an instance to look at: a node without any is not looked at again and again. */
  poke(): void {
    this.#wake()
  }

  #poked(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      this.#wake = resolve
    })
  }

  /** Sends one request with what there is; false when nothing was left to read. */
  async shipOnce(signal: AbortSignal): Promise<boolean> {
    this.#hasSkipped = false
    const gathered = await this.#gather()
    if (gathered.length === 0) return this.#hasSkipped
    for (const { instanceId, state, next } of gathered) {
      await this.#note(instanceId, { ...state.position, sending: next.from })
    }
    const refused = await this.#send(gathered, signal)
    for (const { instanceId, state, next, seen, batch } of gathered) {
      const isRefused = refused === 'all' || refused === instanceId
      // Those that came along with a refused one are sent again without it.
      if (refused !== undefined && !isRefused) continue
      const count = batch.lines.length
      state.seen = seen
      state.position = isRefused ? { ...next, offset: next.offset - count } : next
      state.lost = isRefused ? batch.lost + count : 0
    }
    return true
  }

  /** Says whose lines the server will never take: they would hold up all that follow. */
  async #send(gathered: readonly Gathered[], signal: AbortSignal): Promise<string | undefined> {
    try {
      await this.#options.client.ship({ batches: gathered.map(({ batch }) => batch) }, signal)
      return undefined
    } catch (error) {
      const foreign = foreignInstanceOf(error)
      if (foreign === undefined && !isHopeless(error)) throw error
      this.#options.log.error('log batch refused', { error: messageOf(error) })
      return foreign ?? 'all'
    }
  }

  /** Whether all that the instance ever printed has been acknowledged. */
  isDone(instanceId: string): boolean {
    const state = this.#states.get(instanceId)
    if (state === undefined || state.position.sending !== null) return false
    return streams.every(
      (stream) =>
        isSame(state.position.from[stream].position, state.seen[stream]) &&
        !this.#options.driver.hasOutput(instanceId, stream, state.seen[stream]),
    )
  }

  /** Forgets an instance whose output is discarded. */
  async forget(instanceId: string): Promise<void> {
    this.#states.delete(instanceId)
    await this.#options.disk.remove(this.#pathOf(instanceId))
  }

  /** Takes turns, so that one that prints without end does not keep the others waiting. */
  async #gather(): Promise<Gathered[]> {
    const printing = this.#options.printing()
    const gathered: Gathered[] = []
    let room = requestBytesMax
    const first = printing.length === 0 ? 0 : this.#turn % printing.length
    for (const one of [...printing.slice(first), ...printing.slice(0, first)]) {
      if (room < readBytesMax * streams.length) break
      const found = await this.#gatherOne(one)
      this.#turn++
      if (found === undefined) continue
      gathered.push(found)
      room -= found.batch.lines.reduce((sum, line) => sum + line.text.length + lineBytes, 0)
    }
    return gathered
  }

  async #gatherOne(one: Printing): Promise<Gathered | undefined> {
    const { instanceId } = one.assigned
    const state = this.#states.get(instanceId) ?? (await this.#load(instanceId))
    this.#states.set(instanceId, state)
    const { position } = state
    const lines: Batch['lines'] = []
    const places = { ...position.from }
    const seen = { ...state.seen }
    let { lost } = state
    for (const stream of streams) {
      if (!this.#isWorthReading(one, state, stream)) continue
      const read = await this.#read(one, position, stream)
      const at = this.#options.clock.now()
      for (const { text, cut } of read.lines) {
        lines.push({ at, stream, text, ...(cut ? { cut } : {}) })
      }
      if (!isSame(read.place.position, position.from[stream].position)) {
        places[stream] = read.place
        lost += read.lost
      }
      seen[stream] = read.seen
    }
    const next: Position = { offset: position.offset + lines.length, from: places, sending: null }
    if (lines.length > 0) {
      return { instanceId, state, next, seen, batch: batchOf(one.assigned, position, lost, lines) }
    }
    // The rest of a line that was cut, or a line without its end: nothing to be acknowledged.
    this.#hasSkipped ||= streams.some((stream) => places[stream] !== position.from[stream])
    Object.assign(state, { position: next, seen, lost })
    return undefined
  }

  #read(one: Printing, position: Position, stream: OutputStream): Promise<ReadLines> {
    const until = position.sending?.[stream].position
    return readLines(this.#options.driver, one.assigned.instanceId, stream, {
      from: position.from[stream],
      isFinal: until !== undefined || one.isFinal,
      ...(until === undefined ? {} : { until }),
    })
  }

  #isWorthReading(one: Printing, state: Shipped, stream: OutputStream): boolean {
    const from = state.position.from[stream].position
    if (state.position.sending !== null) return true
    const seen = state.seen[stream]
    if (one.isFinal && !isSame(from, seen)) return true
    return this.#options.driver.hasOutput(one.assigned.instanceId, stream, seen)
  }

  async #load(instanceId: string): Promise<Shipped> {
    const path = this.#pathOf(instanceId)
    const text = await this.#options.disk.read(path).catch(() => undefined)
    const position = (text === undefined ? undefined : parsePosition(text)) ?? {
      offset: 0,
      from: { stdout: streamStart, stderr: streamStart },
      sending: null,
    }
    const { stdout, stderr } = position.from
    return { position, seen: { stdout: stdout.position, stderr: stderr.position }, lost: 0 }
  }

  async #note(instanceId: string, position: Position): Promise<void> {
    await this.#options.disk.note(this.#pathOf(instanceId), JSON.stringify(position))
  }

  #pathOf(instanceId: string): string {
    return join(this.#options.directory, `${instanceId}.json`)
  }
}

function isHopeless(error: unknown): boolean {
  return error instanceof Refusal && [400, 413, 422].includes(error.status)
}

function batchOf(
  assigned: AssignedInstance,
  { offset }: Position,
  lost: number,
  lines: Batch['lines'],
): Batch {
  const { instanceId, at, service, releaseId } = assigned
  return { instanceId, at, service, releaseId, offset, lost, lines }
}

function parsePosition(text: string): Position | undefined {
  try {
    // Written by ourselves, by rename: what parses is whole.
    return JSON.parse(text) as Position
  } catch {
    return undefined
  }
}
