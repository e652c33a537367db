import { connect, type Socket } from 'node:net'
import type { Clock } from '../../../base/clock.ts'
import { bounds } from './bounds.ts'
import { parseLogLine, type LogRecord } from './outcome.ts'

/** The name of the ring buffer in the configuration. */
export const ringName = 'requests'

export interface RequestLogOptions {
  readonly runtimeSocket: string
  readonly clock: Clock
  readonly onRecord: (record: LogRecord) => void
}

/**
 * What one HAProxy process logs, a line per request, followed in its ring buffer by a connection to its
 * runtime socket: many lines arrive at once under load, a process that is stopping goes on telling, and
 * its ring holds what we are too busy to read. A line holds nothing that a client chose.
 */
export class RequestLog {
  /** Resolves when the process will not tell anything any more, and all of it was taken in. */
  readonly ended: Promise<void>
  readonly #options: RequestLogOptions
  #end: () => void = () => {}
  #socket: Socket
  #isFinished = false
  /** A connection has been there: it has told everything from the beginning. */
  #hasBegun = false

  constructor(options: RequestLogOptions) {
    this.#options = options
    this.ended = new Promise((resolve) => (this.#end = resolve))
    this.#socket = this.#follow()
  }

  /** Takes in what is there and follows no further. */
  finish(): void {
    this.#isFinished = true
    if (this.#socket.destroyed) this.#end()
    else this.#socket.end()
  }

  #follow(): Socket {
    const socket = connect(this.#options.runtimeSocket)
    let rest = ''
    socket.setEncoding('latin1')
    socket.on('error', () => {})
    socket.on('connect', () => (this.#hasBegun = true))
    socket.on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const record = parseLogLine(line)
        if (record !== undefined) this.#options.onRecord(record)
      }
    })
    socket.on('close', () => this.#closed())
    // `-n`: what comes from now on, where everything before has been told already.
    socket.write(`show events ${ringName} -w${this.#hasBegun ? ' -n' : ''}\n`)
    return socket
  }

  /**
   * A process that is gone is told by its end (`finish`). One that lives has closed it for want of a
   * resource: lines meanwhile count as lost, and it is followed again.
   */
  #closed(): void {
    if (this.#isFinished) return this.#end()
    this.#options.clock.after(bounds.logAgainMs, () => {
      if (!this.#isFinished) this.#socket = this.#follow()
    })
  }
}
