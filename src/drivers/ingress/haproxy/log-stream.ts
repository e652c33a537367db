import { createSocket, type Socket } from 'node:dgram'
import { parseLogLine, type LogRecord } from './outcome.ts'

/** What the kernel may keep while we are busy, in bytes; it gives what it allows. */
const bufferBytes = 4_194_304

/**
 * Takes in what HAProxy's processes log, a datagram a line, on loopback. Not by HAProxy's ring buffer,
 * which would keep lines while we are busy: a process that is stopping closes it, and the last answers
 * of the one before a reload would be in no count. A line holds nothing that a client chose.
 */
export class LogStream {
  readonly #socket: Socket
  #isClosed = false

  constructor(onRecord: (record: LogRecord) => void) {
    this.#socket = createSocket('udp4')
    this.#socket.on('message', (message) => {
      const record = parseLogLine(message.toString('latin1').trimEnd())
      if (record !== undefined) onRecord(record)
    })
  }

  /** Resolves with the port. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.once('error', reject)
      this.#socket.bind(0, '127.0.0.1', () => {
        this.#socket.setRecvBufferSize(bufferBytes)
        resolve(this.#socket.address().port)
      })
    })
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#socket.close()
  }
}
