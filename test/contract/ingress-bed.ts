/** Apps, clients and tables for tests of an ingress: real sockets on loopback. */
import { createServer, request, type Agent, type IncomingMessage } from 'node:http'
import {
  createServer as createRawServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  failedOf,
  type Backend,
  type Counters,
  type Endpoint,
} from '../../src/parts/ingress/model.ts'
import type { IngressDriver } from '../../src/parts/ingress/driver.ts'

/** Something that listens where an instance would. */
export interface App {
  readonly id: string
  readonly port: number
  /** Requests that reached it, in order. */
  readonly arrivals: readonly string[]
  /** Ends it as `kill -9` would: every connection is reset. */
  kill(): Promise<void>
  /** Starts to listen again on the same port. */
  revive(): Promise<void>
}

/**
 * An app that does what the header `x-do` says: `answer` (the default), `slow` (200 ms), `fail` (500),
 * `reset` (before a byte of the answer), `midway` (after some), `hang` (never), `empty` (204),
 * `big` (8 MB), `stream` (a piece every 20 ms, three times), `exit` (answers, then closes at once).
 */
export async function anApp(id: string): Promise<App> {
  const arrivals: string[] = []
  const server = createServer({ maxHeaderSize: 65_536 }, (req, res) => {
    arrivals.push(`${req.method} ${req.url}`)
    void act(id, req, res)
  })
  server.on('upgrade', (req, socket) => {
    arrivals.push(`UPGRADE ${req.url}`)
    socket.on('error', () => {})
    if (req.headers['x-do'] === 'refuse') {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnono')
      return
    }
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\n\r\n')
    socket.pipe(socket)
  })
  return appOn(id, server, arrivals)
}

/** An app that speaks HTTP by hand: `onRequest` gets each request that it has read whole. */
export async function aRawApp(
  id: string,
  onRequest: (socket: Socket, count: number) => void,
): Promise<App> {
  const arrivals: string[] = []
  const server = createRawServer((socket) => {
    socket.on('error', () => {})
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (!text.includes('\r\n\r\n')) return
      arrivals.push(text.slice(0, text.indexOf(' HTTP/')))
      text = ''
      onRequest(socket, arrivals.length)
    })
  })
  return appOn(id, server, arrivals)
}

async function appOn(id: string, server: Server, arrivals: readonly string[]): Promise<App> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => resolve())
    })
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    id,
    port,
    arrivals,
    async kill() {
      for (const socket of sockets) socket.resetAndDestroy()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
    revive: () => listen(port),
  }
}

async function act(
  id: string,
  req: IncomingMessage,
  res: import('node:http').ServerResponse,
): Promise<void> {
  const mood = req.headers['x-do'] ?? 'answer'
  if (mood === 'reset') return void req.socket.resetAndDestroy()
  if (mood === 'hang') return
  let bytes = 0
  req.on('error', () => {})
  res.on('error', () => {})
  try {
    for await (const chunk of req) bytes += (chunk as Buffer).length
  } catch {
    return
  }
  if (mood === 'slow') await sleep(200)
  if (mood === 'midway') {
    res.writeHead(200, { 'content-length': '100' })
    res.write('the beginning', () => setTimeout(() => req.socket.resetAndDestroy(), 5))
    return
  }
  if (mood === 'empty') return void res.writeHead(204).end()
  if (mood === 'big') return void res.end(Buffer.alloc(8 * 1024 * 1024, 'x'))
  if (mood === 'stream') {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.flushHeaders()
    for (let piece = 1; piece <= 3; piece++) {
      await sleep(20)
      res.write(`data: ${piece}\n\n`)
    }
    return void res.end()
  }
  const body = JSON.stringify({ id, method: req.method, url: req.url, bytes, raw: req.rawHeaders })
  const status = mood === 'fail' ? 500 : 200
  const length = Buffer.byteLength(body)
  res.writeHead(status, { 'content-length': length, 'x-served-by': id })
  res.end(body, () => {
    if (mood === 'exit') req.socket.destroy()
  })
}

export function anEndpoint(app: Pick<App, 'id' | 'port'>, parts: Partial<Endpoint> = {}): Endpoint {
  const { id: instanceId, port } = app
  return { instanceId, releaseId: 'rel-1', address: '127.0.0.1', port, ready: true, ...parts }
}

export function aBackend(parts: Partial<Backend> = {}): Backend {
  const route = { host: 'shop.localhost', path: '/', expose: 'public' }
  return {
    id: 'local/default/shop/web',
    online: [],
    maintenance: [],
    route,
    listener: null,
    ...parts,
  }
}

export interface CallOptions {
  readonly method?: string
  readonly path?: string
  readonly host?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
  readonly agent?: Agent
  /** The client goes away after so long, in ms. */
  readonly leaveAfterMs?: number
}

export interface Answer {
  /** 0: there was none, or it broke off. */
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** Ms from the call to each piece of the body. */
  readonly piecesAt: readonly number[]
}

/** Makes one request; never rejects: a broken answer has the status 0. */
export function call(port: number, options: CallOptions = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const startedAt = performance.now()
    const none = (): void => resolve({ status: 0, headers: {}, text: '', piecesAt: [] })
    const req = request({
      host: '127.0.0.1',
      port,
      method: options.method ?? 'GET',
      path: options.path ?? '/',
      agent: options.agent ?? false,
      headers: { host: options.host ?? 'shop.localhost', ...options.headers },
    })
    req.on('error', none)
    req.on('response', (res) => {
      const chunks: Buffer[] = []
      const piecesAt: number[] = []
      res.on('error', none)
      res.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        piecesAt.push(performance.now() - startedAt)
      })
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, piecesAt })
      })
    })
    if (options.leaveAfterMs !== undefined) {
      setTimeout(() => req.destroy(), options.leaveAfterMs)
    }
    req.end(options.body)
  })
}

/** Writes raw bytes and gives all that comes back until the other side closes. */
export async function callRaw(port: number, bytes: string): Promise<string> {
  const { connect } = await import('node:net')
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes, 'latin1')
  let text = ''
  try {
    for await (const chunk of socket) text += (chunk as Buffer).toString('latin1')
  } catch {
    // What came before the reset is the answer.
  }
  return text
}

/** The counts of a backend's pool in all, or of one instance. */
export async function countsOf(
  driver: IngressDriver,
  pool: 'online' | 'maintenance' = 'online',
  instanceId: string | null = null,
): Promise<Counters> {
  const { series } = await driver.observe()
  const found = series.find((one) => one.pool === pool && one.instanceId === instanceId)
  if (found === undefined) throw new Error(`no series of ${instanceId ?? 'the pool'} in ${pool}`)
  return structuredClone(found.counters)
}

/** Requests that were sent and have not ended. */
export function underWayOf(counters: Counters): number {
  return counters.sent - counters.answered - failedOf(counters) - counters.clientAborted
}

/** Waits until `holds`, looking often; fails the test when it does not within `waitMs`. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  waitMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + waitMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`it did not come about: ${what}`)
    await sleep(5)
  }
}
