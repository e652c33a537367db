import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import type { Clock } from '../../../base/clock.ts'
import { Fault } from '../../../base/errors.ts'
import { bounds } from './bounds.ts'
import type { PoolStat } from './ledger.ts'
import type { LogRecord } from './outcome.ts'
import { RequestLog } from './request-log.ts'
import { RuntimeSocket } from './runtime-socket.ts'

/** The column `req_tot` of `show stat`; columns are only ever added at the end. */
const toldAt = 48

export interface ProcessOptions {
  readonly binary: string
  readonly config: string
  readonly runtimeSocket: string
  /** The count of starts. */
  readonly number: number
  /** The process that it takes the listening sockets from, and that stops accepting then. */
  readonly before: HaproxyProcess | undefined
  readonly clock: Clock
  readonly onRecord: (record: LogRecord) => void
  /** It has ended, and all that it told has been taken in. */
  readonly onExit: (process: HaproxyProcess) => void
}

/**
 * One HAProxy process, a child of ours in the foreground. A reload is a second one that takes over the
 * listening sockets from the first (`-x`), which then ends with its last connection (`-sf`).
 */
export class HaproxyProcess {
  readonly number: number
  readonly pid: number
  readonly runtimeSocket: string
  /** Accepts nothing new any more. */
  isStopping = false
  hasEnded = false
  readonly #child: ChildProcess
  readonly #socket: RuntimeSocket
  readonly #log: RequestLog

  private constructor(child: ChildProcess, socket: RuntimeSocket, options: ProcessOptions) {
    this.#child = child
    this.#socket = socket
    this.number = options.number
    this.runtimeSocket = options.runtimeSocket
    this.pid = child.pid ?? 0
    this.#log = new RequestLog(options)
    const exited = (): void => {
      this.hasEnded = true
      socket.close()
      this.#log.finish()
      void this.#log.ended.then(() => options.onExit(this))
    }
    if (child.exitCode !== null || child.signalCode !== null) queueMicrotask(exited)
    else child.once('exit', exited)
  }

  /** Resolves once it serves. Fault `haproxy-unusable` with what HAProxy says is wrong. */
  static async start(options: ProcessOptions): Promise<HaproxyProcess> {
    const { binary, config, before, clock } = options
    const takeOver =
      before === undefined || before.hasEnded
        ? []
        : ['-x', before.runtimeSocket, '-sf', String(before.pid)]
    const child = spawn(binary, ['-q', '-db', '-f', config, ...takeOver], { stdio: 'ignore' })
    let failed: Error | undefined
    child.once('error', (error) => (failed = error))
    const deadline = clock.monotonic() + bounds.startMs
    while (failed === undefined && child.exitCode === null && child.signalCode === null) {
      const socket = await RuntimeSocket.open(options.runtimeSocket, clock).catch(() => undefined)
      if (socket !== undefined) {
        if (before !== undefined) before.isStopping = true
        return new HaproxyProcess(child, socket, options)
      }
      if (clock.monotonic() > deadline) break
      await clock.sleep(bounds.startLookMs)
    }
    child.kill('SIGKILL')
    const because = failed?.message ?? objectionsTo(binary, config)
    throw new Fault('haproxy-unusable', `HAProxy does not start: ${because}`)
  }

  /** Runs commands in order; gives what it objects to. */
  async run(commands: readonly string[]): Promise<string[]> {
    if (commands.length === 0) return []
    const [objections] = await Promise.all([this.#socket.run(commands), this.#socket.settle()])
    return objections
  }

  /** What came in and what is under way, by pool. */
  async poolStats(): Promise<PoolStat[]> {
    const stats: PoolStat[] = []
    for (const fields of rowsOf(await this.#socket.ask('show stat -1 2 -1'))) {
      const [pool = '', , , , underWay, , , sent] = fields
      const told = Number(fields[toldAt])
      stats.push({ pool, sent: Number(sent), underWay: Number(underWay), told })
    }
    return stats
  }

  /** Requests under way by the names of servers, of one pool. */
  async serversUnderWay(pool: string): Promise<Map<string, number>> {
    const rows = rowsOf(await this.#socket.ask(`show stat ${pool} 4 -1`))
    return new Map(rows.map((fields) => [fields[1] ?? '', Number(fields[4])]))
  }

  /**
   * Lets go of a stopping process that serves nobody any more: our own connections are the last that
   * keep it. Until then it may get requests over kept connections, and has to be told of changes.
   */
  async release(): Promise<void> {
    const found = /^CurrConns: (\d+)/m.exec(await this.#socket.ask('show info'))
    // Ours are not in that number.
    if (Number(found?.[1]) > 0) return
    this.#socket.close()
    this.#log.finish()
  }

  /** Accepts nothing new; ends with its last connection. */
  stop(): void {
    this.isStopping = true
    this.#child.kill('SIGUSR1')
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }
}

function rowsOf(csv: string): string[][] {
  const rows: string[][] = []
  for (const line of csv.split('\n')) {
    if (line !== '' && !line.startsWith('#')) rows.push(line.split(','))
  }
  return rows
}

/** The first of what `haproxy -c` finds wrong. */
function objectionsTo(binary: string, config: string): string {
  const checked = spawnSync(binary, ['-c', '-f', config], { encoding: 'utf8', timeout: 10_000 })
  const alert = checked.stderr?.split('\n').find((line) => line.includes('ALERT'))
  return (
    alert ??
    `it ended at once (${checked.status === 0 ? 'its configuration is fine' : 'no reason given'})`
  )
}
