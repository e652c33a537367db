import { Readable, type Duplex } from 'node:stream'
import type { Clock } from '../../../base/clock.ts'
import { Fault } from '../../../base/errors.ts'
import type { Exec, ExecOutput, Exit, Terminal } from '../../../parts/instances/driver.ts'
import { exitCodeOf } from './containers.ts'
import type { Engine } from './engine.ts'
import { FrameReader } from './frames.ts'

/** Commands beside a container: in its namespaces, with its environment and under its limits. */

interface InspectedExec {
  readonly Running: boolean
  readonly ExitCode: number | null
  /** On the host. */
  readonly Pid: number
}

/** What it prints is held in memory up to so many pieces; then it waits. */
const piecesMax = 16

/** The engine notes an exit just after the connection has ended: it is looked for this often, in ms. */
const exitPollMs = 20
const exitPollsMax = 250

/** What is hung up has this long to tidy up, in ms. */
const hangUpMs = 2_000

export class Execs {
  readonly #engine: Engine
  readonly #clock: Clock

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine
    this.#clock = clock
  }

  /** Faults: `instance-not-running`, `exec-failed`. */
  async start(
    containerId: string,
    command: readonly string[],
    terminal: Terminal | null,
  ): Promise<Exec> {
    const id = await this.#create(containerId, command, terminal, true)
    const body = { Detach: false, Tty: terminal !== null }
    const { socket, head } = await this.#engine.hijack({
      method: 'POST',
      path: `/exec/${id}/start`,
      body,
    })
    // Its end is told by its exit; a connection that breaks ends it the same way.
    socket.on('error', () => {})
    const output = piecesOf(socket, head, terminal !== null)
    if (terminal !== null) this.#resize(id, terminal)
    return {
      output,
      exited: this.#exitOf(id, socket),
      write: (bytes) => socket.write(bytes),
      onDrain: (listener) => socket.on('drain', listener),
      endInput: () => socket.end(),
      resize: (size) => this.#resize(id, size),
      hangUp: () => void this.#hangUp(id, socket),
    }
  }

  /** Runs a check; what does not end in time is ended. Rejects when the engine does not answer. */
  async run(
    containerId: string,
    command: readonly string[],
    timeoutMs: number,
  ): Promise<Pick<Exit, 'code' | 'signal'> | 'late'> {
    const id = await this.#create(containerId, command, null, false)
    const late = new AbortController()
    const timer = this.#clock.after(timeoutMs, () => late.abort())
    try {
      const body = { Detach: false, Tty: false }
      const call = { method: 'POST', path: `/exec/${id}/start`, body } as const
      const output = await this.#engine.stream({ ...call, timeoutMs }, late.signal)
      for await (const _chunk of output);
    } catch (error) {
      if (!late.signal.aborted && !(error instanceof Fault && error.code === 'engine-silent')) {
        throw error
      }
      await this.end(id)
      return 'late'
    } finally {
      timer.cancel()
    }
    return this.#exitWhenTold(id)
  }

  /**
   * Ends the process of an exec. The engine has no call for that, so it takes the right to signal
   * the container's processes on the host; without it the command runs on inside.
   */
  async end(id: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const found = await this.#inspect(id).catch(() => undefined)
    if (found?.Running !== true || found.Pid <= 0) return
    try {
      process.kill(found.Pid, signal)
    } catch {
      // It has ended, or is not ours to signal.
    }
  }

  async #create(
    containerId: string,
    command: readonly string[],
    terminal: Terminal | null,
    isAttached: boolean,
  ): Promise<string> {
    const body = {
      Cmd: command,
      Tty: terminal !== null,
      AttachStdin: isAttached,
      AttachStdout: true,
      AttachStderr: true,
      ...(terminal === null ? {} : { Env: ['TERM=xterm-256color'] }),
    }
    const path = `/containers/${containerId}/exec`
    const answer = await this.#engine.demand({ method: 'POST', path, body }, [404, 409])
    if (answer.status >= 400) {
      throw new Fault('instance-not-running', 'its container does not run', { retry: 'never' })
    }
    return (answer.body as { Id: string }).Id
  }

  #resize(id: string, { columns, rows }: Terminal): void {
    const query = { w: String(columns), h: String(rows) }
    // It may have ended meanwhile.
    this.#engine.call({ method: 'POST', path: `/exec/${id}/resize`, query }).catch(() => undefined)
  }

  async #hangUp(id: string, socket: Duplex): Promise<void> {
    // It may be just about to start.
    for (let polls = 0; polls < exitPollsMax; polls++) {
      const found = await this.#inspect(id).catch(() => undefined)
      if (found === undefined || found.Pid > 0 || socket.destroyed) break
      await this.#clock.sleep(exitPollMs)
    }
    await this.end(id, 'SIGHUP')
    this.#clock.after(hangUpMs, () => {
      void this.end(id)
      socket.destroy()
    })
  }

  async #exitOf(id: string, socket: Duplex): Promise<Pick<Exit, 'code' | 'signal'>> {
    await new Promise<void>((resolve) => socket.once('close', () => resolve()))
    return this.#exitWhenTold(id).catch(() => ({ code: null, signal: null }))
  }

  async #exitWhenTold(id: string): Promise<Pick<Exit, 'code' | 'signal'>> {
    for (let polls = 0; polls < exitPollsMax; polls++) {
      const { Running, ExitCode } = await this.#inspect(id)
      if (!Running) return exitCodeOf(ExitCode ?? 0)
      await this.#clock.sleep(exitPollMs)
    }
    return { code: null, signal: null }
  }

  async #inspect(id: string): Promise<InspectedExec> {
    const { body } = await this.#engine.demand({ method: 'GET', path: `/exec/${id}/json` })
    return body as InspectedExec
  }
}

/** What was printed, at the pace of whoever reads it; the socket waits meanwhile. */
function piecesOf(socket: Duplex, head: Buffer, isTerminal: boolean): Readable {
  const frames = new FrameReader()
  const pieces = new Readable({
    objectMode: true,
    highWaterMark: piecesMax,
    read: () => void socket.resume(),
  })
  const take = (chunk: Buffer): void => {
    const told: ExecOutput[] = isTerminal
      ? [{ stream: 'stdout', bytes: chunk }]
      : frames.read(chunk)
    for (const piece of told) if (!pieces.push(piece)) socket.pause()
  }
  if (head.length > 0) take(head)
  socket.on('data', take)
  socket.once('close', () => pieces.push(null))
  socket.once('end', () => socket.end())
  return pieces
}
