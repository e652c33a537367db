import type { Duplex } from 'node:stream'
import type { Bound } from '../../base/bounds.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { messageOf, Refusal } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { create, remove, type State } from '../../store/port.ts'
import { parseExecMessage, type ExecEnd } from '../../wire/exec-protocol.ts'
import { commandText, execConnectMs, execKey, execsMax, type Exec } from './model.ts'
import { execKind } from './records.ts'

/** The two ends of an exec. Messages: text is a string, what is binary a Buffer. */
type Side = 'client' | 'agent'

interface Running {
  readonly exec: Exec
  readonly ends: Map<Side, Duplex>
  /** Ends it when one of the two does not come. */
  readonly patience: Timer
  /** What the agent said last. */
  end: ExecEnd | undefined
}

export interface ExecRelayOptions {
  readonly state: State
  readonly clock: Clock
  readonly log: Log
}

/**
 * Where the two connections of an exec meet: a person's, and the one that the node's agent has opened.
 * Nothing is kept here but what is under way; whatever ends one side ends the other, and is on record.
 */
export class ExecRelay {
  readonly #options: ExecRelayOptions
  readonly #running = new Map<string, Running>()
  #refused = 0

  constructor(options: ExecRelayOptions) {
    this.#options = options
  }

  bounds(): Bound[] {
    return [
      {
        name: 'server.execs-under-way',
        says: 'commands that people run beside instances; end one of them, or come again later',
        unit: 'items',
        overflow: 'refuses',
        limit: execsMax,
        used: () => this.#running.size,
        lost: () => this.#refused,
      },
    ]
  }

  /** Puts an exec on record and waits for both ends; returns the revision of the record. */
  async open(exec: Exec): Promise<number> {
    if (this.#running.size >= execsMax) {
      this.#refused++
      throw new Refusal('execs-full', `${execsMax} commands run beside instances already`, {
        status: 429,
        hint: 'end one of them, or come again later',
        details: { limit: execsMax },
      })
    }
    const { state, clock } = this.#options
    const patience = clock.after(execConnectMs, () => this.#giveUp(exec.id))
    this.#running.set(exec.id, { exec, ends: new Map(), patience, end: undefined })
    try {
      const { instanceId, service, nodeId, command, caller } = exec
      const why = `${service} ${instanceId} on ${nodeId}: ${commandText(command)}`
      const attribution = { who: caller, what: 'instance.exec', why }
      return await state.commit({ writes: [create(execKind, exec)], attribution })
    } catch (error) {
      patience.cancel()
      this.#running.delete(exec.id)
      throw error
    }
  }

  /**
   * Checks that `who` (a caller's name, or a node's id) may connect to its end now; Refusals
   * `exec-unknown`, `exec-taken`.
   */
  check(id: string, side: Side, who: string): void {
    const running = this.#running.get(id)
    const { exec } = running ?? {}
    if (running === undefined || (side === 'client' ? exec?.caller : exec?.nodeId) !== who) {
      throw new Refusal('exec-unknown', `there is no exec ${id}`, {
        status: 404,
        hint: `connect within ${execConnectMs / 1_000} s, once, with the token that began it`,
      })
    }
    if (running.ends.has(side)) {
      throw new Refusal('exec-taken', `somebody is connected to ${id} already`, { status: 409 })
    }
  }

  /** Takes one end; from the second on, messages go both ways at the pace of whoever reads them. */
  connect(id: string, side: Side, messages: Duplex): void {
    const running = this.#running.get(id)
    if (running === undefined || running.ends.has(side)) return void messages.destroy()
    running.ends.set(side, messages)
    for (const event of ['end', 'close', 'error']) {
      messages.on(event, () => this.#end(running, side))
    }
    const client = running.ends.get('client')
    const agent = running.ends.get('agent')
    if (client === undefined || agent === undefined) return
    running.patience.cancel()
    agent.on('data', (message: unknown) => {
      if (typeof message === 'string') running.end = parseExecMessage<ExecEnd>(message)
    })
    client.pipe(agent, { end: false })
    agent.pipe(client, { end: false })
  }

  #giveUp(id: string): void {
    const running = this.#running.get(id)
    if (running === undefined) return
    const { nodeId } = running.exec
    const message = `the agent of ${nodeId} did not connect within ${execConnectMs / 1_000} s`
    running.end = { type: 'error', code: 'agent-silent', message }
    const isAlone = running.ends.has('client')
    if (isAlone) running.ends.get('client')?.write(JSON.stringify(running.end))
    this.#end(running, isAlone ? 'agent' : 'client')
  }

  /** What has come is passed on before the other side is closed, too. */
  #end(running: Running, gone: Side): void {
    const { exec, ends, patience } = running
    if (this.#running.get(exec.id) !== running) return
    this.#running.delete(exec.id)
    patience.cancel()
    ends.get(gone)?.destroy()
    const other = ends.get(gone === 'client' ? 'agent' : 'client')
    if (gone === 'agent' && running.end === undefined) other?.write(JSON.stringify(agentGone))
    other?.end()
    this.#options.clock.after(closeMs, () => other?.destroy())
    void this.#record(running, gone)
  }

  async #record({ exec, end }: Running, gone: Side): Promise<void> {
    const { state, clock, log } = this.#options
    const entry = state.snapshot.get(execKind, execKey(exec.id))
    if (entry === undefined) return
    const seconds = ((clock.now() - exec.startedAt) / 1_000).toFixed(1)
    const why = `${exec.service} ${exec.instanceId}: ${endText(end, gone)} after ${seconds} s`
    try {
      const attribution = { who: exec.caller, what: 'instance.exec-end', why }
      await state.commit({ writes: [remove(entry)], attribution })
    } catch (error) {
      // The next start of the server removes it.
      log.warn('the end of an exec is not on record', { exec: exec.id, error: messageOf(error) })
    }
  }
}

/** What is on its way to the side that is left gets this long, in ms. */
const closeMs = 60_000

const agentGone: ExecEnd = {
  type: 'error',
  code: 'agent-gone',
  message: 'the connection to the node is lost; what ran there ends',
}

function endText(end: ExecEnd | undefined, gone: Side): string {
  if (end?.type === 'exit') return end.signal === null ? `exit code ${end.code}` : `${end.signal}`
  if (end !== undefined) return end.message
  return gone === 'client' ? 'the caller went away' : 'the agent went away'
}

/** Removes what a server left that ended in the middle: nobody is connected to it any more. */
export async function endLeftExecs(state: State): Promise<void> {
  const left = [...state.snapshot.list(execKind)]
  if (left.length === 0) return
  const why = `the server has restarted: ${left.map(({ value }) => value.id).join(', ')}`
  await state.commit({
    writes: left.map((entry) => remove(entry)),
    attribution: { who: 'server', what: 'instance.exec-end', why },
  })
}
