import { Worker } from 'node:worker_threads'
import type { Bounds } from '../../base/bounds.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { Fault, Refusal } from '../../base/errors.ts'
import type { ManifestReader } from '../../parts/apps/driver.ts'
import type { Explanation } from '../../parts/apps/manifest/print.ts'
import type { ManifestContent, ManifestTexts } from '../../parts/apps/manifest/release-content.ts'
import { inlineManifestReader } from './inline-reader.ts'
import type { ReadAnswer, ReadQuestion } from './messages.ts'

/**
 * Reads large manifests in a thread, one after the other: 330 kB of YAML take 0.3 s, in which the
 * server's loop would answer nobody. Small ones take less than a message to a thread and back.
 *
 * The thread is started when it is needed, and ended when it has had nothing to do for a while.
 */

/** Characters up to which a manifest is read at once: some 15 ms on a cold start, 5 afterwards. */
const inlineCharsMax = 16 * 1024

/** Manifests that may wait for the thread at once: five seconds of its work. */
const waitingMax = 16

/** The largest manifest takes a tenth of this; beyond it the thread is given up, in ms. */
const readMsMax = 10_000

/** An idle thread holds some 40 MB: it ends after this long, in ms. */
const idleMs = 30_000

/** What the thread may hold: hostile YAML grows there, and not in the server. */
const resourceLimits = { maxOldGenerationSizeMb: 256 } as const

/** Beside this module: a TypeScript file in development, a bundle of its own when shipped. */
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './manifest-worker.ts' : './manifest-worker.js',
  import.meta.url,
)

type Told = Exclude<ReadAnswer, { is: 'refused' | 'failed' }>

interface Waiting {
  readonly question: ReadQuestion
  readonly resolve: (told: Told) => void
  readonly reject: (error: Error) => void
}

export function openThreadReader(options: {
  readonly clock: Clock
  readonly bounds?: Bounds
}): ManifestReader {
  return new ThreadReader(options.clock, options.bounds)
}

class ThreadReader implements ManifestReader {
  readonly #clock: Clock
  /** The first one is being read. */
  readonly #waiting: Waiting[] = []
  #worker: Worker | undefined
  #timer: Timer | undefined
  #refused = 0

  constructor(clock: Clock, bounds: Bounds | undefined) {
    this.#clock = clock
    bounds?.add({
      name: 'apps.manifests-waiting',
      says: 'large manifests that wait to be read; the next is refused with 429',
      unit: 'items',
      overflow: 'refuses',
      limit: waitingMax,
      used: () => this.#waiting.length,
      lost: () => this.#refused,
    })
  }

  async read(...[input, at]: Parameters<ManifestReader['read']>): Promise<ManifestContent> {
    if (isSmall(input)) return inlineManifestReader.read(input, at)
    const told = await this.#ask({ asks: 'content', input, at })
    if (told.is === 'content') return told.content
    throw failed('the thread answered another question')
  }

  async explain(...[texts, cell]: Parameters<ManifestReader['explain']>): Promise<Explanation> {
    if (isSmall(texts)) return inlineManifestReader.explain(texts, cell)
    const told = await this.#ask({ asks: 'explanation', texts, cell })
    if (told.is === 'explanation') return told.explanation
    throw failed('the thread answered another question')
  }

  #ask(question: ReadQuestion): Promise<Told> {
    if (this.#waiting.length >= waitingMax) {
      this.#refused++
      return Promise.reject(busy())
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject })
      if (this.#waiting.length === 1) this.#next()
    })
  }

  /** Sends the first that waits, or lets the thread rest. */
  #next(): void {
    this.#timer?.cancel()
    const [first] = this.#waiting
    if (first === undefined) {
      this.#timer = this.#clock.after(idleMs, () => this.#end())
      return
    }
    this.#timer = this.#clock.after(readMsMax, () => this.#settle((w) => w.reject(tooSlow()), true))
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.#open().postMessage(first.question)
  }

  #open(): Worker {
    if (this.#worker !== undefined) return this.#worker
    // Its own flags only: those of a test runner or a bundler mean nothing to it.
    const worker = new Worker(workerUrl, { execArgv: [], name: 'manifests', resourceLimits })
    worker.unref()
    worker.on('message', (answer: ReadAnswer) => this.#settle((first) => settleBy(first, answer)))
    const die = (why: string): void => {
      if (this.#worker === worker) this.#settle(({ reject }) => reject(failed(why)), true)
    }
    worker.on('error', (error) => die(error.message))
    worker.on('exit', (code) => die(`exit code ${code}`))
    this.#worker = worker
    return worker
  }

  /** Answers the first that waits; `isBroken`: with a thread that is of no use any more. */
  #settle(answer: (first: Waiting) => void, isBroken = false): void {
    if (isBroken) this.#end()
    const first = this.#waiting.shift()
    if (first !== undefined) answer(first)
    this.#next()
  }

  #end(): void {
    const worker = this.#worker
    this.#worker = undefined
    void worker?.terminate()
  }
}

function isSmall({ manifest, platform = '' }: ManifestTexts): boolean {
  return manifest.length + platform.length <= inlineCharsMax
}

function settleBy({ resolve, reject }: Waiting, answer: ReadAnswer): void {
  if (answer.is === 'failed') return reject(failed(answer.message))
  if (answer.is !== 'refused') return resolve(answer)
  reject(new Refusal(answer.code, answer.message, answer.options))
}

function busy(): Refusal {
  return new Refusal('manifest-busy', `${waitingMax} large manifests wait to be read already`, {
    status: 429,
    hint: 'try again in a few seconds',
    details: { limit: waitingMax },
  })
}

function tooSlow(): Refusal {
  return new Refusal(
    'manifest-too-slow',
    `the manifest takes over ${readMsMax / 1_000} s to read`,
    {
      status: 422,
      hint: 'split the app, or write its repeated parts once',
    },
  )
}

function failed(why: string): Fault {
  return new Fault('manifest-reader-failed', `the manifest could not be read: ${why}`)
}
