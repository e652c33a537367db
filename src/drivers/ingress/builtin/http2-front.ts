import type { IncomingMessage, Server } from 'node:http'
import { createServer, type Http2ServerRequest, type ServerHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { answerText } from './failure-answer.ts'
import { normaliseTarget, type Front, type Serve } from './front.ts'
import { http2Response } from './http2-response.ts'
import { limits } from './limits.ts'

/**
 * HTTP/2 beside HTTP/1.1 on a server with TLS: which of them a connection speaks was agreed on in its
 * handshake (ALPN). Requests come out in the one form that the rest of the ingress knows.
 */
export function withHttp2(server: Server, serve: Serve): Front {
  const sessions = new Set<ServerHttp2Session>()
  const http2 = createServer({
    settings: {
      maxConcurrentStreams: limits.streamsMax,
      maxHeaderListSize: 2 * limits.headerBytesMax,
    },
  })
  http2.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => {})
  })
  // Closed once the requests under way have ended, which may be quiet for longer.
  Object.assign(http2, { timeout: limits.clientIdleMs })
  http2.on('timeout', (session?: ServerHttp2Session) => session?.close())
  const onRequest = (req: Http2ServerRequest): void => {
    const res = http2Response(req.stream, req.method === 'HEAD')
    const message = asMessage(req)
    if (headerBytesOf(message) > limits.headerBytesMax) {
      return answerText(res, 431, `headers may have ${limits.headerBytesMax} bytes`)
    }
    if (normaliseTarget(message)) return serve({ req: message, res, upgrade: null })
    answerText(res, 400, 'the request target is neither a path nor an http URL')
  }
  http2.on('request', onRequest)
  http2.on('checkContinue', onRequest)
  takeOver(server, (socket) => http2.emit('connection', socket))
  return {
    close() {
      server.close()
      for (const session of sessions) session.close()
    },
    closeIdleConnections: () => server.closeIdleConnections(),
    closeAllConnections() {
      server.closeAllConnections()
      for (const session of sessions) session.destroy()
    },
  }
}

/** Hands connections that agreed on HTTP/2 on, and leaves the others to the server. */
function takeOver(server: Server, accept: (socket: TLSSocket) => void): void {
  const usual = server.listeners('secureConnection')
  server.removeAllListeners('secureConnection')
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.alpnProtocol === 'h2') accept(socket)
    else for (const listener of usual) Reflect.apply(listener, server, [socket])
  })
}

/**
 * The request as HTTP/1.1 would have brought it: with a Host header, one Cookie header (browsers send
 * a header for each), and its framing in the parsed headers, where the body's reader looks for it.
 */
function asMessage(req: Http2ServerRequest): IncomingMessage {
  const raw = req.rawHeaders
  const flat = raw.splice(0)
  let cookies = ''
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = flat[index] as string
    const value = flat[index + 1] as string
    if (name.toLowerCase() === 'cookie') cookies += cookies === '' ? value : `; ${value}`
    else if (!name.startsWith(':')) raw.push(name, value)
  }
  if (cookies !== '') raw.push('cookie', cookies)
  const { headers } = req
  const authority = headers[':authority']
  if (authority !== undefined) {
    // Beside a Host header of another kind it makes two hosts, which are refused like any two.
    const host = raw.findIndex((part, index) => index % 2 === 0 && part.toLowerCase() === 'host')
    if (host === -1 || raw[host + 1] !== authority) raw.push('host', authority)
    headers.host = authority
  }
  if (headers['content-length'] === undefined && !req.stream.endAfterHeaders) {
    headers['transfer-encoding'] = 'chunked'
  }
  return req as unknown as IncomingMessage
}

function headerBytesOf({ rawHeaders, url = '' }: IncomingMessage): number {
  return rawHeaders.reduce((sum, part) => sum + part.length + 2, url.length)
}
