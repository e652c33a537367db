import type { Duplex } from 'node:stream'
import { Fault, messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Exec, ExecOutput, InstanceDriver } from '../parts/instances/driver.ts'
import {
  execBytesMax,
  execStreams,
  parseExecMessage,
  type ExecEnd,
  type ExecInput,
} from '../wire/exec-protocol.ts'
import type { AssignedExec } from '../wire/exec.ts'

export interface ExecSessionsOptions {
  readonly driver: Pick<InstanceDriver, 'startExec'>
  /** Connects to the server for an exec. */
  readonly connect: (execId: string, signal: AbortSignal) => Promise<Duplex>
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * The node's part in execs: for each that the assignment names, once, it connects to the server and
 * runs the command. Whatever ends the connection ends the command.
 */
export class ExecSessions {
  readonly #options: ExecSessionsOptions
  /** Of the last assignment: each is taken up once, and over when it is no more in it. */
  readonly #known = new Map<string, AbortController>()

  constructor(options: ExecSessionsOptions) {
    this.#options = options
  }

  /** Takes the server's word: those that are new begin, those that are gone end. */
  apply(execs: readonly AssignedExec[]): void {
    const ids = new Set(execs.map(({ execId }) => execId))
    for (const [id, over] of this.#known) {
      if (ids.has(id)) continue
      over.abort()
      this.#known.delete(id)
    }
    for (const exec of execs) {
      if (this.#known.has(exec.execId)) continue
      const over = new AbortController()
      this.#known.set(exec.execId, over)
      void this.#run(exec, AbortSignal.any([over.signal, this.#options.signal]))
    }
  }

  async #run(assigned: AssignedExec, signal: AbortSignal): Promise<void> {
    const { driver, connect, log } = this.#options
    const { execId, instanceId, command, terminal } = assigned
    try {
      const messages = await connect(execId, signal)
      messages.on('error', () => {})
      try {
        const exec = await driver.startExec(instanceId, command, terminal)
        log.info('a command runs beside an instance', { execId, instanceId })
        await relay(exec, messages, signal)
      } catch (error) {
        const code = error instanceof Fault ? error.code : 'exec-failed'
        send(messages, { type: 'error', code, message: messageOf(error) })
      }
      messages.end()
    } catch (error) {
      if (!signal.aborted) log.warn('an exec failed', { execId, error: messageOf(error) })
    }
  }
}

/** Passes both ways until the command has ended and all that it printed is sent. */
async function relay(exec: Exec, messages: Duplex, signal: AbortSignal): Promise<void> {
  const hangUp = (): void => exec.hangUp()
  signal.addEventListener('abort', hangUp, { once: true })
  messages.once('end', hangUp)
  messages.once('close', hangUp)
  exec.onDrain(() => messages.resume())
  messages.on('data', (message: string | Buffer) => {
    if (typeof message === 'string') take(exec, parseExecMessage<ExecInput>(message))
    else if (!exec.write(message)) messages.pause()
  })
  try {
    for await (const { stream, bytes } of exec.output as AsyncIterable<ExecOutput>) {
      for (let at = 0; at < bytes.length; at += execBytesMax) {
        const piece = bytes.subarray(at, at + execBytesMax)
        await write(messages, Buffer.concat([Buffer.of(execStreams[stream]), piece]))
      }
    }
    send(messages, { type: 'exit', ...(await exec.exited) })
  } finally {
    signal.removeEventListener('abort', hangUp)
    exec.hangUp()
  }
}

function take(exec: Exec, input: ExecInput | undefined): void {
  if (input?.type === 'resize') exec.resize(input)
  else if (input?.type === 'input-end') exec.endInput()
}

function send(messages: Duplex, end: ExecEnd): void {
  if (messages.writable) messages.write(JSON.stringify(end))
}

/** Resolves when there is room for more; rejects when nobody is there any more. */
function write(messages: Duplex, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!messages.writable) return reject(new Error('the connection is closed'))
    messages.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
