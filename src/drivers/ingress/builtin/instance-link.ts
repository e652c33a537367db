import Pool from 'undici/lib/dispatcher/pool.js'
import type { Dispatcher } from 'undici'
import type { Endpoint } from '../../../parts/ingress/model.ts'
import { limits, upstreamIdle, type Patience } from './limits.ts'

/**
 * The way to one instance: its connections, what is under way on them, and how it did lately.
 *
 * Two sets of connections. `steady` carries requests that may be sent twice. `careful` carries those
 * that may not, and repetitions: it reuses a connection only if the instance has said for how long it
 * keeps one, and then gives it up long before.
 */
export class InstanceLink {
  readonly instanceId: string
  readonly releaseId: string
  readonly address: string
  readonly port: number
  /** The server's word on its checks. */
  isReady: boolean
  /** Requests chosen for it that have not ended, tunnels included. */
  underWay = 0
  /** When its pool chose it last, counted in choices. */
  lastTurn = 0
  /** The pool that it stands in; undefined: it is leaving, and gets no new request. */
  pool: object | undefined
  /** Monotonic ms until which others are preferred, since it refused a connection. */
  avoidedUntil = 0
  #saysHowLong = false
  readonly #steady: Pool
  readonly #careful: Pool

  constructor(endpoint: Endpoint, patience: Patience) {
    this.instanceId = endpoint.instanceId
    this.releaseId = endpoint.releaseId
    this.address = endpoint.address
    this.port = endpoint.port
    this.isReady = endpoint.ready
    const host = endpoint.address.includes(':') ? `[${endpoint.address}]` : endpoint.address
    const origin = `http://${host}:${endpoint.port}`
    const options = { ...poolOptions, headersTimeout: patience.answerMs }
    this.#steady = new Pool(origin, {
      ...options,
      keepAliveTimeout: upstreamIdle.silentMs,
      keepAliveMaxTimeout: upstreamIdle.silentMs,
    })
    this.#careful = new Pool(origin, {
      ...options,
      keepAliveTimeout: upstreamIdle.onceMs,
      keepAliveMaxTimeout: upstreamIdle.onceMs,
    })
  }

  /** Whether it is the way to what `endpoint` describes; a new address is a new way. */
  leadsTo(endpoint: Endpoint): boolean {
    return (
      this.instanceId === endpoint.instanceId &&
      this.address === endpoint.address &&
      this.port === endpoint.port
    )
  }

  /** Sends a request, over a connection that is beyond doubt when it may not meet a closing one. */
  dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    isCareful: boolean,
  ): void {
    if (!isCareful) this.#steady.dispatch(options, handler)
    else if (this.#saysHowLong) this.#careful.dispatch(options, handler)
    else this.#careful.dispatch({ ...options, reset: true }, handler)
  }

  /** Learns from the Keep-Alive header of an answer whether idle connections can be trusted. */
  learn(keepAlive: string): void {
    const seconds = /(?:^|[,\s])timeout=(\d+)/i.exec(keepAlive)?.[1]
    this.#saysHowLong = seconds !== undefined && Number(seconds) * 1_000 > upstreamIdle.saidLessMs
  }

  /** Closes its connections; those in use when their request has ended. */
  close(): void {
    void this.#steady.close().catch(() => {})
    void this.#careful.close().catch(() => {})
  }
}

const poolOptions = {
  allowH2: false,
  pipelining: 1,
  connect: { timeout: limits.connectTimeoutMs },
  autoSelectFamily: false,
  bodyTimeout: limits.silenceMsMax,
  keepAliveTimeoutThreshold: upstreamIdle.saidLessMs,
  maxHeaderSize: limits.headerBytesMax,
} satisfies Pool.Options
