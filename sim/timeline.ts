import type { Timer } from '../src/base/clock.ts'
import { TimerHeap } from '../src/base/timer-heap.ts'

/** Events between two looks at the host's own event loop, so that output and signals get through. */
const eventsPerTurn = 256

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

  now(): number {
    return this.#now
  }

  /** Events so far. */
  get events(): number {
    return this.#events
  }

  /** Calls back at `now + ms`; among equals in the order of asking. */
  after(ms: number, callback: () => void): Timer {
    return this.#heap.add(this.#now + (ms > 0 ? ms : 0), callback)
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
        this.#now = due.at
        this.#events++
        try {
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
