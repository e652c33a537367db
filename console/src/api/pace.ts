/** Changes come in bursts (a rollout's step is many commits): at most one round in this time, in ms. */
const everyMs = 250

/** The first change after a quiet time is not kept waiting; its neighbours come along. In ms. */
const gatherMs = 40

/**
 * A round that takes long is repeated less often: it may take a tenth of the time. With a large
 * answer the page stays calm, with a small one it is at once.
 */
const restPerWork = 9

interface PaceClock {
  readonly now: () => number
  readonly after: (ms: number, callback: () => void) => () => void
}

/** Runs `work` soon after it was marked, one round for each burst, never two at once. */
export class Pace {
  readonly #work: () => Promise<unknown>
  readonly #clock: PaceClock
  #cancel: (() => void) | undefined
  #isUnderWay = false
  #isMarked = false
  #notBefore = -Infinity

  constructor(work: () => Promise<unknown>, clock: PaceClock = browserClock) {
    this.#work = work
    this.#clock = clock
  }

  mark(): void {
    this.#isMarked = true
    if (this.#isUnderWay || this.#cancel !== undefined) return
    const wait = Math.max(gatherMs, this.#notBefore - this.#clock.now())
    this.#cancel = this.#clock.after(wait, () => void this.#run())
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#isMarked = false
  }

  async #run(): Promise<void> {
    this.#cancel = undefined
    this.#isMarked = false
    this.#isUnderWay = true
    const began = this.#clock.now()
    // What failed is shown by whoever asked; the next change tries again.
    await this.#work().catch(() => undefined)
    const ended = this.#clock.now()
    this.#notBefore = Math.max(began + everyMs, ended + (ended - began) * restPerWork)
    this.#isUnderWay = false
    if (this.#isMarked) this.mark()
  }
}

const browserClock: PaceClock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}
