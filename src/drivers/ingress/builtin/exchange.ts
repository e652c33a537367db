import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../../base/clock.ts'
import { messageOf } from '../../../base/errors.ts'
import type { Log } from '../../../base/log.ts'
import type { FailureCause } from '../../../parts/ingress/model.ts'
import type { Aim } from './aim.ts'
import { Attempt, type AttemptOwner, type RawHeaders } from './attempt.ts'
import type { Outcome, Tally } from './counts.ts'
import { answerFailure, answerText } from './failure-answer.ts'
import { answerHeaders } from './headers.ts'
import type { Held } from './hold-queue.ts'
import type { InstanceLink } from './instance-link.ts'
import { limits, type Patience } from './limits.ts'
import { RequestBody } from './request-body.ts'
import { isIdempotent, stepAfter, type AttemptFailure } from './retry-rules.ts'
import { runTunnel } from './tunnel.ts'

/** What an exchange needs of the ingress that it is part of. */
export interface ExchangeHost {
  readonly clock: Clock
  readonly log: Log
  readonly patience: Patience
  /** No connection is kept for a further request. */
  readonly isClosing: boolean
  /** The exchange has ended and was counted. */
  onSettled(exchange: Exchange): void
  /** An instance has one request less under way. */
  onLinkFreed(link: InstanceLink): void
}

export interface ExchangeParts {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly aim: Aim
  /** Path and query for the instance, as the client wrote them. */
  readonly target: string
  /** name, value, name, value. */
  readonly headers: string[]
  /** Bytes of the request's body at the most. */
  readonly bodyBytesMax: number
  /** Set-Cookie headers of the ingress itself, for the client. */
  readonly cookies: readonly string[]
  /** Set when the client asks to go on with another protocol. */
  readonly upgrade: { readonly protocol: string; readonly socket: Duplex } | null
}

/**
 * One request from its arrival to its end: the choice of an instance, as many attempts as the rules
 * allow, the answer, and one outcome, counted once.
 */
export class Exchange implements Held, AttemptOwner {
  holdUntil = 0
  readonly #host: ExchangeHost
  readonly #parts: ExchangeParts
  readonly #body: RequestBody
  readonly #startedAt: number
  #attempt: Attempt | undefined
  #attempts = 0
  /** Instances that failed this request, until all have been tried. */
  #tried: InstanceLink[] = []
  /** The instance that the request is to be counted as retried from, once it goes elsewhere. */
  #failedLink: InstanceLink | undefined
  #isAnswering = false
  #hasSentData = false
  /** The instance's own counts, since its answer began: from then on no other can take over. */
  #instanceTally: Tally | undefined
  #isAppError = false
  #isSettled = false

