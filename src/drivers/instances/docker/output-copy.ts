import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../../base/clock.ts'
import type { OutputStream } from '../../../parts/instances/driver.ts'
import { newestSegment } from '../shared/output-files.ts'
import type { Engine } from './engine.ts'
import { FrameReader, type Frame } from './frames.ts'
import { OutputWriter, type WritePlace } from './output-writer.ts'

/**
 * Copies what a container prints from the engine's log into files of ours, so that a position in
 * it holds whatever happens to agent and engine: each entry of the engine's log is written once.
 *
 * After each batch the place of both streams and the newest entry's time are noted, by rename. The
 * next copy cuts off what was written behind that note, asks the engine for what came since, and
 * passes over as many entries of that very time as were copied (the pieces of a long line share it).
 */

/** How far one stream is copied. */
interface Copied {
  readonly place: WritePlace
  /** Of the newest entry, as the engine writes it; empty before the first. */
  readonly at: string
  /** Entries of that time. */
  readonly count: number
}

type Progress = Readonly<Record<OutputStream, Copied>>

export interface CopyOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly containerId: string
  readonly run: number
  /** Where the files of its instance lie. */
  readonly home: string
  /** Whether it runs; undefined: the engine does not say now. */
  readonly isRunning: () => Promise<boolean | undefined>
  readonly signal: AbortSignal
}

/** What failed is tried again after this long, in ms. */
const againMs = 500

/**
 * Follows a container's output until it has ended and all of it is here, or the signal aborts. It
 * never fails: what is in the way (a full disk, an engine that is gone) is tried again, from the
 * last note on; meanwhile the engine keeps what was printed.
 */
export async function copyOutput(options: CopyOptions): Promise<void> {
  const { clock, signal } = options
  let copy: OutputCopy | undefined
  while (!signal.aborted) {
    const wasRunning = await options.isRunning().catch(() => undefined)
    try {
      copy ??= await OutputCopy.open(options)
      const isWhole = await copy.take(wasRunning !== false)
      // What had ended before it was read to its end has nothing more to say.
      if (isWhole && wasRunning === false) return await copy.finish()
      if (isWhole && wasRunning !== undefined) continue
    } catch {
      // Half of a batch may be written: the next copy cuts it off.
      copy = undefined
    }
    await clock.sleep(againMs, signal).catch(() => {})
  }
}

class OutputCopy {
  readonly #options: CopyOptions
  readonly #writers: Readonly<Record<OutputStream, OutputWriter>>
  #progress: Progress

  private constructor(
    options: CopyOptions,
    writers: Readonly<Record<OutputStream, OutputWriter>>,
    progress: Progress,
  ) {
    this.#options = options
    this.#writers = writers
    this.#progress = progress
  }

  static async open(options: CopyOptions): Promise<OutputCopy> {
    const { home } = options
    const progress = (await readProgress(options)) ?? {
      stdout: await beginning(home, 'stdout'),
      stderr: await beginning(home, 'stderr'),
    }
    const writers = {
      stdout: await OutputWriter.open(home, 'stdout', progress.stdout.place),
      stderr: await OutputWriter.open(home, 'stderr', progress.stderr.place),
    }
    return new OutputCopy(options, writers, progress)
  }

  /** Copies what the engine has and, following, what comes; true: the engine had no more. */
  async take(follow: boolean): Promise<boolean> {
    const { engine, containerId, signal } = this.#options
    const since = sinceOf(this.#progress)
    const query = {
      stdout: '1',
      stderr: '1',
      timestamps: '1',
      follow: follow ? '1' : '0',
      ...(since === undefined ? {} : { since }),
    }
    const path = `/containers/${containerId}/logs`
    const log = await engine.stream({ method: 'GET', path, query }, signal)
    return this.#copy(log)
  }

  async #copy(log: IncomingMessage): Promise<boolean> {
    const reader = new FrameReader()
    const skipped: Record<OutputStream, number> = { stdout: 0, stderr: 0 }
    const before = this.#progress
    for await (const chunk of log) {
      const frames = reader.read(chunk as Buffer)
      await this.#write(frames, before, skipped)
    }
    return log.complete
  }

  async #write(
    frames: readonly Frame[],
    before: Progress,
    skipped: Record<OutputStream, number>,
  ): Promise<void> {
    const next: Record<OutputStream, Copied> = { ...this.#progress }
    const pieces: Record<OutputStream, Buffer[]> = { stdout: [], stderr: [] }
    for (const { stream, bytes } of frames) {
      const space = bytes.indexOf(blank)
      const at = bytes.toString('latin1', 0, space)
      const known = before[stream]
      if (at < known.at) continue
      if (at === known.at && skipped[stream] < known.count) {
        skipped[stream]++
        continue
      }
      pieces[stream].push(bytes.subarray(space + 1))
      const count = at === next[stream].at ? next[stream].count + 1 : 1
      next[stream] = { ...next[stream], at, count }
    }
    for (const stream of ['stdout', 'stderr'] as const) {
      await this.#writers[stream].append(Buffer.concat(pieces[stream]))
      next[stream] = { ...next[stream], place: this.#writers[stream].place }
    }
    this.#progress = next
    await this.#note()
  }

  async finish(): Promise<void> {
    for (const stream of ['stdout', 'stderr'] as const) {
      await this.#writers[stream].finish()
      const place = this.#writers[stream].place
      this.#progress = { ...this.#progress, [stream]: { ...this.#progress[stream], place } }
    }
    await this.#note()
  }

  async #note(): Promise<void> {
    const path = notePath(this.#options)
    await writeFile(`${path}.new`, JSON.stringify(this.#progress))
    await rename(`${path}.new`, path)
  }
}

const blank = 32

function notePath({ home, run }: Pick<CopyOptions, 'home' | 'run'>): string {
  return join(home, `copied.${run}`)
}

async function readProgress(options: CopyOptions): Promise<Progress | undefined> {
  try {
    // Written by ourselves, by rename: what parses is whole.
    return JSON.parse(await readFile(notePath(options), 'utf8')) as Progress
  } catch {
    return undefined
  }
}

/** A new run goes on behind what the one before it printed. */
async function beginning(home: string, stream: OutputStream): Promise<Copied> {
  const segment = newestSegment(home, stream)
  const { size } = await stat(join(home, `${stream}.${segment}`)).catch(() => ({ size: 0 }))
  return { place: { segment, bytes: size }, at: '', count: 0 }
}

/** Seconds and their nanoseconds of the older of both streams; undefined: from the beginning. */
function sinceOf({ stdout, stderr }: Progress): string | undefined {
  const times = [stdout.at, stderr.at]
  if (times.includes('')) return undefined
  const [oldest = ''] = times.toSorted()
  const nanoseconds = /\.(\d+)/.exec(oldest)?.[1] ?? '0'
  return `${Math.floor(Date.parse(oldest) / 1_000)}.${nanoseconds.padEnd(9, '0')}`
}
