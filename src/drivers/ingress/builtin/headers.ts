import type { IncomingMessage } from 'node:http'

/** What of a message's headers goes on to the other side, and what is the connection's own. */

/** Headers that speak of one connection only (RFC 9110, 7.6.1), and what the parser has used up. */
const hopByHop = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Who can reach a route (docs/glossary.md), and so at which address. */
export type Exposure = 'public' | 'private' | 'admin'

/** Where a request came in. */
export interface Entrance {
  /** `listener`: from a service of this node; elsewhere nobody's word on the client's address counts. */
  readonly name: Exposure | 'listener'
  /** The client came by TLS. */
  readonly isSecure: boolean
  /** Bytes of a request's body at the most; undefined: unbounded. */
  readonly bodyBytesMax?: number
}

/** An entrance for whoever is no service of this node. */
export interface OutsideEntrance extends Entrance {
  readonly name: Exposure
  readonly bodyBytesMax: number
  /** Whoever comes is sent to this port, by HTTPS. */
  readonly redirectPort?: number | undefined
  /** `max-age` of Strict-Transport-Security; 0 or undefined: it is not sent. */
  readonly hstsSeconds?: number
}

/**
 * The headers of a request for an instance: name, value, name, value. Undefined: it names two hosts,
 * and two readers might take it for two different requests.
 */
export function requestHeaders(
  req: IncomingMessage,
  entrance: Entrance,
  newRequestId: () => string,
): string[] | undefined {
  const raw = req.rawHeaders
  const dropped = namedByConnection(req.headers.connection)
  const headers: string[] = []
  let forwardedFor = ''
  let hasId = false
  let hasHost = false
  let isForwarded = false
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string
    const value = raw[index + 1] as string
    const lower = name.toLowerCase()
    if (hopByHop.has(lower) || dropped?.has(lower) === true) continue
    if (lower === 'forwarded' || lower.startsWith('x-forwarded-')) {
      if (entrance.name !== 'listener') continue
      if (lower === 'x-forwarded-for') {
        forwardedFor = forwardedFor === '' ? value : `${forwardedFor}, ${value}`
        continue
      }
      if (lower === 'x-forwarded-host') isForwarded = true
    } else if (lower === 'x-request-id') {
      if (hasId) continue
      hasId = true
    } else if (lower === 'host') {
      if (hasHost) return undefined
      hasHost = true
    }
    headers.push(name, value)
  }
  const client = req.socket.remoteAddress ?? 'unknown'
  headers.push('x-forwarded-for', forwardedFor === '' ? client : `${forwardedFor}, ${client}`)
  if (!isForwarded) {
    headers.push('x-forwarded-proto', entrance.isSecure ? 'https' : 'http')
    if (req.headers.host !== undefined) headers.push('x-forwarded-host', req.headers.host)
  }
  if (!hasId) headers.push('x-request-id', newRequestId())
  return headers
}

/** The headers of an instance's answer for the client. */
export interface AnswerHeaders {
  readonly headers: string[]
  /** The instance's Keep-Alive header, which says how long it keeps a connection; or empty. */
  readonly keepAlive: string
}

export function answerHeaders(raw: readonly (Buffer | string)[]): AnswerHeaders {
  const headers: string[] = []
  let keepAlive = ''
  let dropped: Set<string> | undefined
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = textOf(raw[index])
    const value = textOf(raw[index + 1])
    const lower = name.toLowerCase()
    if (hopByHop.has(lower)) {
      if (lower === 'keep-alive') keepAlive = value
      else if (lower === 'connection') dropped = namedByConnection(value)
      continue
    }
    headers.push(name, value)
  }
  return { headers: dropped === undefined ? headers : without(headers, dropped), keepAlive }
}

/** Headers that a Connection header declares to be hop-by-hop; undefined when it names none. */
function namedByConnection(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined) return undefined
  const lower = connection.toLowerCase()
  if (lower === 'keep-alive' || lower === 'close') return undefined
  const named = new Set(lower.split(',').map((name) => name.trim()))
  // These would change what the message is, not how it travels: they cannot be taken away.
  for (const kept of ['host', 'content-length', 'keep-alive', 'close', 'upgrade', '']) {
    named.delete(kept)
  }
  return named.size === 0 ? undefined : named
}

function without(headers: readonly string[], dropped: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] as string
    if (!dropped.has(name.toLowerCase())) kept.push(name, headers[index + 1] as string)
  }
  return kept
}

/** Header bytes are Latin-1 on the wire, both ways. */
function textOf(raw: Buffer | string | undefined): string {
  return typeof raw === 'string' ? raw : (raw?.toString('latin1') ?? '')
}
