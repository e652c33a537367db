/**
 * The HTTP side of a service: routes, JSON, /healthz, a quiet log, and an end without a cut answer.
 *
 * Each service carries its own copy on purpose: an artifact holds all that it runs, and a shared
 * library would make the teams of this shop release together.
 */
import { createServer } from 'node:http'

/** Bytes of a request's body at the most. */
const bodyBytesMax = 64 * 1024
/** One line per so many requests: the shop should be heard, not drown its log. */
const requestsPerLine = 500

/**
 * Serves `routes`, such as `['GET', '/products/:id', handler]`, on $PORT. A handler gets
 * `{ url, params, body, headers }` and returns `{ status, headers, json }` or `{ html }`.
 */
export function serve(name, routes, isHealthy = () => true) {
  const table = routes.map(([method, path, handle]) => ({ method, handle, ...patternOf(path) }))
  let count = 0
  let slowestMs = 0
  const server = createServer(async (request, response) => {
    const startedAt = performance.now()
    // Told to end: this connection, too, is to be closed once its answer is whole.
    if (!server.listening) response.setHeader('connection', 'close')
    answer(response, await replyTo(request))
    slowestMs = Math.max(slowestMs, performance.now() - startedAt)
    if (++count % requestsPerLine !== 0) return
    console.log(`${name}: ${count} requests, slowest of the last ${Math.round(slowestMs)} ms`)
    slowestMs = 0
  })

  async function replyTo(request) {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === '/healthz') return { status: isHealthy() ? 200 : 503, json: { name } }
    const wanted = request.method === 'HEAD' ? 'GET' : request.method
    const route = table.find(
      ({ method, pattern }) => method === wanted && pattern.test(url.pathname),
    )
    if (route === undefined) return { status: 404, json: { error: 'there is nothing here' } }
    try {
      const values = route.pattern.exec(url.pathname)?.slice(1).map(decodeURIComponent) ?? []
      const params = Object.fromEntries(route.names.map((key, index) => [key, values[index]]))
      const body = await bodyOf(request)
      return await route.handle({ url, params, body, headers: request.headers })
    } catch (error) {
      console.error(`${name}: ${request.method} ${url.pathname}: ${error.message}`)
      return { status: error.status ?? 500, json: { error: error.message } }
    }
  }

  // Longer than any proxy keeps a connection idle: the side that reuses it must be the one to end it.
  server.keepAliveTimeout = 75_000
  const host = process.env.HOST ?? '127.0.0.1'
  server.listen(Number(process.env.PORT), host, () => {
    console.log(
      `${name} ${process.env.VERSION ?? 'v1'} listens on ${host}:${server.address().port}`,
    )
  })
  for (const signal of ['SIGTERM', 'SIGINT']) {
    // Takes no more connections, ends the idle ones, and waits for the requests under way.
    process.once(signal, () => server.close(() => process.exit(0)))
  }
}

function patternOf(path) {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, key]) => key)
  return { names, pattern: new RegExp(`^${path.replaceAll(/:\w+/g, '([^/]+)')}$`) }
}

async function bodyOf(request) {
  const chunks = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > bodyBytesMax)
      throw Object.assign(new Error('the body is too long'), { status: 413 })
    chunks.push(chunk)
  }
  if (bytes === 0) return undefined
  const text = Buffer.concat(chunks).toString()
  if (request.headers['content-type'] !== 'application/json') return new URLSearchParams(text)
  try {
    return JSON.parse(text)
  } catch {
    throw Object.assign(new Error('the body is no JSON'), { status: 400 })
  }
}

function answer(response, { status = 200, headers = {}, json, html }) {
  const body = html ?? JSON.stringify(json ?? null)
  const type = html === undefined ? 'application/json' : 'text/html; charset=utf-8'
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...headers,
  })
  response.end(body)
}