  constructor(host: ExchangeHost, parts: ExchangeParts) {
    this.#host = host
    this.#parts = parts
    this.#startedAt = host.clock.monotonic()
    this.#body = new RequestBody(parts.req, parts.res, host.clock, {
      bytesMax: parts.bodyBytesMax,
      onTooLarge: () => this.#giveUp(413, tooLarge(parts.bodyBytesMax)),
    })
    parts.aim.pool.tally.begin()
  }

  start(): void {
    const { res } = this.#parts
    res.on('finish', () => this.#settleAnswered())
    res.on('close', () => this.#onClientGone())
    this.#body.whenReady(() => this.#go(false))
  }

  /** Goes on after a wait for an instance. */
  release(isProbe: boolean): void {
    this.#go(isProbe)
  }

  /** Waited for an instance in vain. */
  expire(): void {
    this.#fail(this.#parts.aim.isEmpty ? 'noServer' : 'refused')
  }

  /** Ends a request whose client owes the rest of its body and has fallen silent. */
  checkBody(now: number): void {
    if (this.#body.isStalled(now)) this.#giveUp(408, 'the rest of the request did not come')
  }

  /** Ends it because the ingress does. */
  cut(): void {
    this.#fail('cut')
    this.#attempt?.abandon()
    this.#parts.res.destroy()
    this.#parts.upgrade?.socket.destroy()
  }

  mayStart(attempt: Attempt): boolean {
    if (!this.#parts.aim.accepts(attempt.link)) return false
    this.#body.begin()
    return true
  }

  onAnswer(attempt: Attempt, status: number, reason: string, raw: RawHeaders): void {
    if (this.#isStale(attempt)) return
    const { res } = this.#parts
    const { headers, keepAlive } = answerHeaders(raw)
    this.#noteAnswer(attempt, status)
    attempt.link.learn(keepAlive)
    for (const cookie of this.#parts.cookies) headers.push('set-cookie', cookie)
    if (this.#host.isClosing || !this.#body.isComplete) headers.push('connection', 'close')
    if (reason === '') res.writeHead(status, headers)
    else res.writeHead(status, reason, headers)
    // Headers go out together with the first bytes that follow in this turn, else alone.
    queueMicrotask(() => {
      if (!this.#hasSentData && !res.writableEnded) res.flushHeaders()
    })
  }

  onData(attempt: Attempt, chunk: Buffer): void {
    if (this.#isStale(attempt)) return
    const { res } = this.#parts
    this.#hasSentData = true
    if (res.write(chunk)) return
    attempt.pause()
    res.once('drain', () => attempt.resume())
  }

  onEnd(attempt: Attempt): void {
    this.#free(attempt)
    if (!this.#isSettled) this.#parts.res.end()
  }

  onUpgrade(attempt: Attempt, status: number, raw: RawHeaders, upstream: Duplex): void {
    const { upgrade, res } = this.#parts
    if (this.#isStale(attempt) || upgrade === null) {
      upstream.destroy()
      return this.#free(attempt)
    }
    this.#noteAnswer(attempt, status)
    const latencyMs = this.#latencyMs()
    res.detachSocket(upgrade.socket as Parameters<ServerResponse['detachSocket']>[0])
    runTunnel({
      client: upgrade.socket,
      upstream,
      head: { status, protocol: upgrade.protocol, headers: answerHeaders(raw).headers },
      onEnd: (isBroken) => {
        const cause = attempt.link.pool === undefined ? 'cut' : 'reset'
        this.#settle(
          isBroken
            ? { is: 'failed', cause }
            : { is: 'answered', latencyMs, appError: this.#isAppError },
        )
        this.#free(attempt)
      },
    })
  }

  onFailure(attempt: Attempt, failure: AttemptFailure): void {
    if (attempt !== this.#attempt) return
    const { link } = attempt
    if (attempt.hasStarted) this.#attempts++
    this.#free(attempt)
    if (this.#isSettled) return
    const step = stepAfter({
      failure,
      method: this.#parts.req.method ?? 'GET',
      attempts: this.#attempts,
      isReplayable: this.#body.isReplayable,
      isAnswering: this.#isAnswering,
      isLeaving: link.pool === undefined,
    })
    if (step !== 'again') return this.#fail(step, link)
    if (failure === 'unconnected') this.#parts.aim.pool.noteRefused(link)
    if (this.#latencyMs() > limits.searchMsMax) return this.#fail('refused', link)
    if (failure !== 'moved') {
      this.#tried.push(link)
      this.#failedLink = link
    }
    this.#go(false)
  }

  /** Chooses an instance and sends it the request, or waits for one. */
  #go(isProbe: boolean): void {
    if (this.#isSettled) return
    const { aim } = this.#parts
    const { pool } = aim
    const link = aim.choose(this.#tried, isProbe) ?? this.#sameAgain()
    if (link === undefined) return this.#hold()
    if (this.#failedLink !== undefined && !isProbe) {
      pool.tally.retry()
      pool.tallyOf(this.#failedLink).retry()
      this.#failedLink = undefined
    }
    const attempt = new Attempt(this, link)
    this.#attempt = attempt
    link.underWay++
    this.#send(attempt)
  }

  #send(attempt: Attempt): void {
    const { req, target, headers, upgrade } = this.#parts
    const method = req.method ?? 'GET'
    const isCareful = this.#attempts > 0 || !isIdempotent(method)
    const body = this.#body.forAttempt()
    const options = { path: target, method, headers, body, upgrade: upgrade?.protocol ?? null }
    attempt.link.dispatch(options, attempt, isCareful)
  }

  /** A connection that broke says little about its instance: when it is the only one, once more. */
  #sameAgain(): InstanceLink | undefined {
    const last = this.#failedLink
    if (last === undefined || this.#attempts === 0) return undefined
    if (!this.#parts.aim.accepts(last)) return undefined
    return last.avoidedUntil > this.#now() ? undefined : last
  }

  #hold(): void {
    this.#tried = []
    if (this.holdUntil === 0) this.holdUntil = this.#now() + this.#host.patience.holdMs
    if (!this.#parts.aim.hold(this)) this.expire()
  }

  #noteAnswer(attempt: Attempt, status: number): void {
    const { aim } = this.#parts
    aim.noteReached(attempt.link)
    this.#isAnswering = true
    this.#isAppError = status >= 500
    this.#instanceTally = aim.pool.tallyOf(attempt.link)
    this.#instanceTally.begin()
  }

  /** The client's connection is closed: after the end of its answer, or too early. */
  #onClientGone(): void {
    if (this.#isSettled) return
    this.#parts.aim.unhold(this)
    this.#settle({ is: 'clientAborted' })
    this.#attempt?.abandon()
  }

  /** Ends a request that its client does not bring to an end in order. */
  #giveUp(status: number, says: string): void {
    if (this.#isSettled) return
    const { res } = this.#parts
    this.#settle({ is: 'clientAborted' })
    this.#attempt?.abandon()
    if (res.headersSent) res.destroy()
    else answerText(res, status, says, { connection: 'close' })
  }

  #settleAnswered(): void {
    if (!this.#isAnswering) return
    const latencyMs = this.#latencyMs()
    this.#settle({ is: 'answered', latencyMs, appError: this.#isAppError })
  }

  /** Counts a failure, against the instance too when it was one's own, and tells the client. */
  #fail(cause: FailureCause, link?: InstanceLink): void {
    if (this.#isSettled) return
    if (link !== undefined && this.#instanceTally === undefined) {
      this.#instanceTally = this.#parts.aim.pool.tallyOf(link)
      this.#instanceTally.begin()
    }
    this.#settle({ is: 'failed', cause })
    const { backendId, name } = this.#parts.aim.pool
    this.#host.log.debug('request failed', { backendId, pool: name, cause, id: link?.instanceId })
    answerFailure(this.#parts.res, cause, this.#body.isComplete)
  }

  #settle(outcome: Outcome): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#parts.aim.pool.tally.end(outcome)
    this.#instanceTally?.end(outcome)
    this.#host.onSettled(this)
  }

  /** The attempt is over: its instance has nothing to do with this request any more. */
  #free(attempt: Attempt): void {
    if (this.#attempt !== attempt) return
    this.#attempt = undefined
    attempt.link.underWay--
    this.#host.onLinkFreed(attempt.link)
  }

  #isStale(attempt: Attempt): boolean {
    return this.#isSettled || this.#attempt !== attempt
  }

  #latencyMs(): number {
    return this.#now() - this.#startedAt
  }

  #now(): number {
    return this.#host.clock.monotonic()
  }
}

/** What a client is told whose body is larger than it may be. */
export function tooLarge(bodyBytesMax: number): string {
  return `the body of a request may have ${bodyBytesMax} bytes`
}

/** Keeps a defect in one request from ending the others: it is logged and the client told. */
export function guard(log: Log, res: ServerResponse, work: () => void): void {
  try {
    work()
  } catch (error) {
    log.error('a request could not be handled', { because: messageOf(error) })
    res.destroy()
  }
}
