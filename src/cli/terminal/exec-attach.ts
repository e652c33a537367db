import { constants } from 'node:os'
import type { Duplex } from 'node:stream'
import { once } from 'node:events'
import { Fault, Refusal } from '../../base/errors.ts'
import {
  execBytesMax,
  execStreams,
  parseExecMessage,
  type ExecEnd,
  type ExecInput,
} from '../../wire/exec-protocol.ts'
import type { TerminalSize } from '../../wire/exec.ts'
import { print } from './output.ts'

/** Puts a person's terminal, or their pipes, at the end of an exec's messages. */

/** The size that a terminal has now. */
export function sizeOf({ columns, rows }: NodeJS.WriteStream): TerminalSize {
  const within = (size: number, usual: number): number => Math.min(1_000, size > 0 ? size : usual)
  return { columns: within(columns, 80), rows: within(rows, 24) }
}

/** Every key goes there, Ctrl-C too; answers with the exit code. */
export async function attachTerminal(messages: Duplex): Promise<number> {
  const { stdin, stdout } = process
  const resize = (): void => say(messages, { type: 'resize', ...sizeOf(stdout) })
  stdin.setRawMode(true)
  stdout.on('resize', resize)
  sendInput(messages)
  try {
    return await receive(messages, (_stream, bytes) => writeTo(stdout, bytes))
  } finally {
    stdout.off('resize', resize)
    stdin.setRawMode(false)
    stdin.pause()
  }
}

/** What is piped in goes there, and comes back apart; answers with the exit code. */
export async function attachPipes(
  messages: Duplex,
  { json, signal }: { readonly json: boolean; readonly signal: AbortSignal },
): Promise<number> {
  const hangUp = (): void => void messages.destroy()
  signal.addEventListener('abort', hangUp, { once: true })
  if (process.stdin.isTTY === true) say(messages, { type: 'input-end' })
  else sendInput(messages)
  try {
    return await receive(messages, async (stream, bytes) => {
      if (json) print(JSON.stringify({ stream, text: bytes.toString() }))
      else await writeTo(process[stream], bytes)
    })
  } catch (error) {
    if (signal.aborted) return interruptedCode
    throw error
  } finally {
    signal.removeEventListener('abort', hangUp)
    process.stdin.pause()
  }
}

/** What a shell says of a program that Ctrl-C has ended. */
const interruptedCode = 130

function sendInput(messages: Duplex): void {
  const { stdin } = process
  messages.on('drain', () => stdin.resume())
  stdin.on('data', (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += execBytesMax) {
      if (!messages.writable) return
      if (!messages.write(bytes.subarray(at, at + execBytesMax))) stdin.pause()
    }
  })
  stdin.on('end', () => say(messages, { type: 'input-end' }))
}

function say(messages: Duplex, input: ExecInput): void {
  if (messages.writable) messages.write(JSON.stringify(input))
}

/** Prints what comes until it is said how it ended; Fault when nobody says. */
async function receive(
  messages: Duplex,
  show: (stream: keyof typeof execStreams, bytes: Buffer) => Promise<void>,
): Promise<number> {
  for await (const message of messages as AsyncIterable<string | Buffer>) {
    if (typeof message !== 'string') {
      const stream = message[0] === execStreams.stderr ? 'stderr' : 'stdout'
      await show(stream, message.subarray(1))
      continue
    }
    const end = parseExecMessage<ExecEnd>(message)
    if (end === undefined) continue
    messages.destroy()
    return codeOf(end)
  }
  throw new Fault('exec-cut', 'the connection to the server is lost; what ran there ends', {
    retry: 'never',
  })
}

/** What is nobody's mistake. */
const lostCodes: ReadonlySet<string> = new Set(['agent-gone', 'agent-silent', 'exec-failed'])

/** As a shell says it: 128 and the signal's number for what a signal has ended. */
function codeOf(end: ExecEnd): number {
  if (end.type === 'error') {
    if (lostCodes.has(end.code)) throw new Fault(end.code, end.message, { retry: 'never' })
    throw new Refusal(end.code, end.message)
  }
  if (end.signal === null) return end.code ?? 1
  const numbers: Readonly<Record<string, number>> = constants.signals
  return 128 + (numbers[end.signal] ?? 0)
}

async function writeTo(stream: NodeJS.WriteStream, bytes: Buffer): Promise<void> {
  if (!stream.write(bytes)) await once(stream, 'drain')
}
