import type { Socket } from 'node:net'
import {
  fastify,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import type { Clock } from '../base/clock.ts'
import { Fault, Refusal } from '../base/errors.ts'
import { newId } from '../base/ids.ts'
import type { Random } from '../base/random.ts'
import type { RouteDefinition } from '../wire/route.ts'
import type { Identity } from './authentication.ts'
import { BodyGuard } from './body-guard.ts'
import { checkCanonical, pathOf } from './canonical-path.ts'
import { OpenStreams } from './open-streams.ts'
import type { HttpKitOptions } from './kit-options.ts'
import { bodyTooLarge, problemOf } from './problems.ts'
import { routeHandler, type RouteContext } from './route-handler.ts'
import { UnusedConnections } from './unused-connections.ts'
import { addSocketRoutes } from './web-sockets.ts'

/**
 * Fastify from a table of routes. What every request goes through, in this order: the canonical
 * path, the caller, the route's rule, the body's bounds, the schemas, and only then the handler.
 */
export interface HttpKit {
  readonly app: FastifyInstance
  /** Ends long polls and event streams, then takes no more requests. */
  close(): Promise<void>
}

declare module 'fastify' {
  interface FastifyRequest {
    identity: Identity | undefined
    /** The body as it was sent; kept for the hash of an idempotency key only. */
    rawBody: string | undefined
  }
}

/** Bytes of a JSON body where the route does not say. */
const bodyBytesDefault = 1024 * 1024

/** Time that a client gets to see why its body was not read, in ms, before it is cut off. */
const lingerMs = 1_000

/** Time for a request's headers to arrive, in ms. */
const headersMs = 10_000

/** How often Node.js looks for connections that break `headersMs`, in ms. */
const connectionSweepMs = 2_000

/** Connections at once: 600 agents with two each, their ingresses, people, and as many again. */
const connectionsMax = 4_096

/** A digest with its prefix is 71 characters, a host name 253. */
const paramLengthMax = 256

/** A caller may name its own request, in these letters. */
const requestIdPattern = /^[\w.-]{1,64}$/

/** What a browser may make of an answer of the API: nothing. Pages bring headers of their own. */
const securityHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

/** Stands in for fastify's own schema compilers; no route gives fastify a schema. */
const unusedCompilers = {
  compilersFactory: {
    buildValidator: () => () => () => true,
    buildSerializer: () => () => JSON.stringify,
  },
} as unknown as NonNullable<FastifyServerOptions['schemaController']>

/** Makes the server's HTTP side; it listens when `app.listen` is called. */
export function openHttp(options: HttpKitOptions): HttpKit {
  const guard = new BodyGuard(options.clock)
  const streams = new OpenStreams(options.authentication, options.clock)
  const app = newFastify(options)
  const unused = new UnusedConnections(app.server)
  answerErrors(app, options)
  identifyAll(app, options, guard)
  const context: RouteContext = { ...options, guard, streams }
  addJsonRoutes(app, context)
  addStreamRoutes(app, context)
  addSocketRoutes(app, context)
  app.setNotFoundHandler(async (request, reply) => {
    if (!pathOf(request.url).startsWith('/v1') && (await options.pages.serve(request, reply))) {
      return reply
    }
    throw unknownRoute(request)
  })
  return {
    app,
    async close() {
      streams.closeAll(new Fault('server-stopping', 'the server is stopping'))
      const closed = app.close()
      unused.closeAll()
      await closed
    },
  }
}

function newFastify({ random, log }: HttpKitOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: bodyBytesDefault,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: paramLengthMax },
    http: { headersTimeout: headersMs, connectionsCheckingInterval: connectionSweepMs },
    // Schemas are checked by route-handler.ts: neither ajv nor its like is loaded.
    schemaController: unusedCompilers,
    genReqId: requestIds(random),
    clientErrorHandler: answerClientError,
    // A path that fastify cannot even look up: no hook and no error handler has seen it.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply): void => {
      const { status, headers, body } = problemOf(error, request.id, log)
      void reply
        .code(status)
        .headers({ ...securityHeaders, ...headers })
        .type('application/json; charset=utf-8')
        .send(JSON.stringify(body))
    },
  })
  app.server.maxConnections = connectionsMax
  return app
}

/** The caller's own id, or a number behind a prefix of chance: chance for each costs 3 %. */
function requestIds(random: Random): (request: RawRequestHeaders) => string {
  const prefix = newId('req', random)
  let count = 0
  return ({ headers }) => {
    const given = headers['x-request-id']
    if (typeof given === 'string' && requestIdPattern.test(given)) return given
    count++
    return `${prefix}-${count.toString(36)}`
  }
}

