import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { RouteDefinition } from '../wire/route.ts'
import type { Pages } from './kit-options.ts'
import { pathOf } from './canonical-path.ts'
import { describeApi } from './open-api.ts'

/**
 * What people open in a browser: the console at `/`, the API's documentation under `/docs`.
 *
 * Both hold no data, so both are public. Each lives in an app of its own that is loaded when it is
 * first asked for: a server that nobody browses pays nothing for them.
 */
export interface PagesOptions {
  readonly routes: readonly RouteDefinition[]
  readonly version: string
  /** Where the console was built; a page says how, when it was not. */
  readonly consoleDirectory: string
}

/** What the console may load: this server's files, and nothing written into the page. */
const consolePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** The API's documentation is not ours: its components write styles into the page. */
const docsPolicy = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ')

export class WebPages implements Pages {
  readonly #options: PagesOptions
  #docs: Promise<FastifyInstance> | undefined
  #console: Promise<FastifyInstance | undefined> | undefined
  #document: Promise<string> | undefined

  constructor(options: PagesOptions) {
    this.#options = options
  }

  /** The API's description as JSON; made once. */
  openApi(): Promise<string> {
    this.#document ??= this.#describe()
    return this.#document
  }

  async serve(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false
    const path = pathOf(request.url)
    if (path === '/docs' || path.startsWith('/docs/')) {
      this.#docs ??= openDocs(this.#options)
      handOver(await this.#docs, request, reply)
      return true
    }
    this.#console ??= openConsole(this.#options.consoleDirectory)
    const app = await this.#console
    if (app === undefined) return servePlaceholder(path, reply)
    // A path without a dot is a page of the console; its router knows which.
    const isPage = !path.includes('.')
    if (isPage && path !== '/' && !acceptsHtml(request)) return false
    if (isPage) request.raw.url = '/'
    handOver(app, request, reply)
    return true
  }

  async #describe(): Promise<string> {
    const { routes, version } = this.#options
    const app = await describeApi(routes, version)
    await app.ready()
    return JSON.stringify(app.swagger())
  }
}

/** The inner app answers on the very same connection; ours is out of the way. */
function handOver(app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack()
  reply.raw.setHeader('x-content-type-options', 'nosniff')
  reply.raw.setHeader('x-frame-options', 'DENY')
  reply.raw.setHeader('referrer-policy', 'no-referrer')
  app.routing(request.raw, reply.raw)
}

async function openDocs({ routes, version }: PagesOptions): Promise<FastifyInstance> {
  const { default: swaggerUi } = await import('@fastify/swagger-ui')
  const app = await describeApi(routes, version)
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: docsPolicy,
    // Nothing is sent to anybody's validator.
    uiConfig: { validatorUrl: null },
  })
  await app.ready()
  return app
}

async function openConsole(directory: string): Promise<FastifyInstance | undefined> {
  if (!(await exists(join(directory, 'index.html')))) return undefined
  const { fastify } = await import('fastify')
  const { default: files } = await import('@fastify/static')
  const app = fastify({ logger: false })
  await app.register(files, {
    root: directory,
    cacheControl: false,
    setHeaders(response, path) {
      // Vite puts a hash into the names of all but the page itself.
      const isHashed = path.includes('/assets/')
      response.header(
        'cache-control',
        isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      )
      response.header('content-security-policy', consolePolicy)
    },
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).type('text/plain').send('not found'))
  await app.ready()
  return app
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

function acceptsHtml(request: FastifyRequest): boolean {
  return request.headers.accept?.includes('text/html') === true
}

const placeholder = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Roadstead</title>
<body>
<h1>Roadstead is running</h1>
<p>The console has not been built in this checkout. Build it with <code>npm run build</code>,
then reload this page.</p>
<p>Meanwhile: <a href="/docs">the API's documentation</a>, <a href="/v1/health">its health</a>,
and <code>npx roadstead status</code> on the command line.</p>
</body>
</html>
`

/** Says how to get the console; other paths do not exist without it. */
function servePlaceholder(path: string, reply: FastifyReply): boolean {
  if (path !== '/') return false
  void reply.type('text/html; charset=utf-8').send(placeholder)
  return true
}
