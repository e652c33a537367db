import type { Clock, Timer } from '../src/base/clock.ts'
import { sleepBy } from '../src/base/virtual-clock.ts'
import type { MachineClock } from './machine-clock.ts'

/**
 * One run of a program on a machine, from its start to its end. Whatever reaches the program from
 * outside (timers, answers, requests, the disk, exits of instances) comes in through `enter`; so it
 * can be stopped like a process by SIGSTOP, and ended like one by SIGKILL: nothing of it ever runs
 * again, in the middle of whatever it did.
 */
export class Life implements Clock {
  readonly name: string
  /** Where it runs: what the network goes by. */
  readonly host: string
  readonly #clock: MachineClock
  readonly #onKilled: (() => void)[] = []
  #isAlive = true
  #isPaused = false
  #held: (() => void)[] = []

  constructor(name: string, host: string, clock: MachineClock) {
    this.name = name
    this.host = host
    this.#clock = clock
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Lets something reach the program: now, once it goes on, or never. */
  enter(callback: () => void): void {
    if (!this.#isAlive) return
    if (this.#isPaused) this.#held.push(callback)
    else callback()
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal)
  }

  after(ms: number, callback: () => void): Timer {
    let isCancelled = false
    const ring = (): void => {
      if (!isCancelled) callback()
    }
    const timer = this.#clock.after(ms, () => this.enter(ring))
    return {
      cancel() {
        isCancelled = true
        timer.cancel()
      },
    }
  }

  /** Calls back when it is killed: its connections break. */
  onKilled(callback: () => void): void {
    this.#onKilled.push(callback)
  }

  pause(): void {
    this.#isPaused = true
  }

  /** Goes on: what came meanwhile comes now, in its order, each in an event of its own. */
  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    const held = this.#held
    this.#held = []
    for (const callback of held) this.#clock.after(0, () => this.enter(callback))
  }

  kill(): void {
    if (!this.#isAlive) return
    this.#isAlive = false
    this.#held = []
    for (const callback of this.#onKilled) callback()
  }
}
