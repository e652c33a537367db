/** The line between the store and its worker thread: starts it, asks it, hears its news. */
import { Worker } from 'node:worker_threads'
import { Fault, Refusal } from '../../base/errors.ts'
import { beyondHorizon } from '../horizon.ts'
import { compactedRefusal } from '../log-query.ts'
import type { Revision } from '../port.ts'
import type { Answers, Failure, RecordRow, Reply, Request, WorkerSettings } from './messages.ts'

/** News that nobody asked for. */
export interface WorkerListener {
  /** Everything up to `revision` is on the disk. */
  onDurable(revision: Revision): void
  /** Nothing from `first` on was written. */
  onUnwritten(first: Revision, failure: Failure): void
  /** Housekeeping has to wait. */
  onMaintenancePutOff(failure: Failure): void
  /** The thread is gone though nobody closed it. */
  onDeath(failure: Failure): void
}

type Message = Extract<Request, { of: 'append' | 'keep-from' }>
type Question = Exclude<Request, Message>
type QuestionOf<Of extends Question['of']> = Omit<Extract<Question, { of: Of }>, 'id'>

interface Waiting {
  readonly resolve: (value: Answers[keyof Answers]) => void
  readonly reject: (error: Error) => void
  readonly onRecords: ((rows: readonly RecordRow[]) => void) | undefined
}

/** Beside this module: a TypeScript file in development, a bundle of its own when shipped. */
export const defaultWorkerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './sqlite-worker.ts' : './sqlite-worker.js',
  import.meta.url,
)

/**
 * What the thread throws away is thrown away at once: V8 would let 96 MiB of it pile up before it
 * looks, and keeps that much for good after it has read out 20,000 records at the start.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 24 } as const

/** A worker whose file is open. */
export class WorkerLink {
  readonly revision: Revision
  readonly epoch: number
  readonly #worker: Worker
  #listener: WorkerListener | undefined
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #isClosing = false
  #isDead = false

  private constructor(worker: Worker, opened: Extract<Reply, { of: 'opened' }>) {
    this.#worker = worker
    this.revision = opened.revision
    this.epoch = opened.epoch
    worker.on('message', (reply: Reply) => this.#receive(reply))
    worker.on('error', (error) => this.#die(`its thread failed: ${error.message}`))
    worker.on('exit', (code) => this.#die(`its thread ended with code ${code}`))
  }

  /** Starts the thread and opens the file. */
  static async open(url: URL, settings: WorkerSettings): Promise<WorkerLink> {
    // Its own flags only: those of a test runner or a bundler mean nothing to it.
    const worker = new Worker(url, {
      workerData: settings,
      execArgv: [],
      name: 'store',
      resourceLimits,
    })
    const first = await firstReplyOf(worker)
    if (first.of === 'opened') return new WorkerLink(worker, first)
    if (first.of === 'refused-to-open') throw errorOf(first.failure)
    throw new Fault('store-failed', `the store's thread began with ${first.of}`)
  }

  /** Names who hears the news. */
  listen(listener: WorkerListener): void {
    this.#listener = listener
  }

  /** Sends a message that has no answer of its own. */
  send(request: Message): void {
    this.#post(request)
  }

  /** Asks and waits for the answer; `onRecords` gets pages of records before it. */
  ask<Of extends Question['of']>(
    question: QuestionOf<Of> & { readonly of: Of },
    onRecords?: (rows: readonly RecordRow[]) => void,
  ): Promise<Answers[Of]> {
    const id = this.#nextId++
    return new Promise<Answers[keyof Answers]>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onRecords })
      this.#post({ ...question, id } as Question)
    }) as Promise<Answers[Of]>
  }

  /** Closes the file and ends the thread. */
  async close(): Promise<void> {
    if (this.#isDead) return
    this.#isClosing = true
    const exit = new Promise((resolve) => this.#worker.once('exit', resolve))
    await this.ask({ of: 'close' })
    await exit
  }

  #post(request: Request): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.#worker.postMessage(request)
  }

  #receive(reply: Reply): void {
    switch (reply.of) {
      case 'durable':
        return this.#listener?.onDurable(reply.revision)
      case 'unwritten':
        return this.#listener?.onUnwritten(reply.first, reply.failure)
      case 'maintenance-put-off':
        return this.#listener?.onMaintenancePutOff(reply.failure)
      case 'records':
        return this.#waiting.get(reply.id)?.onRecords?.(reply.rows)
      case 'answer':
        return this.#take(reply.id)?.resolve(reply.value)
      case 'failure':
        return this.#take(reply.id)?.reject(errorOf(reply.failure))
      case 'opened':
      case 'refused-to-open':
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    return waiting
  }

  #die(message: string): void {
    if (this.#isDead) return
    this.#isDead = true
    const failure: Failure = { code: 'store-failed', message }
    for (const id of this.#waiting.keys()) this.#take(id)?.reject(errorOf(failure))
    if (!this.#isClosing) this.#listener?.onDeath(failure)
  }
}

function firstReplyOf(worker: Worker): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      reject(new Fault('store-failed', `the store's thread did not start: ${why}`))
    }
    worker.once('message', resolve)
    worker.once('error', (error) => fail(error.message))
    worker.once('exit', (code) => fail(`it ended with code ${code}`))
  })
}

/** The error that a failure of the worker is to the store's callers. */
export function errorOf(failure: Failure): Fault | Refusal {
  const { code, message } = failure
  switch (code) {
    case 'store-full':
      return new Fault(code, `the disk is full: ${message}`, { retry: 'backoff' })
    case 'store-failed':
      return new Fault(code, `the store failed: ${message}`, { retry: 'never' })
    case 'store-corrupt':
      return new Fault(code, `the store cannot be read: ${message}`, { retry: 'never' })
    case 'store-newer':
      return new Refusal(code, message, {
        status: 409,
        hint: 'start the newer version of Roadstead, or restore a backup of this one',
      })
    case 'store-in-use':
      return new Refusal(code, 'another process has this store open', {
        status: 409,
        hint: 'stop the other server, or give this one a data folder of its own with --data',
      })
    case 'compacted':
      return compactedRefusal(0, failure.oldest ?? 0)
    case 'beyond-horizon':
      return beyondHorizon(failure.moment ?? { revision: 0, at: 0 })
  }
}
