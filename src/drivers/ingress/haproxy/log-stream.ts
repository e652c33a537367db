import { createServer, type Server, type Socket } from 'node:net'
import { parseLogLine, type LogRecord } from './outcome.ts'

/** A line is at most this long, in bytes; what is longer is none of ours. */
const lineBytesMax = 4_096

/**
 * Takes in what HAProxy's processes log: each connects to a local socket from its ring buffer, which
 * keeps lines while we are busy. A line ends with a line feed and holds nothing that a client chose.
 */
export class LogStream {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  constructor(onRecord: (record: LogRecord) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.setEncoding('latin1')
      let rest = ''
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n')
        rest = (lines.pop() ?? '').slice(0, lineBytesMax)
        for (const line of lines) {
          const record = parseLogLine(line)
          if (record !== undefined) onRecord(record)
        }
      })
    })
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, () => resolve())
    })
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}
