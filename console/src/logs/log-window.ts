import type { LogAnswer, LogLineView } from '../../../src/wire/logs.ts'

/**
 * The lines that the page holds of a search: a window on what the server has, that grows at either
 * end as one scrolls, forgets what is far away, and takes new lines as they are printed.
 */

/** What a search asks for, as the API's query has it. */
export type LogQuery = Readonly<Record<string, string>>

export interface LogSource {
  page(query: LogQuery, signal: AbortSignal): Promise<LogAnswer>
  /**
   * Calls back with each new line; returns the way to stop. `onGap`: the stream was cut and goes on,
   * and what was printed in between has to be read.
   */
  follow(query: LogQuery, onLine: (line: LogLineView) => void, onGap: () => void): () => void
}

export interface LogState {
  /** Oldest first; the array is another one after each change. */
  readonly lines: readonly LogLineView[]
  /** Rises by lines that came in before the first, falls by those that were forgotten there. */
  readonly shift: number
  readonly hasOlder: boolean
  readonly hasNewer: boolean
  readonly isLoading: boolean
  readonly error: unknown
  /** The server has looked back to here, wall ms, and not found enough. */
  readonly reachedAt: number | undefined
  /** Lines that came while nobody watched the end. */
  readonly waiting: number
}

/** Lines of one page. */
const pageLines = 500

/** Lines held at once: some 20 MB; what lies beyond is asked for again. */
const heldMax = 50_000

/** New lines are shown together, this often, in ms. */
const flushMs = 100

/** New lines that wait for a reader who has paused; older ones are left to the server. */
const waitingMax = 5_000

/** Pages that are read for what was printed while the stream was cut; later ones as one scrolls. */
const gapPagesMax = 10

/** Answers without enough lines after which the reader is asked whether to look farther. */
const roundsMax = 6

const nothing: LogState = {
  lines: [],
  shift: 0,
  hasOlder: false,
  hasNewer: false,
  isLoading: true,
  error: undefined,
  reachedAt: undefined,
  waiting: 0,
}

export class LogWindow {
  readonly #source: LogSource
  readonly #query: LogQuery
  readonly #subscribers = new Set<() => void>()
  #stop = new AbortController()
  #state: LogState = nothing
  readonly #known = new Set<string>()
  #pending: LogLineView[] = []
  #flush: ReturnType<typeof setTimeout> | undefined
  #unfollow: (() => void) | undefined
  #isPaused = false
  /** Lines may be missing between the last one that is held and the stream's next. */
  #hasGap = false

  constructor(source: LogSource, query: LogQuery) {
    this.#source = source
    this.#query = query
  }

  readonly state = (): LogState => this.#state

  readonly subscribe = (subscriber: () => void): (() => void) => {
    this.#subscribers.add(subscriber)
    return () => this.#subscribers.delete(subscriber)
  }

