import type { Timer } from '../src/base/clock.ts'
import { Fault, Refusal } from '../src/base/errors.ts'
import type { AnswerInProcess, InProcessAnswer, InProcessCall } from '../src/server/in-process.ts'
import type { Chance } from './chance.ts'
import type { Life } from './life.ts'
import type { Timeline } from './timeline.ts'

/** What is wrong on the way from some hosts to others, one direction only. */
export interface Impairment {
  /** Undefined: from, or to, anywhere. */
  readonly from: ReadonlySet<string> | undefined
  readonly to: ReadonlySet<string> | undefined
  /** Nothing gets through. */
  readonly isCut?: boolean
  /** Share of messages that are lost. */
  readonly loss?: number
  /** Each message is this much later, in ms, by chance in between; so later ones overtake. */
  readonly delayMs?: readonly [number, number]
  /** Share of messages that come a second time, and how much later, in ms. */
  readonly duplicates?: { readonly share: number; readonly laterMs: readonly [number, number] }
}

/** A host in the same building answers within this, in ms, by chance in between. */
const usualDelayMs = [0.1, 1] as const

/** Who listens on a host. */
export interface Door {
  readonly life: Life
  readonly answer: AnswerInProcess
}

/** A call as it goes out: the route, what it carries, and how long the caller waits. */
export interface OutgoingCall extends Omit<InProcessCall, 'address' | 'signal'> {
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** Hosts, what lies between them, and who listens where. */
export class Network {
  readonly timeline: Timeline
  readonly #chance: Chance
  readonly #impairments = new Map<string, Impairment>()
  readonly #doors = new Map<string, Door>()
  readonly #calls = new Map<Life, Set<Exchange>>()
  /** Hosts that are without power: not even a refusal comes back from them. */
  readonly #dark = new Set<string>()

  constructor(timeline: Timeline, chance: Chance) {
    this.timeline = timeline
    this.#chance = chance
  }

  /** Something is wrong until it is mended under the same name. */
  impair(name: string, impairment: Impairment): void {
    this.#impairments.set(name, impairment)
  }

  mend(name: string): void {
    this.#impairments.delete(name)
  }

  goDark(host: string): void {
    this.#dark.add(host)
  }

  goBright(host: string): void {
    this.#dark.delete(host)
  }

  isDark(host: string): boolean {
    return this.#dark.has(host)
  }

