import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TlsOptions } from 'node:tls'
import { answerText } from './failure-answer.ts'
import { limits } from './limits.ts'

/** A request to go on with another protocol on the same connection. */
export interface Upgrade {
  readonly protocol: string
  readonly socket: Duplex
}

/** A request as a front hands it in. */
export interface Arrival {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly upgrade: Upgrade | null
}

export type Serve = (arrival: Arrival) => void

/** What the end of the ingress asks of a listening side. */
export interface Front {
  /** Accepts nothing new. */
  close(): void
  closeIdleConnections(): void
  closeAllConnections(): void
}

/** A listening side of the ingress: Node's own HTTP server, strict, with our limits. */
export function createFront(serve: Serve, tls?: TlsOptions): Server {
  const options = {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    // Bodies may take as long as they need, as long as they move: see RequestBody.isStalled.
    requestTimeout: 0,
    keepAliveTimeout: limits.clientIdleMs,
    connectionsCheckingInterval: limits.sweepEveryMs,
    optimizeEmptyRequests: true,
    shouldUpgradeCallback: (req: IncomingMessage) => upgradeOf(req) !== undefined,
  }
  const server =
    tls === undefined ? createServer(options) : createSecureServer({ ...options, ...tls })
  server.maxConnections = limits.connectionsMax
  const onRequest = (req: IncomingMessage, res: ServerResponse): void => {
    if (normaliseTarget(req)) return serve({ req, res, upgrade: null })
    answerText(res, 400, 'the request target is neither a path nor an http URL', {
      connection: 'close',
    })
  }
  server.on('request', onRequest)
  server.on('checkContinue', onRequest)
  server.on('checkExpectation', (_req, res) => {
    answerText(res, 417, 'only 100-continue is understood', { connection: 'close' })
  })
  server.on('upgrade', (req, socket, head) => {
    const res = responseOn(req, socket, head)
    const protocol = upgradeOf(req)
    if (protocol !== undefined && normaliseTarget(req)) {
      serve({ req, res, upgrade: { protocol, socket } })
    } else answerText(res, 400, 'the request target is neither a path nor an http URL')
  })
  return server
}

/** HTTP/2 in clear text is offered by clients that go on in HTTP/1.1 just as well. */
function upgradeOf(req: IncomingMessage): string | undefined {
  const protocol = req.headers.upgrade
  return protocol === undefined || /^h2c/i.test(protocol) ? undefined : protocol
}

/** An ordinary answer on a connection that Node has given up for the upgrade. */
function responseOn(req: IncomingMessage, socket: Duplex, head: Buffer): ServerResponse {
  if (head.length > 0) socket.unshift(head)
  socket.on('error', () => {})
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket as Socket)
  socket.on('drain', () => res.emit('drain'))
  res.on('finish', () => socket.end())
  return res
}

/**
 * Brings `GET http://host/path` (which a server must understand) into the form `GET /path` with that
 * host; false for what is neither, such as `OPTIONS *`.
 */
export function normaliseTarget(req: IncomingMessage): boolean {
  const url = req.url ?? ''
  if (url.startsWith('/')) return true
  const absolute = /^https?:\/\/([^/?#@]+)([/?][^#]*)?$/i.exec(url)
  const host = absolute?.[1]
  if (host === undefined) return false
  const rest = absolute?.[2] ?? '/'
  req.url = rest.startsWith('/') ? rest : `/${rest}`
  req.headers.host = host
  const raw = req.rawHeaders
  for (let index = raw.length - 2; index >= 0; index -= 2) {
    if (raw[index]?.toLowerCase() === 'host') raw.splice(index, 2)
  }
  raw.push('Host', host)
  return true
}
