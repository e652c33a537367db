import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import type { State } from '../store/port.ts'
import type { RouteDefinition } from '../wire/route.ts'
import type { Authentication } from './authentication.ts'
import type { Idempotency } from './idempotency.ts'
import type { RefusalAudit } from './refusal-audit.ts'

/** What the HTTP side is made of. */
export interface HttpKitOptions {
  readonly routes: readonly RouteDefinition[]
  readonly state: State
  readonly authentication: Authentication
  readonly idempotency: Idempotency
  readonly refusals: RefusalAudit
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Answers what is not under /v1: the console and the API's documentation; both hold no data. */
  readonly pages: Pages
}

/** Public pages; false when there is none at this path. */
export interface Pages {
  serve(request: FastifyRequest, reply: FastifyReply): Promise<boolean>
}
