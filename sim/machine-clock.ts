import type { Timer } from '../src/base/clock.ts'
import type { Timeline } from './timeline.ts'

/** Wall time at which every world begins: an ordinary Monday, in ms. */
const wallStart = Date.UTC(2026, 0, 5, 9)

/**
 * The clocks of one machine, as they follow from true time: too fast or too slow by a share, wrong
 * by an offset that may jump, and standing still with the machine while it is frozen.
 */
export class MachineClock {
  readonly #timeline: Timeline
  #rate = 1
  #wallOffset: number
  /** Monotonic time at `#since`, from where it goes on at `#rate`. */
  #base: number
  #since: number
  #isFrozen = false
  /** What fell due while the machine was frozen. */
  #held: Due[] = []

  /** `startedAt`: what its monotonic clock shows now; every machine was started at another time. */
  constructor(timeline: Timeline, startedAt: number) {
    this.#timeline = timeline
    this.#base = startedAt
    this.#since = timeline.now()
    this.#wallOffset = wallStart + timeline.now() - startedAt
  }

  monotonic(): number {
    if (this.#isFrozen) return this.#base
    return this.#base + (this.#timeline.now() - this.#since) * this.#rate
  }

  now(): number {
    return this.#wallOffset + this.monotonic()
  }

  after(ms: number, callback: () => void): Timer {
    const due = new Due(this, this.monotonic() + (ms > 0 ? ms : 0), callback)
    this.#schedule(due)
    return due
  }

  /** From now on an hour of true time is `rate` hours here. */
  drift(rate: number): void {
    this.#base = this.monotonic()
    this.#since = this.#timeline.now()
    this.#rate = rate
  }

  /** The wall clock jumps, as an operator or NTP makes it. */
  jump(ms: number): void {
    this.#wallOffset += ms
  }

  /** Corrects the wall clock as NTP does after a while, and lets it run true. */
  correct(): void {
    this.drift(1)
    this.#wallOffset = wallStart + this.#timeline.now() - this.monotonic()
  }

  freeze(): void {
    this.#base = this.monotonic()
    this.#isFrozen = true
  }

  thaw(): void {
    if (!this.#isFrozen) return
    this.#isFrozen = false
    this.#since = this.#timeline.now()
    const held = this.#held
    this.#held = []
    for (const due of held) this.#schedule(due)
  }

  /** Called by a timer whose true time has come: too early if the clock was slowed meanwhile. */
  ring(due: Due): void {
    if (this.#isFrozen) this.#held.push(due)
    else if (due.at - this.monotonic() > roundingMs) this.#schedule(due)
    else due.callback()
  }

  #schedule(due: Due): void {
    if (due.isCancelled) return
    const ms = (due.at - this.monotonic()) / this.#rate
    due.timer = this.#timeline.after(ms, due.ring)
  }
}

/** Sums of fractions differ by less than this, in ms. */
const roundingMs = 1e-6

/** A timer of a machine, in its monotonic time. */
class Due implements Timer {
  readonly at: number
  readonly callback: () => void
  timer: Timer | undefined
  isCancelled = false
  readonly #clock: MachineClock

  constructor(clock: MachineClock, at: number, callback: () => void) {
    this.#clock = clock
    this.at = at
    this.callback = callback
  }

  readonly ring = (): void => this.#clock.ring(this)

  cancel(): void {
    this.isCancelled = true
    this.timer?.cancel()
  }
}