  /** Reads the end, or what lies around a line; follows from the end on where it is told to. */
  async start(around: string | undefined, isLive: boolean): Promise<void> {
    // It may have been ended: a component that is mounted again begins again.
    this.end()
    this.#stop = new AbortController()
    this.#flush = undefined
    this.#pending = []
    this.#hasGap = false
    this.#known.clear()
    this.#state = nothing
    // First the stream, then the page: a line that is printed in between is in one of them.
    if (isLive) this.#follow()
    if (around === undefined) await this.older()
    else {
      await this.#load({ before: around }, 'older')
      const last = this.#state.lines.at(-1)?.position
      const at = around.split('.', 1)[0] ?? ''
      await this.#load(
        last === undefined ? { since: at, after: `${at}.0.-` } : { after: last },
        'newer',
      )
    }
  }

  /** Reads what lies before the first line. */
  older(): Promise<void> {
    const { lines, reachedAt } = this.#state
    const first = lines[0]?.position
    const until = reachedAt === undefined ? {} : { until: String(reachedAt) }
    return this.#load({ ...(first === undefined ? {} : { before: first }), ...until }, 'older')
  }

  /** Reads what lies after the last line. */
  newer(): Promise<void> {
    const last = this.#state.lines.at(-1)?.position
    return last === undefined ? this.older() : this.#load({ after: last }, 'newer')
  }

  /** Whether new lines are held back; what was held is shown when that ends. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
    if (isPaused) return
    if (this.#hasGap) void this.#fillGap()
    else this.#show()
  }

  end(): void {
    this.#stop.abort()
    this.#unfollow?.()
    clearTimeout(this.#flush)
  }

  #follow(): void {
    const onLine = (line: LogLineView): void => {
      this.#pending.push(line)
      if (this.#pending.length > waitingMax) this.#pending.splice(0, waitingMax / 10)
      this.#flush ??= setTimeout(() => {
        this.#flush = undefined
        if (this.#isPaused || this.#hasGap) this.#tell({ waiting: this.#pending.length })
        else this.#show()
      }, flushMs)
    }
    this.#unfollow = this.#source.follow(this.#query, onLine, () => {
      this.#hasGap = true
      if (!this.#isPaused) void this.#fillGap()
    })
  }

  /** Reads what the stream has left out, and only then shows what came by it since. */
  async #fillGap(): Promise<void> {
    const { signal } = this.#stop
    for (let page = 0; page < gapPagesMax; page++) {
      await this.newer()
      if (!this.#state.hasNewer || this.#state.error !== undefined) break
    }
    if (signal.aborted) return
    this.#hasGap = false
    if (!this.#isPaused) this.#show()
  }

  #show(): void {
    const fresh = this.#pending.filter(({ position }) => !this.#known.has(position))
    this.#pending = []
    if (fresh.length === 0) return this.#tell({ waiting: 0 })
    this.#put(fresh, 'newer', { waiting: 0 })
  }

  async #load(part: LogQuery, end: 'older' | 'newer', round = 1): Promise<void> {
    const { signal } = this.#stop
    this.#tell({ isLoading: true, error: undefined })
    const query = { ...this.#query, ...part, limit: String(pageLines) }
    try {
      const { items, reachedAt } = await this.#source.page(query, signal)
      if (signal.aborted) return
      const isMore = items.length >= pageLines || reachedAt !== undefined
      const more = end === 'older' ? { hasOlder: isMore, reachedAt } : { hasNewer: isMore }
      this.#put(items, end, { isLoading: false, ...more })
      const isShort = reachedAt !== undefined && items.length < pageLines / 5
      if (end === 'older' && isShort && round < roundsMax) {
        await this.#load({ ...part, until: String(reachedAt) }, end, round + 1)
      }
    } catch (error) {
      if (!signal.aborted) this.#tell({ isLoading: false, error })
    }
  }

  #put(items: readonly LogLineView[], end: 'older' | 'newer', part: Partial<LogState>): void {
    const fresh = items.filter(({ position }) => !this.#known.has(position))
    for (const { position } of fresh) this.#known.add(position)
    const { lines, shift } = this.#state
    let all = end === 'older' ? [...fresh, ...lines] : [...lines, ...fresh]
    let moved = end === 'older' ? fresh.length : 0
    let forgotten: Partial<LogState> = {}
    const surplus = all.length - heldMax
    if (surplus > 0) {
      const isOlder = end === 'older'
      const gone = isOlder ? all.slice(-surplus) : all.slice(0, surplus)
      for (const { position } of gone) this.#known.delete(position)
      all = isOlder ? all.slice(0, -surplus) : all.slice(surplus)
      if (!isOlder) moved -= surplus
      forgotten = isOlder ? { hasNewer: true } : { hasOlder: true, reachedAt: undefined }
    }
    this.#tell({ ...part, ...forgotten, lines: all, shift: shift + moved })
  }

  #tell(part: Partial<LogState>): void {
    this.#state = { ...this.#state, ...part }
    for (const subscriber of this.#subscribers) subscriber()
  }
}
