import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { durationText } from '../terminal/format.ts'
import { identify, type ProcessIdentity } from './processes.ts'
import { openRoleLog } from './role-log.ts'

/** How one role is run. */
export interface RoleSpec {
  readonly name: 'server' | 'agent' | 'ingress'
  /** Node.js's own options, then the entry, then the role's. */
  readonly parameters: readonly string[]
  readonly logFile: string
}

/** What the supervisor wants to hear of a role. */
export interface RoleEvents {
  onStart(name: string, identity: ProcessIdentity | undefined): void
  /** It ended without being told to; `again` says when it is started again. */
  onDeath(name: string, how: string, again: string): void
}

/** Waits before a role is started again: at once at first, then from 100 ms up to 2 s. */
const restartWaitsMs = [0, 100, 200, 400, 800, 1_600, 2_000] as const

/** A role that has lived so long starts its waits anew, in ms. */
const healthyAfterMs = 10_000

/**
 * Keeps one role running: starts it, starts it again when it dies, and ends it when told to.
 *
 * It has a process group of its own, so that Ctrl-C in the terminal reaches the supervisor alone,
 * which then ends the roles in order; and an IPC channel, whose closing tells the role that the
 * supervisor is gone.
 */
export class RoleProcess {
  readonly name: RoleSpec['name']
  readonly #spec: RoleSpec
  readonly #clock: Clock
  readonly #events: RoleEvents
  readonly #stopping = new AbortController()
  #child: ChildProcess | undefined
  #running: Promise<void> | undefined
  #deaths = 0

  constructor(spec: RoleSpec, clock: Clock, events: RoleEvents) {
    this.name = spec.name
    this.#spec = spec
    this.#clock = clock
    this.#events = events
  }

  /** Deaths in a row, none of them after a long life. */
  get deaths(): number {
    return this.#deaths
  }

  start(): void {
    this.#running ??= this.#keepRunning()
  }

  /** Asks it to end with `signal`; kills it when it has not after `waitMs`. */
  async stop(signal: NodeJS.Signals, waitMs: number): Promise<void> {
    this.#stopping.abort()
    this.#child?.kill(signal)
    const overdue = this.#clock.after(waitMs, () => this.#child?.kill('SIGKILL'))
    await this.#running
    overdue.cancel()
  }

  /** Sends a message over the IPC channel; a role that is just gone misses it. */
  tell(message: object): void {
    if (this.#child?.connected === true) this.#child.send(message, () => {})
  }

  /** Ends it this instant. */
  kill(): void {
    this.#stopping.abort()
    this.#child?.kill('SIGKILL')
  }

  async #keepRunning(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const startedAt = this.#clock.monotonic()
      const how = await this.#runOnce()
      if (signal.aborted) return
      if (this.#clock.monotonic() - startedAt > healthyAfterMs) this.#deaths = 0
      const waitMs = restartWaitsMs[Math.min(this.#deaths, restartWaitsMs.length - 1)] ?? 0
      this.#deaths++
      const again = waitMs === 0 ? 'started again' : `starts again in ${durationText(waitMs)}`
      this.#events.onDeath(this.name, how, again)
      await this.#clock.sleep(waitMs, signal).catch(() => {})
    }
  }

  /** Starts the process; resolves with how it ended. */
  #runOnce(): Promise<string> {
    const log = openRoleLog(this.#spec.logFile)
    const child = spawn(process.execPath, this.#spec.parameters, {
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
    })
    closeSync(log)
    this.#child = child
    return new Promise((resolve) => {
      child.once('spawn', () => this.#events.onStart(this.name, identify(child.pid ?? 0)))
      child.once('error', (error) => resolve(error.message))
      child.once('exit', (code, signal) => {
        this.#child = undefined
        resolve(signal === null ? `exit code ${code}` : signal)
      })
    })
  }
}
