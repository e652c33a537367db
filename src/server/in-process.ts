import { newId } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { RouteDefinition, RouteReply, RouteRequest } from '../wire/route.ts'
import { Bug } from '../base/errors.ts'
import type { ServerCore } from './core.ts'
import { problemOf } from './problems.ts'
import { awaitRevision, checksOf, revisionHeader, type Checks } from './route-handler.ts'

/**
 * The server without HTTP: a call names the route's own pattern and meets the same caller's rule,
 * schemas, idempotency and errors as a request over the wire. What is left out is what only bytes
 * need: canonical paths, the bounds of bodies, timeouts of sockets.
 */
export interface InProcessCall {
  /** Method and pattern, as the table has them: `POST /v1/agents/:nodeId/report`. */
  readonly route: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly params?: Readonly<Record<string, string>>
  /** As text, or already in the types of the schema. */
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
  /** The body of a route that reads it itself. */
  readonly stream?: RouteRequest['stream']
  /** The client's network address. */
  readonly address: string
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal
}

export interface InProcessAnswer {
  readonly status: number
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
  /** At which revision it is true. */
  readonly revision: number
}

/** Answers calls; never rejects: what fails is an answer like any other. */
export type AnswerInProcess = (call: InProcessCall) => Promise<InProcessAnswer>

interface Row {
  readonly definition: RouteDefinition
  readonly checks: Checks
}

/** Opens the way into the server's routes. */
export function openInProcess(
  core: ServerCore,
  { random, log }: { readonly random: Random; readonly log: Log },
): AnswerInProcess {
  const rows = new Map<string, Row>()
  for (const definition of core.routes) {
    const row = { definition, checks: checksOf(definition) }
    rows.set(`${definition.method} ${definition.path}`, row)
  }
  const prefix = newId('req', random)
  let count = 0
  return async (call) => {
    const requestId = `${prefix}-${++count}`
    try {
      const row = rows.get(call.route)
      if (row === undefined) throw new Bug(`there is no route ${call.route}`)
      const reply = await answer(core, row, call, requestId)
      const { status = 200, body, headers = {} } = reply
      return { status, body, headers, revision: core.state.snapshot.revision }
    } catch (error) {
      core.refusals.note(error, call.address, undefined)
      const { status, body, headers } = problemOf(error, requestId, log)
      return { status, body, headers, revision: core.state.snapshot.revision }
    }
  }
}

/** Everything between the call and the handler, in the order of the HTTP side. */
async function answer(
  { authentication, idempotency, state }: ServerCore,
  { definition, checks }: Row,
  call: InProcessCall,
  requestId: string,
): Promise<RouteReply> {
  const { headers, address } = call
  const { method, rule } = definition
  const isWrite = method !== 'GET' && method !== 'HEAD'
  const identity = authentication.admit(rule, { headers, address, isWrite })
  const request: RouteRequest = {
    caller: identity?.caller,
    params: checks.params?.(call.params ?? {}) ?? call.params,
    query: checks.query(call.query ?? {}),
    body: checks.body?.(call.body) ?? call.body,
    headers,
    requestId,
    address,
    stream: call.stream,
    // Asked for by the few routes that wait: who calls may make it only then.
    get signal() {
      return call.signal
    },
  }
  if (!isWrite) {
    if (headers[revisionHeader] !== undefined) await awaitRevision(headers[revisionHeader], state)
    return definition.handle(request)
  }
  if (headers['idempotency-key'] === undefined || definition.bodyKind === 'stream') {
    return definition.handle(request)
  }
  const url = `${definition.path} ${JSON.stringify([call.params, call.query])}`
  const rawBody = JSON.stringify(call.body)
  return idempotency.run({ identity, method, url, headers, rawBody }, () =>
    definition.handle(request),
  )
}
