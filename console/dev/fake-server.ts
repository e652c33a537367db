import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { FakeAppApi } from './fake-app-api.ts'
import {
  fakeBounds,
  fakePlatform,
  fakeTokens,
  historyOf,
  pageOfEvents,
  plansOf,
} from './fake-events.ts'
import { FakeLogs } from './fake-logs.ts'
import type { SceneName } from './fake-scenes.ts'
import { FakeWorld } from './fake-world.ts'

/**
 * A server to develop and test the console against: the API's reads over a world of its own, the
 * built files, and the content security policy of the real one. No product code depends on it.
 *
 *     node console/dev/fake-server.ts [shop|fleet|large|wide|empty|hostile] [port]
 */

export interface FakeServer {
  readonly url: string
  readonly world: FakeWorld
  /** What was asked of it, and what it is to refuse. */
  readonly app: FakeAppApi
  /** Whose token every session stands for. */
  setRole(role: string): void
  /** Ends all streams and refuses new ones, as a dead server would; `false` ends that. */
  setDown(isDown: boolean): void
  /** As if all sessions had run out. */
  endSessions(): void
  close(): Promise<void>
}

/** The policy that the console must live under; src/server sends the same. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

export const fakeToken = 'rst_harbour'

const built = join(import.meta.dirname, '../../dist/console')
const tickMs = 100

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}

/** Starts a world and its server on loopback; port 0 takes any. */
export async function startFakeServer(
  scene: SceneName,
  { port = 0, files = built }: { readonly port?: number; readonly files?: string } = {},
): Promise<FakeServer> {
  const world = new FakeWorld(scene, Date.now())
  const handler = new FakeApi(world, files)
  const server = createServer((request, response) => void handler.answer(request, response))
  const timer = setInterval(() => world.tick(Date.now(), tickMs), tickMs)
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const { port: taken } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${taken}`,
    world,
    app: handler.app,
    setRole: (role) => {
      handler.role = role
    },
    setDown: (isDown) => handler.setDown(isDown),
    endSessions: () => handler.sessions.clear(),
    close: async () => {
      clearInterval(timer)
      await closed(server)
    },
  }
}

class FakeApi {
  readonly sessions = new Set<string>()
  readonly app: FakeAppApi
  role = 'operator'
  readonly #world: FakeWorld
  readonly #files: string
  readonly #logs: FakeLogs
  readonly #streams = new Set<ServerResponse>()
  #isDown = false

  constructor(world: FakeWorld, files: string) {
    this.#world = world
    this.app = new FakeAppApi(world)
    this.#logs = new FakeLogs(world.apps, Date.now(), world.scene === 'hostile')
    this.#files = files
  }

  setDown(isDown: boolean): void {
    this.#isDown = isDown
    if (!isDown) return
    for (const stream of this.#streams) stream.destroy()
    this.#streams.clear()
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (!url.pathname.startsWith('/v1/')) return sendFile(this.#files, url.pathname, response)
    if (this.#isDown) return void response.destroy()
    if (url.pathname === '/v1/session') return this.#session(request, response)
    if (!this.sessions.has(sessionOf(request))) return refuse(response, 401, 'unauthenticated')
    if (url.pathname === '/v1/watch') return this.#watch(url, request, response)
    if (url.pathname === '/v1/logs/follow') return this.#followLogs(url, response)
    if (request.method !== 'GET') return this.#write(url, request, response)
    const body = this.#read(url)
    if (body === undefined) return refuse(response, 404, 'not-found')
    sendJson(response, 200, body)
  }

  #read(url: URL): unknown {
    const now = Date.now()
    const limit = Number(url.searchParams.get('limit') ?? 100)
    switch (url.pathname) {
      case '/v1/apps':
        return { items: this.#world.appViews(now) }
      case '/v1/traffic':
        return { items: this.#world.trafficViews(now) }
      case '/v1/nodes':
        return { items: this.#world.nodes }
      case '/v1/packing':
        return this.#world.fleet.packing(limit, url.searchParams.get('cursor'))
      case '/v1/findings':
        return { items: this.#world.findings }
      case '/v1/logs/histogram':
        return this.#logs.histogram(url.searchParams)
      case '/v1/logs':
        return isPaged(url.searchParams) ? this.#logs.page(url.searchParams) : this.app.read(url)
      case '/v1/events':
        return { items: pageOfEvents(this.#world.events, url.searchParams, limit) }
      case '/v1/history':
        return { items: [historyOf(url.searchParams)] }
      case '/v1/plans':
        return { items: plansOf(this.#world.events, url.searchParams.get('controller')) }
      case '/v1/tokens':
        return { items: fakeTokens }
      case '/v1/platform':
        return fakePlatform
      case '/v1/bounds':
        return { items: fakeBounds }
      case '/v1/rollouts':
        return { items: this.#world.rollouts.slice(0, limit) }
      default:
        return this.app.read(url)
    }
  }

  async #session(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const view = { name: this.role, role: this.role }
    if (request.method === 'GET') {
      if (!this.sessions.has(sessionOf(request))) return refuse(response, 401, 'unauthenticated')
      return sendJson(response, 200, view)
    }
    if (request.method === 'DELETE') {
      this.sessions.delete(sessionOf(request))
      return void response.writeHead(204).end()
    }
    const { token } = JSON.parse(await textOf(request)) as { token: string }
    if (token !== fakeToken) return refuse(response, 401, 'token-unknown')
    const id = `s${this.sessions.size}-${Date.now()}`
    this.sessions.add(id)
    response.setHeader('set-cookie', `session=${id}; HttpOnly; SameSite=Strict; Path=/`)
    sendJson(response, 200, view)
  }

  async #write(url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await textOf(request)
    const { status, body } = this.app.write({
      method: request.method ?? '',
      path: url.pathname + url.search,
      key: String(request.headers['idempotency-key'] ?? ''),
      body: text === '' ? undefined : JSON.parse(text),
    })
    sendJson(response, status, body)
  }

  #followLogs(url: URL, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write('retry: 1000\n\n')
    const stop = this.#logs.follow(url.searchParams, response)
    this.#streams.add(response)
    response.on('close', () => {
      stop()
      this.#streams.delete(response)
    })
  }

  #watch(url: URL, request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(': ahoy\n\n')
    const after = Number(request.headers['last-event-id'] ?? url.searchParams.get('after') ?? NaN)
    const tell = (change: FakeWorld['changes'][number]): void => {
      const data = JSON.stringify(change)
      response.write(`event: change\nid: ${change.revision}\ndata: ${data}\n\n`)
    }
    for (const change of this.#world.changes) if (change.revision > after) tell(change)
    this.#streams.add(response)
    const stop = this.#world.onChange(tell)
    const deafen = this.#world.onObserved((news) =>
      response.write(`event: observed\ndata: ${JSON.stringify(news)}\n\n`),
    )
    response.on('close', () => {
      stop()
      deafen()
      this.#streams.delete(response)
    })
  }
}

async function sendFile(root: string, path: string, response: ServerResponse): Promise<void> {
  const name = extname(path) === '' ? '/index.html' : normalize(path)
  try {
    const content = await readFile(join(root, name))
    response.writeHead(200, {
      'content-type': types[extname(name)] ?? 'application/octet-stream',
      'content-security-policy': contentSecurityPolicy,
      'x-content-type-options': 'nosniff',
    })
    response.end(content)
  } catch {
    response.writeHead(404).end()
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** The page of logs asks by time or place; the tail of one instance does not. */
function isPaged(query: URLSearchParams): boolean {
  return ['since', 'before', 'after'].some((name) => query.has(name))
}

function sessionOf(request: IncomingMessage): string {
  return /session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1] ?? ''
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function refuse(response: ServerResponse, status: number, code: string): void {
  const message = status === 401 ? 'Sign in first.' : 'There is no such thing.'
  sendJson(response, status, { error: { code, message, requestId: 'req-fake' } })
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}

if (import.meta.main) {
  const [scene = 'shop', port = '7099'] = process.argv.slice(2)
  const { url, world } = await startFakeServer(scene as SceneName, { port: Number(port) })
  process.stdout.write(`${url}/#token=${fakeToken}\n`)
  const again = (): void => {
    if (world.apps.length > 0) world.deploy(`v${world.rollouts.length}`, 1_000, Date.now())
  }
  again()
  // A rollout takes about forty beats; then the next.
  setInterval(again, 60_000)
}
