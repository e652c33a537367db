import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../base/errors.ts'
import type { Caller } from '../parts/access/model.ts'
import type { State } from '../store/port.ts'
import type { RouteDefinition, RouteReply, RouteRequest } from '../wire/route.ts'
import type { BodyGuard } from './body-guard.ts'
import type { HttpKitOptions } from './kit-options.ts'
import type { OpenStreams } from './open-streams.ts'
import { unsupportedMediaType } from './problems.ts'
import { compileCheck, queryCheck, type Check } from './validation.ts'

/** All that a route's handler is run with. */
export interface RouteContext extends HttpKitOptions {
  readonly guard: BodyGuard
  readonly streams: OpenStreams
}

/** Says at which revision an answer is true; sent by a reader, it waits until this is seen. */
export const revisionHeader = 'roadstead-revision'

/** Longest that a read waits for a revision, in ms. */
const revisionWaitMs = 5_000

/** The last steps of a request that was admitted: schemas, the handler, the answer. */
export function routeHandler(definition: RouteDefinition, context: RouteContext) {
  const checks = checksOf(definition)
  const isRead = definition.method === 'GET' || definition.method === 'HEAD'
  const isStream = definition.bodyKind === 'stream'
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const incoming = new IncomingRequest(request, reply, context, checks)
    if (isRead) await awaitRevision(request.headers[revisionHeader], context.state)
    let answer: RouteReply
    if (isStream) answer = await handleStream(definition, incoming, request, context)
    else if (isRead) answer = await definition.handle(incoming)
    else answer = await context.idempotency.run(request, () => definition.handle(incoming))
    return send(reply, answer, request, context)
  }
}

/** What the parts of a request have to pass. */
export interface Checks {
  readonly params: Check | undefined
  readonly query: Check
  readonly body: Check | undefined
}

/** The checks of one route, each compiled when it is first met. */
export function checksOf({ params, query, body }: RouteDefinition): Checks {
  return {
    params: params === undefined ? undefined : compileCheck(params, 'params', true),
    query: queryCheck(query),
    body: body === undefined ? undefined : compileCheck(body, 'body', false),
  }
}

/** A request as routes see it; what costs something is made when it is asked for. */
export class IncomingRequest implements RouteRequest {
  readonly caller: Caller | undefined
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  readonly headers: RouteRequest['headers']
  readonly requestId: string
  readonly address: string
  readonly stream: Readable | undefined
  readonly #reply: FastifyReply
  readonly #streams: OpenStreams
  #controller: AbortController | undefined

  constructor(request: FastifyRequest, reply: FastifyReply, context: RouteContext, checks: Checks) {
    const { definition } = request.routeOptions.config
    this.caller = request.identity?.caller
    this.params = checks.params?.(request.params) ?? request.params
    this.query = checks.query(request.query)
    this.body = checks.body === undefined ? request.body : checks.body(bodyOf(request))
    this.headers = request.headers as RouteRequest['headers']
    this.requestId = request.id
    this.address = request.ip
    this.stream = definition?.bodyKind === 'stream' ? request.raw : undefined
    this.#reply = reply
    this.#streams = context.streams
  }

  get signal(): AbortSignal {
    return this.controller.signal
  }

  get controller(): AbortController {
    if (this.#controller !== undefined) return this.#controller
    const controller = new AbortController()
    this.#controller = controller
    this.#streams.add(controller)
    this.#reply.raw.once('close', () => {
      this.#streams.forget(controller)
      controller.abort(new Refusal('client-gone', 'the client went away', { status: 499 }))
    })
    return controller
  }
}

function bodyOf(request: FastifyRequest): unknown {
  if (request.body !== undefined) return request.body
  const type = request.headers['content-type']
  if (type !== undefined && !type.startsWith('application/json')) throw unsupportedMediaType()
  throw new Refusal('body-missing', 'this route needs a body', {
    hint: 'send a JSON object with Content-Type: application/json',
    path: '/body',
  })
}

/** Lets a reader wait until the state has seen the revision that it asks for, if it does. */
export async function awaitRevision(header: unknown, state: State): Promise<void> {
  if (header === undefined) return
  const revision = Number(header)
  if (!Number.isSafeInteger(revision) || revision < 0) {
    throw new Refusal('input-invalid', 'Roadstead-Revision is no revision', {
      path: '/headers/roadstead-revision',
      hint: 'send the number that an answer carried in the same header',
    })
  }
  if (state.snapshot.revision < revision) await state.waitFor(revision, revisionWaitMs)
}

/** Runs the handler of a streamed body, and ends both when the body comes too slowly. */
async function handleStream(
  definition: RouteDefinition,
  incoming: IncomingRequest,
  request: FastifyRequest,
  { guard }: RouteContext,
): Promise<RouteReply> {
  const { promise: tooSlow, reject } = Promise.withResolvers<never>()
  // The handler is not aborted: it would destroy the connection that the answer is to go out by.
  // It ends with the connection, a moment after the answer.
  guard.begin(request.raw, true, reject)
  const handled = definition.handle(incoming)
  // Whichever loses the race has nobody left to tell.
  handled.catch(() => {})
  tooSlow.catch(() => {})
  return Promise.race([handled, tooSlow])
}

function send(
  reply: FastifyReply,
  answer: RouteReply,
  request: FastifyRequest,
  { state, streams }: RouteContext,
): FastifyReply {
  const { body } = answer
  reply.code(answer.status ?? 200).header(revisionHeader, state.snapshot.revision)
  if (answer.headers !== undefined) reply.headers(answer.headers)
  if (body instanceof Readable) {
    if (request.identity !== undefined) streams.watch(body, request.identity)
    return reply.send(body)
  }
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    return reply.send(body)
  }
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body))
}
