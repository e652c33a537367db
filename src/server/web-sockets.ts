import type { Duplex } from 'node:stream'
import fastifyWebsocket from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import type { Clock } from '../base/clock.ts'
import { execBytesMax } from '../wire/exec-protocol.ts'
import type { MessageTaker, RouteDefinition } from '../wire/route.ts'
import { messagesOf } from '../wire/messages.ts'
import { checksOf, IncomingRequest, type RouteContext } from './route-handler.ts'

/**
 * The routes that are WebSockets. Until they are upgraded they are requests like any other: whoever
 * is refused gets the usual answer and no connection.
 */

/** A peer is asked whether it lives this often, in ms; one that misses two is cut off. */
const pingEveryMs = 15_000

/** Adds them in a scope of their own, in which upgrades are understood. */
export function addSocketRoutes(app: FastifyInstance, context: RouteContext): void {
  const definitions = context.routes.filter(({ open }) => open !== undefined)
  if (definitions.length === 0) return
  const options = { maxPayload: execBytesMax + 1, clientTracking: true }
  // Broken connections are the business of whoever has their messages.
  void app.register(fastifyWebsocket, { options, errorHandler: () => {} })
  void app.register((scope, _options, done) => {
    for (const definition of definitions) addSocketRoute(scope, definition, context)
    done()
  })
}

function addSocketRoute(
  scope: FastifyInstance,
  definition: RouteDefinition,
  context: RouteContext,
): void {
  const checks = checksOf(definition)
  const takers = new WeakMap<FastifyRequest, MessageTaker>()
  scope.route({
    method: 'GET',
    url: definition.path,
    config: { definition },
    preHandler(request, reply, done) {
      try {
        const incoming = new IncomingRequest(request, reply, context, checks)
        const taker = request.ws ? definition.open?.(incoming) : undefined
        if (taker !== undefined) takers.set(request, taker)
        done()
      } catch (error) {
        done(error as Error)
      }
    },
    // Whoever comes without an upgrade.
    handler: (request) => definition.handle(request as never),
    wsHandler(socket, request) {
      const messages = watchedMessagesOf(socket, context.clock)
      if (request.identity !== undefined) context.streams.watch(messages, request.identity)
      takers.get(request)?.(messages)
    },
  })
}

/** A WebSocket as a stream of its messages, cut off when its peer is gone without a word. */
function watchedMessagesOf(socket: WebSocket, clock: Clock): Duplex {
  const messages = messagesOf(socket)
  let isHeard = true
  socket.on('pong', () => (isHeard = true))
  const ping = (): void => {
    if (socket.readyState > socket.OPEN) return
    if (!isHeard) return socket.terminate()
    isHeard = false
    socket.ping()
    clock.after(pingEveryMs, ping)
  }
  clock.after(pingEveryMs, ping)
  return messages
}
