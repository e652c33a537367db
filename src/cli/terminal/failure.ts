import { styleText } from 'node:util'
import { Bug, Fault, messageOf, Refusal } from '../../base/errors.ts'
import { unreachableCode } from '../api/transport.ts'

/** How a command ends when it fails: what is printed, and with which exit code. */

/** Exit codes, stated in `roadstead help` too; 0 is success. */
export const exitCodes = {
  /** It was refused, or it failed: the sentence says why and what to do. */
  refused: 1,
  /** The command line was wrong. */
  usage: 2,
  /** No server answers. */
  unreachable: 3,
  /** The server answered that something on its side failed. */
  fault: 4,
  /** An assertion of the program's own failed: please report it. */
  bug: 70,
  /** Ctrl-C: 128 and the signal's number, as shells have it. */
  interrupted: 130,
} as const

/** Thrown to end a command with a code after it has said all that there is to say. */
export class Exit extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super(`exit ${exitCode}`)
    this.name = 'Exit'
    this.exitCode = exitCode
  }
}

/** The exit code for anything thrown. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Exit) return error.exitCode
  if (error instanceof Refusal) return exitCodes.refused
  if (error instanceof Fault) {
    return error.code === unreachableCode ? exitCodes.unreachable : exitCodes.fault
  }
  if (isAbort(error)) return exitCodes.interrupted
  return exitCodes.bug
}

/** The lines that tell a person what failed and what to do; none for an Exit or an interruption. */
export function failureLines(error: unknown): string[] {
  if (error instanceof Exit || isAbort(error)) return []
  if (error instanceof Refusal) return refusalLines(error)
  if (error instanceof Fault) return faultLines(error)
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return [
    errorLine(error instanceof Bug ? `a defect in roadstead: ${error.message}` : messageOf(error)),
    styleText('dim', stack, { stream: process.stderr }),
    hintLine('this is a defect: please report it with the lines above'),
  ]
}

/** `hint: …`, in its colour. */
export function hintLine(hint: string): string {
  return `${styleText('cyan', 'hint:', { stream: process.stderr })} ${hint}`
}

/** `error: …`, in its colour. */
export function errorLine(message: string): string {
  return `${styleText('red', 'error:', { stream: process.stderr })} ${message}`
}

function refusalLines(refusal: Refusal): string[] {
  const lines = [errorLine(refusal.message)]
  if (refusal.path !== undefined) lines.push(`  at ${refusal.path}`)
  const hint = refusal.hint ?? hints[refusal.code]
  if (hint !== undefined) lines.push(hintLine(hint))
  return lines
}

function faultLines(fault: Fault): string[] {
  const hint = hints[fault.code] ?? 'the logs in .roadstead/logs/ say more; trying again may help'
  return [errorLine(fault.message), hintLine(hint)]
}

/** What to do about errors that come without a hint of their own. */
const hints: Readonly<Record<string, string>> = {
  [unreachableCode]:
    'start it with `npx roadstead up`, or name another with --server or ROADSTEAD_SERVER',
  'disk-full': 'free space on the disk of the data folder, and say it again',
  'role-not-started': 'the last lines above say why; the file that they are from has the rest',
  'store-corrupt': 'keep the file for inspection, and put a backup of it in its place',
  'store-full': 'free space on the disk of the data folder, and say it again',
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
