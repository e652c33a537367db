import Type, { type Static } from 'typebox'
import { keyOf, type Key } from '../../base/key.ts'
import { AppCell } from '../tenants/model.ts'

/** Bytes of a command and its arguments at the most. */
export const commandBytesMax = 64 * 1_024

/** What a terminal measures, in characters. */
export const TerminalSize = Type.Object({
  columns: Type.Integer({ minimum: 1, maximum: 1_000 }),
  rows: Type.Integer({ minimum: 1, maximum: 1_000 }),
})
export type TerminalSize = Static<typeof TerminalSize>

/** A program and its arguments. */
export const ExecCommand = Type.Array(Type.String({ maxLength: commandBytesMax }), {
  minItems: 1,
  maxItems: 256,
})

/** What people ask for: POST /v1/instances/{id}/exec. */
export const ExecRequest = Type.Object({
  command: ExecCommand,
  /** The terminal that it runs in; null: it gets pipes, and stdout and stderr stay apart. */
  terminal: Type.Union([TerminalSize, Type.Null()]),
})
export type ExecRequest = Static<typeof ExecRequest>

/**
 * A command that somebody runs beside an instance, in its environment, while it runs. The record
 * tells the node's agent to connect, and puts on the log who did what where; it goes with its end.
 */
export const Exec = Type.Object({
  id: Type.String(),
  at: AppCell,
  service: Type.String(),
  instanceId: Type.String(),
  nodeId: Type.String(),
  /** Who runs it: nobody else may connect to it. */
  caller: Type.String(),
  ...ExecRequest.properties,
  /** Wall ms. */
  startedAt: Type.Number(),
})
export type Exec = Static<typeof Exec>

export function execKey(id: string): Key {
  return keyOf({ kind: 'exec', name: id })
}

/** Execs under way at once, of all instances. */
export const execsMax = 100

/** Both ends have to be connected this soon, in ms: an agent polls all the time. */
export const execConnectMs = 10_000

/** Characters of a command that the log shows. */
const commandCharsMax = 200

/** A command for people to read. */
export function commandText(command: readonly string[]): string {
  const text = command.map((word) => (/[\s"'$]/.test(word) ? JSON.stringify(word) : word)).join(' ')
  return text.length > commandCharsMax ? `${text.slice(0, commandCharsMax - 1)}…` : text
}
