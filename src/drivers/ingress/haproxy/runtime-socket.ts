import { connect, type Socket } from 'node:net'
import type { Clock } from '../../../base/clock.ts'
import { Fault } from '../../../base/errors.ts'
import { bounds } from './bounds.ts'

/** What HAProxy answers to a command that did what it should; anything else is a failure. */
const fine = /^(?:New server registered\.|Server deleted\.|)$/

/** Waits until each thread has ended what it does, before it finds that there is no such server. */
const barrier = 'del server none/none'

const prompt = '\n> '

interface Waiting {
  readonly resolve: (answer: string) => void
  readonly reject: (error: unknown) => void
}

/**
 * The runtime socket of one HAProxy process, kept open in interactive mode: a line of commands goes
 * out, and what comes back up to the prompt is its answer. Answers come in the order of the lines.
 */
export class RuntimeSocket {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #waiting: Waiting[] = []
  #text = ''
  #isClosed = false

  private constructor(socket: Socket, clock: Clock) {
    this.#socket = socket
    this.#clock = clock
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => this.#take(chunk))
    socket.on('error', () => {})
    socket.on('close', () => this.#end())
  }

  /** Opens the socket; rejects with the system's error while nobody listens. */
  static async open(path: string, clock: Clock): Promise<RuntimeSocket> {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const made = connect(path)
      made.once('connect', () => resolve(made))
      made.once('error', reject)
    })
    const runtime = new RuntimeSocket(socket, clock)
    await runtime.ask('prompt')
    // Else HAProxy closes a connection that says nothing for 10 s.
    await runtime.ask('set timeout cli 86400')
    return runtime
  }

  /** The answer to one line. Fault `haproxy-silent` when none comes. */
  ask(line: string): Promise<string> {
    if (this.#isClosed) return Promise.reject(silent('its socket is closed'))
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(bounds.commandMs, () => {
        reject(silent(`no answer for ${bounds.commandMs} ms`))
        this.close()
      })
      const done = (): void => timer.cancel()
      this.#waiting.push({
        resolve: (answer) => (done(), resolve(answer)),
        reject: (error) => (done(), reject(error)),
      })
      this.#socket.write(`${line}\n`)
    })
  }

  /** Runs commands in order, without waiting between them; gives what HAProxy had to object to. */
  async run(commands: readonly string[]): Promise<string[]> {
    this.#socket.cork()
    const asked = commands.map((command) => this.ask(command))
    this.#socket.uncork()
    const answers = await Promise.all(asked)
    return answers.flatMap((answer) => answer.split('\n').filter((said) => !fine.test(said.trim())))
  }

  /**
   * Resolves when no thread is in the middle of anything that it began earlier: a request whose server
   * was chosen before a command is counted there then.
   */
  async settle(): Promise<void> {
    await this.ask(barrier)
  }

  close(): void {
    this.#socket.destroy()
    this.#end()
  }

  #take(chunk: string): void {
    this.#text += chunk
    for (;;) {
      const isBare = this.#text.startsWith('> ')
      const end = isBare ? 0 : this.#text.indexOf(prompt)
      if (end === -1) return
      const answer = this.#text.slice(0, end)
      this.#text = this.#text.slice(end + (isBare ? 2 : prompt.length))
      this.#waiting.shift()?.resolve(answer)
    }
  }

  #end(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const waiting of this.#waiting.splice(0)) waiting.reject(silent('its socket was closed'))
  }
}

function silent(because: string): Fault {
  return new Fault('haproxy-silent', `HAProxy does not answer on its runtime socket: ${because}`)
}
