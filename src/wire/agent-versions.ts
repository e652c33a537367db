import type { AssignedInstance, Assignment, ReportAnswer } from './agent.ts'

/**
 * The one place where an answer is put into an older agent's words: a server of version N serves
 * agents of N - 1 (rule "protocol versions" of docs/reference/rules.md). What a newer agent says
 * more than an older one is optional in the schemas, so nothing is translated the other way.
 *
 * | protocol | since | adds |
 * |---|---|---|
 * | 1 | 0.1 | |
 * | 2 | 0.2 | `singleton`, `resources`, `assets` and the purpose `job` of an assigned instance, `execs` of an assignment, `leases` of an answer; images and `reaches`, for agents with the driver `docker` only |
 * | 2 | next | `limits` of an assigned instance, for agents with the driver `limits` only; `build`, for those with the driver `builds` |
 * | 2 | next | `mounts`: of processes for agents with the driver `mounts` only, containers of others see none |
 */

/** The assignment, as an agent of this protocol reads it. */
export function assignmentFor(protocol: number, assignment: Assignment): Assignment {
  if (protocol >= 2) return assignment
  const { revision, instances } = assignment
  return { revision, instances: instances.map(inProtocol1) }
}

/** The answer to a report, as an agent of this protocol reads it. */
export function reportAnswerFor(protocol: number, answer: ReportAnswer): ReportAnswer {
  return protocol >= 2 ? answer : { full: answer.full }
}

/** It runs once and its exit code counts: to an agent of protocol 1 a job is a test. */
function inProtocol1(full: AssignedInstance): AssignedInstance {
  const { singleton: _singleton, resources: _resources, assets: _assets, ...assigned } = full
  return assigned.purpose === 'service' ? assigned : { ...assigned, purpose: 'test' }
}
