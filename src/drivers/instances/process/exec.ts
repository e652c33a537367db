import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { Readable } from 'node:stream'
import type { Clock } from '../../../base/clock.ts'
import { Fault, messageOf } from '../../../base/errors.ts'
import type { Exec, ExecOutput, Exit, Terminal } from '../../../parts/instances/driver.ts'

/** A command beside an instance: with pipes, or in a terminal of its own. */

export interface ExecStart {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly clock: Clock
}

/** What it prints is held in memory up to so many pieces; then it waits. */
const piecesMax = 16

/** With pipes: its stdout and stderr stay apart. */
export async function execWithPipes({ file, args, cwd, env, clock }: ExecStart): Promise<Exec> {
  const child = spawn(file, args, { cwd, env, detached: true, stdio: 'pipe' })
  const exited = new Promise<Pick<Exit, 'code' | 'signal'>>((resolve) => {
    child.on('exit', (code, signal) => resolve({ code, signal }))
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) => reject(failed(cause)))
  })
  child.on('error', () => {})
  // It may have closed its input long before whoever types notices.
  child.stdin.on('error', () => {})
  const pieces = new Pieces(() => {
    child.stdout.resume()
    child.stderr.resume()
  })
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (bytes: Buffer) => {
      if (!pieces.push({ stream, bytes })) child[stream].pause()
    })
  }
  child.once('close', () => pieces.push(null))
  return {
    output: pieces,
    exited,
    write: (bytes) => child.stdin.write(bytes),
    onDrain: (listener) => child.stdin.on('drain', listener),
    endInput: () => child.stdin.end(),
    resize: () => {},
    hangUp: () => hangUp(child.pid, clock),
  }
}

/** In a terminal: what it prints is one stream, as people see it. */
export async function execInTerminal(start: ExecStart, size: Terminal): Promise<Exec> {
  const { file, args, cwd, env, clock } = start
  const pty = await import('@lydell/node-pty')
  let terminal
  try {
    const name = 'xterm-256color'
    const where = { cwd, env: { TERM: name, ...env }, name, encoding: null }
    terminal = pty.spawn(file, [...args], { ...where, cols: size.columns, rows: size.rows })
  } catch (cause) {
    throw failed(cause)
  }
  const { pid } = terminal
  const pieces = new Pieces(() => terminal.resume())
  terminal.onData((data: string | Uint8Array) => {
    if (!pieces.push({ stream: 'stdout', bytes: Buffer.from(data) })) terminal.pause()
  })
  const exited = new Promise<Pick<Exit, 'code' | 'signal'>>((resolve) => {
    terminal.onExit(({ exitCode, signal = 0 }) => {
      pieces.push(null)
      resolve(
        signal === 0 ? { code: exitCode, signal: null } : { code: null, signal: nameOf(signal) },
      )
    })
  })
  return {
    output: pieces,
    exited,
    write(bytes) {
      // It takes bytes, whatever its types say: a letter may come in two messages.
      terminal.write(bytes as unknown as string)
      return true
    },
    onDrain: () => {},
    endInput: () => terminal.write(endOfTransmission),
    resize({ columns, rows }) {
      try {
        terminal.resize(columns, rows)
      } catch {
        // It has ended meanwhile.
      }
    },
    hangUp: () => hangUp(pid, clock),
  }
}

/** Ctrl-D: what reads a terminal takes it for the end. */
const endOfTransmission = '\u0004'

/** What was printed, on its way to whoever reads it. */
class Pieces extends Readable {
  readonly #goOn: () => void

  /** `goOn` is called when more may come. */
  constructor(goOn: () => void) {
    super({ objectMode: true, highWaterMark: piecesMax })
    this.#goOn = goOn
  }

  override _read(): void {
    this.#goOn()
  }

  override push(piece: ExecOutput | null): boolean {
    return super.push(piece)
  }
}

/** Ends what was started, as a terminal that is closed does; what ignores that is ended all the same. */
function hangUp(pid: number | undefined, clock: Clock): void {
  if (pid === undefined) return
  signalGroup(pid, 'SIGHUP')
  signalGroup(pid, 'SIGCONT')
  clock.after(hangUpMs, () => signalGroup(pid, 'SIGKILL'))
}

/** What is hung up has this long to tidy up, in ms. */
const hangUpMs = 2_000

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended.
  }
}

function nameOf(signal: number): string {
  const found = Object.entries(constants.signals).find(([, number]) => number === signal)
  return found?.[0] ?? `signal ${signal}`
}

function failed(cause: unknown): Fault {
  return new Fault('exec-failed', `it did not start: ${messageOf(cause)}`, {
    cause,
    retry: 'never',
  })
}
