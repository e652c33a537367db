import type { Timer } from '../src/base/clock.ts'
import { TimerHeap } from '../src/base/timer-heap.ts'

/** Events between two looks at the host's own event loop, so that output and signals get through. */
const eventsPerTurn = 256

/**
 * Steps of true time in a millisecond. A power of two, so that sums stay exact; and no timer is
 * shorter than a step, so that whoever waits for the rest of a duration gets on.
 */
const stepsPerMs = 1_024

/** Events at one instant: more of them go round in circles. */
const atOnceMax = 1_000_000

/** The next step of time at or after `ms`. */
export function stepOf(ms: number): number {
  return Math.ceil(ms * stepsPerMs) / stepsPerMs
}

/**
 * True time, in ms since the start, and all that is still to come.
 *
 * One event at a time; after each, every chain of promises runs to its end before the next one
 * begins: Node.js empties its queues between two immediates, which is documented and costs little.
 */
export class Timeline {
  readonly #heap = new TimerHeap()
  #now = 0
  #events = 0
  /** The first event of this instant. */
  #began = 0

  now(): number {
    return this.#now
  }

  /** Events so far. */
  get events(): number {
    return this.#events
  }

  /** Calls back at `now + ms`; among equals in the order of asking. */
  after(ms: number, callback: () => void): Timer {
    return this.#heap.add(this.#now + (ms > 0 ? stepOf(ms) : 0), callback)
  }

  /** Lets time pass until `until`; rejects with what an event throws. */
  run(until: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let isOver = false
      const end = (finish: () => void): void => {
        isOver = true
        finish()
      }
      const step = (): void => {
        if (isOver) return
        const due = this.#heap.takeUntil(until)
        if (due === undefined) {
          this.#now = until
          return end(resolve)
        }
        this.#events++
        if (due.at > this.#now) this.#began = this.#events
        this.#now = due.at
        try {
          if (this.#events - this.#began > atOnceMax) throw new Error('time stands still')
          due.callback()
        } catch (error) {
          end(() => reject(error))
        }
      }
      const turn = (): void => {
        if (isOver) return
        for (let count = 0; count < eventsPerTurn; count++) setImmediate(step)
        setImmediate(turn)
      }
      turn()
    })
  }
}
