import Type, { type Static } from 'typebox'
import { execBytesMax } from './exec-protocol.ts'

/** A command beside a running instance, in its environment: what people ask for, and what is said. */

/** What a terminal measures, in characters. */
export const TerminalSize = Type.Object({
  columns: Type.Integer({ minimum: 1, maximum: 1_000 }),
  rows: Type.Integer({ minimum: 1, maximum: 1_000 }),
})
export type TerminalSize = Static<typeof TerminalSize>

/** A program and its arguments. */
export const ExecCommand = Type.Array(Type.String({ maxLength: execBytesMax }), {
  minItems: 1,
  maxItems: 256,
})

/** POST /v1/instances/{id}/exec. */
export const ExecRequest = Type.Object({
  command: ExecCommand,
  /** The terminal that it runs in; null: it gets pipes, and stdout and stderr stay apart. */
  terminal: Type.Union([TerminalSize, Type.Null()]),
})
export type ExecRequest = Static<typeof ExecRequest>

/** The answer: connect to /v1/execs/{execId} within ten seconds. */
export const ExecAnswer = Type.Object({ execId: Type.String(), revision: Type.Integer() })
export type ExecAnswer = Static<typeof ExecAnswer>

/** An exec that a node is to take part in: its agent connects to /v1/agents/{nodeId}/execs/{execId}. */
export const AssignedExec = Type.Object({
  execId: Type.String(),
  instanceId: Type.String(),
  ...ExecRequest.properties,
})
export type AssignedExec = Static<typeof AssignedExec>