interface RawRequestHeaders {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

function answerErrors(app: FastifyInstance, { log, clock, refusals }: HttpKitOptions): void {
  app.setErrorHandler((error, request, reply) => {
    refusals.note(error, request.ip, request.identity?.caller.name)
    const problem = problemOf(error, request.id, log)
    const isTooMuch = problem.status === 413 || problem.status === 408
    closeGently(request, reply, isTooMuch, clock)
    return reply.code(problem.status).headers(problem.headers).send(problem.body)
  })
}

/**
 * Ends the connection of a refused request whose body goes on coming. Closed at once, the client
 * would be reset in the middle of its sending and never see the answer; so it gets a moment, in
 * which the rest is thrown away, or not even read where it is too much or too slow.
 */
function closeGently(
  { raw }: FastifyRequest,
  reply: FastifyReply,
  isTooMuch: boolean,
  clock: Clock,
): void {
  if (raw.complete) return
  reply.removeHeader('connection')
  reply.raw.once('finish', () => {
    if (raw.complete) return
    // In the next turn: in this one Node.js itself sets out to read the rest.
    if (isTooMuch) clock.after(0, () => raw.socket.pause())
    clock.after(lingerMs, () => {
      if (!raw.complete) raw.socket.destroy()
    })
  })
}

/** The first hook of every request, unknown paths included. */
function identifyAll(app: FastifyInstance, options: HttpKitOptions, guard: BodyGuard): void {
  app.decorateRequest('identity', undefined)
  app.decorateRequest('rawBody', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    try {
      reply.headers(securityHeaders).header('x-request-id', request.id)
      checkCanonical(request.raw.url ?? '')
      const { definition } = request.routeOptions.config
      if (definition !== undefined) {
        request.identity = options.authentication.admit(definition.rule, {
          headers: request.headers,
          address: request.ip,
          isWrite: isWrite(definition),
        })
        guardBody(request, definition, guard)
      }
      done()
    } catch (error) {
      done(error as Error)
    }
  })
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.routeOptions.config.definition?.bodyKind !== 'stream') guard.end(request.raw)
    done()
  })
  app.addHook('onResponse', (request, _reply, done) => {
    guard.end(request.raw)
    done()
  })
}

function guardBody(request: FastifyRequest, definition: RouteDefinition, guard: BodyGuard): void {
  const { raw } = request
  const length = Number(raw.headers['content-length'] ?? 0)
  const hasBody = length > 0 || raw.headers['transfer-encoding'] !== undefined
  if (!hasBody) return
  const limit = definition.bodyBytesMax ?? bodyBytesDefault
  if (length > limit) throw bodyTooLarge(limit)
  // Route handlers of streams watch their own body; here it is fastify that reads.
  if (definition.bodyKind === 'stream') return
  guard.begin(raw, false, (error) => raw.emit('error', Object.assign(error, { statusCode: 408 })))
}

function addJsonRoutes(app: FastifyInstance, context: RouteContext): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<string>(
    'application/json',
    { parseAs: 'string' },
    (request, body, done) => {
      if (request.headers['idempotency-key'] !== undefined) request.rawBody = body
      if (body === '') done(null, undefined)
      else void parse(request, body, done)
    },
  )
  for (const definition of context.routes) {
    if (definition.bodyKind === 'stream' || definition.open !== undefined) continue
    addRoute(app, definition, context)
  }
}

/** A WebSocket changes things with every message: a page of another origin may not open one. */
function isWrite({ method, open }: RouteDefinition): boolean {
  return open !== undefined || (method !== 'GET' && method !== 'HEAD')
}

/** Routes that read their body themselves live in a scope where nothing is parsed. */
function addStreamRoutes(app: FastifyInstance, context: RouteContext): void {
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null))
    for (const definition of context.routes) {
      if (definition.bodyKind === 'stream') addRoute(scope, definition, context)
    }
    done()
  })
}

function addRoute(app: FastifyInstance, definition: RouteDefinition, context: RouteContext): void {
  app.route({
    method: definition.method,
    url: definition.path,
    bodyLimit: definition.bodyBytesMax ?? bodyBytesDefault,
    config: { definition },
    handler: routeHandler(definition, context),
  })
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The row of the table that the request met; undefined for pages and unknown paths. */
    definition?: RouteDefinition
  }
}

function unknownRoute(request: FastifyRequest): Refusal {
  return new Refusal('route-unknown', `there is no ${request.method} ${pathOf(request.url)}`, {
    status: 404,
    hint: 'GET /docs shows all routes',
  })
}

/** Answers what never became a request: broken HTTP, headers that are too long or too slow. */
function answerClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const [status, code] = clientErrors[error.code ?? ''] ?? ['400 Bad Request', 'http-invalid']
  const message = 'this is not a request that can be read'
  const body = JSON.stringify({ error: { code, message, requestId: 'req-unread' } })
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nConnection: close`
  socket.end(`${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

const clientErrors: Readonly<Record<string, readonly [string, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'headers-too-slow'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'headers-too-large'],
}
