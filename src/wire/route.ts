import type { Duplex, Readable } from 'node:stream'
import Type, { type Static, type TSchema } from 'typebox'
import { Refusal } from '../base/errors.ts'
import type { Caller, Rule } from '../parts/access/model.ts'

/**
 * A route as data. Parts export lists of them; the server's HTTP kit checks the caller against
 * `rule`, the input against the schemas, and answers. A route without a rule does not compile.
 */
export interface RouteDefinition {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Fastify's form: `/v1/instances/:id`. */
  readonly path: string
  /** Who may call it. */
  readonly rule: Rule
  /** One sentence for the API's documentation. */
  readonly summary: string
  readonly tag: string
  readonly params?: TSchema
  readonly query?: TSchema
  readonly body?: TSchema
  /** What the documentation shows, where the handler itself checks more than `body` says. */
  readonly bodyShown?: TSchema
  /** The schema of each status's answer. */
  readonly answers: Readonly<Record<number, TSchema>>
  /** Bytes of the body at the most; the kit's default is 1 MiB. */
  readonly bodyBytesMax?: number
  /** `stream`: the body is not read; the handler gets it as `request.stream`. */
  readonly bodyKind?: 'json' | 'stream'
  /** Handles a request whose schemas passed. */
  handle(request: RouteRequest): Promise<RouteReply>
  /** Of a WebSocket: admits the request, and says who takes its messages. */
  readonly open?: (request: RouteRequest) => MessageTaker
}

/** Takes a WebSocket as a stream of its messages: text is a string, what is binary a Buffer. */
export type MessageTaker = (messages: Duplex) => void

export interface RouteRequest {
  /** Present on every route whose rule is not `public`. */
  readonly caller: Caller | undefined
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly requestId: string
  /** The client's network address. */
  readonly address: string
  /** The raw body, for `bodyKind: 'stream'`. */
  readonly stream: Readable | undefined
  /** Aborts when the client goes away or the server stops. */
  readonly signal: AbortSignal
}

export interface RouteReply {
  /** 200 by default. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** JSON data, a stream, or nothing. */
  readonly body?: unknown
}

/** A route with the types of its schemas, checked where it is written. */
export interface TypedRoute<
  Params extends TSchema,
  Query extends TSchema,
  Body extends TSchema,
> extends Omit<RouteDefinition, 'params' | 'query' | 'body' | 'handle'> {
  readonly params?: Params
  readonly query?: Query
  readonly body?: Body
  handle(
    request: Omit<RouteRequest, 'params' | 'query' | 'body'> & {
      readonly params: Static<Params>
      readonly query: Static<Query>
      readonly body: Static<Body>
    },
  ): Promise<RouteReply>
}

/** Keeps the types of a route's schemas for its handler, and drops them for the table. */
export function route<
  Params extends TSchema = TSchema,
  Query extends TSchema = TSchema,
  Body extends TSchema = TSchema,
>(definition: TypedRoute<Params, Query, Body>): RouteDefinition {
  return definition as unknown as RouteDefinition
}

/** A route that is a WebSocket; `open` may refuse, as long as it answers at once. */
export function socketRoute<Params extends TSchema>(
  definition: Omit<RouteDefinition, 'method' | 'params' | 'answers' | 'handle' | 'open'> & {
    readonly params: Params
    open(request: Omit<RouteRequest, 'params'> & { readonly params: Static<Params> }): MessageTaker
  },
): RouteDefinition {
  return {
    ...(definition as unknown as RouteDefinition),
    method: 'GET',
    answers: { 101: Type.Null() },
    handle() {
      throw new Refusal('upgrade-required', 'this route is a WebSocket', {
        status: 426,
        hint: 'connect with Upgrade: websocket',
      })
    },
  }
}
