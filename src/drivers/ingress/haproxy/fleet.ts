import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { messageOf } from '../../../base/errors.ts'
import type { Log } from '../../../base/log.ts'
import { bounds } from './bounds.ts'
import { startOf } from './machine.ts'
import { mapText, type Files, type MapContents } from './maps.ts'
import type { LogRecord } from './outcome.ts'
import { HaproxyProcess } from './process.ts'

/** A path of a socket may be 108 bytes long at most. */
const socketPathMax = 80

export interface FleetOptions {
  readonly folder: string
  readonly binary: string
  readonly clock: Clock
  readonly log: Log
  /** A process tells of a request that has ended. */
  readonly onRecord: (record: LogRecord) => void
  /** A process ended; `wasServing`: though it was the one that serves. */
  readonly onExit: (process: HaproxyProcess, wasServing: boolean) => void
}

/** The processes: the one that serves, and those before it that end with their last connections. */
export class Fleet {
  readonly #options: FleetOptions
  readonly #sockets: string
  #serving: HaproxyProcess | undefined
  #stopping: HaproxyProcess[] = []
  #count = 0
  #isClosing = false

  constructor(options: FleetOptions) {
    this.#options = options
    mkdirSync(options.folder, { recursive: true, mode: 0o700 })
    const isLong = options.folder.length > socketPathMax
    this.#sockets = isLong ? mkdtempSync(join(tmpdir(), 'roadstead-')) : options.folder
    this.#endLeftOver()
  }

  get serving(): HaproxyProcess | undefined {
    return this.#serving
  }

  get all(): readonly HaproxyProcess[] {
    return [...this.#stopping, ...(this.#serving === undefined ? [] : [this.#serving])]
  }

  /** The number that the next process will have. */
  get next(): number {
    return this.#count
  }

  /** Where the files of the next process lie. */
  files(): Files {
    const { folder } = this.#options
    return {
      config: join(folder, `haproxy-${this.#count}.cfg`),
      lua: join(folder, 'roadstead.lua'),
      runtimeSocket: join(this.#sockets, `${this.#count}.sock`),
      map: (mapping) => join(folder, `${mapping}.map`),
    }
  }

  /**
   * Starts a process with this configuration in place of the one that serves, which goes on if it
   * does not start. Fault `haproxy-unusable`.
   */
  async start(config: string, lua: string, maps: MapContents): Promise<void> {
    const { binary, clock } = this.#options
    const files = this.files()
    const number = this.#count++
    writeFileSync(files.config, config, { mode: 0o600 })
    writeFileSync(files.lua, lua, { mode: 0o600 })
    for (const [mapping, entries] of maps) writeFileSync(files.map(mapping), mapText(entries))
    rmSync(files.runtimeSocket, { force: true })
    const before = this.#serving
    const started = await HaproxyProcess.start({
      binary,
      config: files.config,
      runtimeSocket: files.runtimeSocket,
      number,
      before,
      clock,
      onRecord: this.#options.onRecord,
      onExit: (process) => this.#ended(process),
    })
    if (this.#isClosing) return started.kill()
    this.#serving = started
    if (before !== undefined && !before.hasEnded) this.#stopping.push(before)
    if (this.#stopping.length > bounds.stoppingMax) this.#stopping[0]?.kill()
    this.#note()
  }

  /** Runs commands in all processes; gives what the one that serves objects to. */
  async run(commands: readonly string[]): Promise<string[]> {
    const old = this.#stopping.map((process) => process.run(commands).catch(() => []))
    const said = this.#serving === undefined ? [] : await this.#serving.run(commands)
    await Promise.all(old)
    return said
  }

  /** Lets go of stopping processes that serve nobody any more. */
  async tidy(): Promise<void> {
    await Promise.all(this.#stopping.map((process) => process.release().catch(() => {})))
  }

  /** Accepts nothing new from here on. */
  stop(): void {
    this.#isClosing = true
    for (const process of this.all) process.stop()
  }

  kill(): void {
    for (const process of this.all) process.kill()
    if (this.#sockets !== this.#options.folder) {
      rmSync(this.#sockets, { recursive: true, force: true })
    }
  }

  #ended(process: HaproxyProcess): void {
    const wasServing = this.#serving === process
    if (wasServing) this.#serving = undefined
    this.#stopping = this.#stopping.filter((other) => other !== process)
    const files = [`haproxy-${process.number}.cfg`].map((name) => join(this.#options.folder, name))
    for (const path of [...files, process.runtimeSocket]) rmSync(path, { force: true })
    this.#note()
    this.#options.onExit(process, wasServing && !this.#isClosing)
  }

  #noteFile(): string {
    return join(this.#options.folder, 'processes.json')
  }

  /** What a next start has to end if this one is not given the time to: whole, or as it was. */
  #note(): void {
    const processes = this.all.map(({ pid }) => ({ pid, startedAt: startOf(pid) }))
    try {
      writeFileSync(`${this.#noteFile()}.new`, JSON.stringify(processes))
      renameSync(`${this.#noteFile()}.new`, this.#noteFile())
    } catch (error) {
      this.#options.log.warn('the processes cannot be noted', { because: messageOf(error) })
    }
  }

  #endLeftOver(): void {
    for (const { pid, startedAt } of readProcesses(this.#noteFile())) {
      // The same number may be another process by now; its start tells.
      if (startedAt === undefined || startOf(pid) !== startedAt) continue
      this.#options.log.warn('ending an HAProxy that an earlier ingress left behind', { pid })
      process.kill(pid, 'SIGKILL')
    }
  }
}

function readProcesses(path: string): { pid: number; startedAt: string | undefined }[] {
  try {
    const data: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (!Array.isArray(data)) return []
    return data.flatMap((one: unknown) => {
      if (typeof one !== 'object' || one === null) return []
      const [pid, startedAt] = [Reflect.get(one, 'pid'), Reflect.get(one, 'startedAt')]
      return typeof pid === 'number' && typeof startedAt === 'string' ? [{ pid, startedAt }] : []
    })
  } catch {
    return []
  }
}
