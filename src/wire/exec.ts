import Type, { type Static } from 'typebox'
import { ExecRequest } from '../parts/execs/model.ts'

/** A command beside a running instance: what is said of it over the wire. */

export { ExecRequest, type TerminalSize } from '../parts/execs/model.ts'

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
