import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Connections that have not sent a request yet. Browsers and clients open some ahead of need; to
 * Node.js they are no idle ones, and would hold up a server that stops until its patience ends.
 */
export class UnusedConnections {
  readonly #sockets = new Set<Socket>()

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    const used = ({ socket }: { readonly socket: Socket }): void =>
      void this.#sockets.delete(socket)
    server.on('request', used)
    server.on('upgrade', used)
  }

  closeAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}
