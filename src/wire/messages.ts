import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocket } from 'ws'
import { Fault, messageOf, Refusal } from '../base/errors.ts'
import type { SecretRef } from '../base/secret-ref.ts'
import { execBytesMax } from './exec-protocol.ts'

export interface MessagesTarget {
  /** Of the server, `http:` or `https:`. */
  readonly url: URL
  readonly token: SecretRef | undefined
  /** For the answer to the upgrade, in ms. */
  readonly timeoutMs: number
}

/**
 * Opens a WebSocket of the server as a stream of its messages: text is a string, what is binary a
 * Buffer. Fault `server-unreachable`; Refusal `socket-refused` with the status of the answer.
 */
export async function openMessages(target: MessagesTarget, signal: AbortSignal): Promise<Duplex> {
  const { url, token, timeoutMs } = target
  const where = new URL(url)
  where.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(where, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token.reveal()}` },
    handshakeTimeout: timeoutMs,
    maxPayload: execBytesMax + 1,
    perMessageDeflate: false,
  })
  let status = 0
  socket.once('unexpected-response', (request, response) => {
    status = response.statusCode ?? 0
    request.destroy()
    socket.terminate()
  })
  // Made before it is open: the first message may come in one piece with the answer.
  const messages = messagesOf(socket)
  messages.on('error', () => {})
  try {
    await once(socket, 'open', { signal })
  } catch (cause) {
    messages.destroy()
    if (status >= 400 && status < 500) {
      throw new Refusal('socket-refused', `the server answered ${status}`, { status })
    }
    const message = `the server does not answer: ${messageOf(cause)}`
    throw new Fault('server-unreachable', message, { cause })
  }
  return messages
}

/**
 * A WebSocket as a stream of its messages; what is written after its end is dropped. An error ends
 * the stream like any other loss of the connection.
 */
export function messagesOf(socket: WebSocket): Duplex {
  const messages = createWebSocketStream(socket, { readableObjectMode: true, decodeStrings: false })
  const write = messages._write.bind(messages)
  // An error would take along what has come and is not yet read.
  messages._write = (chunk, encoding, done) => {
    if (socket.readyState <= socket.OPEN) write(chunk, encoding, done)
    else done()
  }
  return messages
}
