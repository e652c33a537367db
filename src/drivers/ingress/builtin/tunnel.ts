import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'

/** A connection that has become another protocol's, WebSocket's above all. */
export interface Tunnel {
  readonly client: Duplex
  readonly upstream: Duplex
  /** The instance's agreement, for the client. */
  readonly head: {
    readonly status: number
    readonly protocol: string
    readonly headers: readonly string[]
  }
  /** Called once, when the instance's side is closed; `isBroken`: it broke off. */
  readonly onEnd: (isBroken: boolean) => void
}

/**
 * Carries bytes both ways until either side ends. An orderly end of the instance and any end of the
 * client is the end of a conversation; only a connection that the instance's side breaks is a failure.
 */
export function runTunnel({ client, upstream, head, onEnd }: Tunnel): void {
  let isBroken = false
  upstream.on('error', () => {
    if (!client.destroyed && !client.readableEnded) isBroken = true
  })
  client.on('error', () => {})
  client.on('close', () => upstream.destroy())
  upstream.on('close', () => {
    if (isBroken) client.destroy()
    else endSoon(client)
    onEnd(isBroken)
  })
  client.write(headOf(head), 'latin1')
  upstream.pipe(client)
  client.pipe(upstream)
}

/** Closes a connection once what was written to it has gone out. */
function endSoon(socket: Duplex): void {
  if (socket.writableFinished) return void socket.destroy()
  socket.once('finish', () => socket.destroy())
  socket.end()
}

function headOf({ status, protocol, headers }: Tunnel['head']): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
  text += `connection: Upgrade\r\nupgrade: ${protocol}\r\n`
  for (let index = 0; index + 1 < headers.length; index += 2) {
    text += `${headers[index]}: ${headers[index + 1]}\r\n`
  }
  return `${text}\r\n`
}