  /** Whether a message from one host to the other gets through now, chance aside. */
  reaches(from: string, to: string): boolean {
    if (this.#dark.has(to) || this.#dark.has(from)) return false
    for (const impairment of this.#impairments.values()) {
      if (impairment.isCut === true && applies(impairment, from, to)) return false
    }
    return true
  }

  /** Carries a message: `arrive` is called later, never (false), or twice. */
  carry(from: string, to: string, arrive: () => void): boolean {
    let delayMs = this.#chance.between(...usualDelayMs)
    let againMs: number | undefined
    for (const impairment of this.#impairments.values()) {
      if (!applies(impairment, from, to)) continue
      const { isCut, loss = 0, delayMs: more, duplicates } = impairment
      if (isCut === true || this.#chance.happens(loss)) return false
      if (more !== undefined) delayMs += this.#chance.between(...more)
      if (duplicates !== undefined && this.#chance.happens(duplicates.share)) {
        againMs = delayMs + this.#chance.between(...duplicates.laterMs)
      }
    }
    const deliver = (): void => {
      if (!this.#dark.has(to)) arrive()
    }
    this.timeline.after(delayMs, deliver)
    if (againMs !== undefined) this.timeline.after(againMs, deliver)
    return !this.#dark.has(to)
  }

  /** Someone listens on its host until its life ends, or until what is returned is called. */
  listen(door: Door): () => void {
    const { host } = door.life
    this.#doors.set(host, door)
    const close = (): void => {
      if (this.#doors.get(host) === door) this.#doors.delete(host)
      this.#breakCalls(door.life)
    }
    door.life.onKilled(close)
    return close
  }

  doorOf(host: string): Door | undefined {
    return this.#doors.get(host)
  }

  /** Asks whoever listens on `host`; rejects with a Fault when no answer comes. */
  call(caller: Life, host: string, call: OutgoingCall): Promise<InProcessAnswer> {
    return new Promise((resolve, reject) => {
      new Exchange(this, { caller, host, call, resolve, reject }).start()
    })
  }

  noteCall(life: Life, exchange: Exchange): void {
    const calls = this.#calls.get(life)
    if (calls === undefined) this.#calls.set(life, new Set([exchange]))
    else calls.add(exchange)
  }

  forgetCall(life: Life, exchange: Exchange): void {
    this.#calls.get(life)?.delete(exchange)
  }

  #breakCalls(life: Life): void {
    const calls = this.#calls.get(life)
    this.#calls.delete(life)
    for (const exchange of calls ?? []) exchange.reset()
  }
}

function applies({ from, to }: Impairment, source: string, target: string): boolean {
  return (from === undefined || from.has(source)) && (to === undefined || to.has(target))
}

/** As over HTTP: nobody reads the answer. */
function clientGone(): Refusal {
  return new Refusal('client-gone', 'the client went away', { status: 499 })
}

interface ExchangeParts {
  readonly caller: Life
  readonly host: string
  readonly call: OutgoingCall
  readonly resolve: (answer: InProcessAnswer) => void
  readonly reject: (error: unknown) => void
}

/** One call from its sending to its answer, or to whatever came in between. */
class Exchange {
  readonly #network: Network
  readonly #parts: ExchangeParts
  #timer: Timer | undefined
  #isSettled = false
  /** Aborts what the other side does for a caller that has gone; made when it asks for it. */
  #gone: AbortController | undefined
  #hasGone = false

  constructor(network: Network, parts: ExchangeParts) {
    this.#network = network
    this.#parts = parts
  }

  start(): void {
    const { caller, host, call } = this.#parts
    if (call.signal?.aborted === true) return this.#parts.reject(call.signal.reason)
    call.signal?.addEventListener('abort', this.#abort, { once: true })
    this.#timer = caller.after(call.timeoutMs, () => this.#fail('no answer in time'))
    this.#network.carry(caller.host, host, () => this.#arrive())
  }

  /** The connection breaks, since the other side has died; from a dead machine nothing comes. */
  reset(): void {
    if (!this.#network.isDark(this.#parts.host)) this.#back(() => this.#fail('connection reset'))
  }

  #arrive(): void {
    const door = this.#network.doorOf(this.#parts.host)
    if (door === undefined) return this.#back(() => this.#fail('connection refused'))
    this.#network.noteCall(door.life, this)
    door.life.enter(() => void this.#answer(door))
  }

  async #answer(door: Door): Promise<void> {
    const { caller, call } = this.#parts
    const { route, headers, params, query, body, stream } = call
    const signalOf = (): AbortSignal => this.#signalOf()
    const answer = await door.answer({
      route,
      headers,
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { query }),
      body,
      stream,
      address: caller.host,
      get signal() {
        return signalOf()
      },
    })
    if (!door.life.isAlive) return
    this.#network.forgetCall(door.life, this)
    this.#back(() => this.#settle(() => this.#parts.resolve(answer)))
  }

  #back(arrive: () => void): void {
    const { caller, host } = this.#parts
    this.#network.carry(host, caller.host, () => caller.enter(arrive))
  }

  #fail(why: string): void {
    const message = `no answer from ${this.#parts.host}: ${why}`
    this.#settle(() => this.#parts.reject(new Fault('server-unreachable', message)))
    this.#leave()
  }

  readonly #abort = (): void => {
    this.#settle(() => this.#parts.reject(this.#parts.call.signal?.reason))
    this.#leave()
  }

  #settle(tell: () => void): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#timer?.cancel()
    this.#parts.call.signal?.removeEventListener('abort', this.#abort)
    tell()
  }

  /** The other side learns that nobody waits any more, if the word gets through. */
  #leave(): void {
    const { caller, host } = this.#parts
    this.#network.carry(caller.host, host, () => {
      const door = this.#network.doorOf(host)
      door?.life.enter(() => {
        this.#hasGone = true
        this.#gone?.abort(clientGone())
      })
    })
  }

  #signalOf(): AbortSignal {
    this.#gone ??= new AbortController()
    if (this.#hasGone) this.#gone.abort(clientGone())
    return this.#gone.signal
  }
}
