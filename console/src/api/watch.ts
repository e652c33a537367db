import type { ChangeEvent, InstanceView } from '../../../src/wire/api.ts'

/**
 * The stream of changes, kept open: it resumes where it broke off, waits longer after each failure,
 * and says since when what is shown may be out of date. A change is a hint: readers ask again.
 */

/** Where the stream stands, and since when (wall ms). */
export interface WatchState {
  readonly phase: 'connecting' | 'live' | 'stale'
  readonly since: number
}

export interface WatchListener {
  /** A record was written or deleted. */
  onChange(change: ChangeEvent): void
  /** An agent said something new of an instance. */
  onObserved(news: ObservedNews): void
  /** Anything may have changed: after (re)connecting, or when the server says so. */
  onReset(): void
}

/** What an agent said of an instance; null: it is forgotten. */
export interface ObservedNews {
  readonly instanceId: string
  readonly observed: InstanceView['observed']
}

/** The part of EventSource that the watch uses; tests bring their own. */
export interface EventStream {
  /** `open`, `error`, and the stream's own: `change`, `observed`, `reset`. */
  addEventListener(name: string, listener: (event: { readonly data: string }) => void): void
  close(): void
}

export interface WatchOptions {
  readonly open: (url: string) => EventStream
  readonly now: () => number
  readonly after: (ms: number, callback: () => void) => () => void
  readonly random: () => number
}

/** First wait after a failure in ms; the supervisor has a dead server back within two seconds. */
const backoffFirstMs = 400
/** The longest wait: soon enough for a person who looks on. */
const backoffMaxMs = 10_000

/** The watch of the whole program: one stream, however many components look at its state. */
export class Watch {
  #state: WatchState
  #listener: WatchListener | undefined
  #stream: EventStream | undefined
  #cancelRetry: (() => void) | undefined
  #failures = 0
  #revision = 0
  readonly #options: WatchOptions
  readonly #subscribers = new Set<() => void>()

  constructor(options: WatchOptions) {
    this.#options = options
    this.#state = { phase: 'connecting', since: options.now() }
  }

  readonly state = (): WatchState => this.#state

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  }

  /** Opens the stream; returns the way to close it. */
  start(listener: WatchListener): () => void {
    this.#listener = listener
    this.#move('connecting')
    this.#open()
    return () => this.#stop()
  }

  #open(): void {
    const resume = this.#revision === 0 ? '' : `?after=${this.#revision}`
    const stream = this.#options.open(`/v1/watch${resume}`)
    this.#stream = stream
    stream.addEventListener('open', () => {
      this.#failures = 0
      this.#move('live')
      this.#listener?.onReset()
    })
    stream.addEventListener('error', () => this.#failed())
    stream.addEventListener('observed', ({ data }) =>
      this.#listener?.onObserved(JSON.parse(data) as ObservedNews),
    )
    stream.addEventListener('change', (event) => this.#changed(event.data))
    stream.addEventListener('reset', () => this.#listener?.onReset())
  }

  #changed(data: string): void {
    const change = JSON.parse(data) as ChangeEvent
    this.#revision = Math.max(this.#revision, change.revision)
    this.#listener?.onChange(change)
  }

  #failed(): void {
    this.#stream?.close()
    this.#move('stale')
    const longest = Math.min(backoffMaxMs, backoffFirstMs * 2 ** this.#failures++)
    // Half of it by chance: consoles that lost one server do not all return at once.
    const wait = longest * (0.5 + this.#options.random() / 2)
    this.#cancelRetry = this.#options.after(wait, () => this.#open())
  }

  #stop(): void {
    this.#cancelRetry?.()
    this.#stream?.close()
    this.#listener = undefined
    this.#stream = undefined
    this.#failures = 0
  }

  #move(phase: WatchState['phase']): void {
    if (this.#state.phase === phase) return
    this.#state = { phase, since: this.#options.now() }
    for (const subscriber of this.#subscribers) subscriber()
  }
}

/** The watch in the browser. */
export const watch = new Watch({
  open: (url) => new EventSource(url) as unknown as EventStream,
  now: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
})
