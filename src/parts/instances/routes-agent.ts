import Type, { type Static } from 'typebox'
import type { Bounds } from '../../base/bounds.ts'
import type { Clock } from '../../base/clock.ts'
import { Admission } from '../../base/admission.ts'
import { Refusal } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { create, replace, type Snapshot, type State } from '../../store/port.ts'
import type { LogStore } from '../../telemetry/logs/port.ts'
import {
  AgentReport,
  Assignment,
  LogBatch,
  RegisterRequest,
  ReportAnswer,
  agentProtocol,
} from '../../wire/agent.ts'
import { Written } from '../../wire/api.ts'
import { compiledOf } from '../../wire/compiled.ts'
import { longPollQuery } from '../../wire/long-poll.ts'
import { assignmentFor, reportAnswerFor } from '../../wire/agent-versions.ts'
import { machineParam } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { nodeKey, type Node } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import { keepFindings } from '../nodes/routes-findings.ts'
import { keepVolumeReport } from '../volumes/routes-report.ts'
import type { Leases } from './leases.ts'
import { serviceName } from './model.ts'
import { instanceById } from './records.ts'

export interface AgentRoutesOptions {
  /** Where registrations under way are told. */
  readonly bounds?: Bounds | undefined
  readonly state: State
  readonly clock: Clock
  readonly log: Log
  readonly assignments: AssignmentSource
  readonly agents: AgentListener
  readonly leases: Pick<Leases, 'grant'>
  readonly logs: Pick<LogStore, 'append'>
}

/** What each node is to run, as the server keeps it. */
export interface AssignmentSource {
  /** The whole assignment, once it is newer than `after`; undefined after `waitMs`. */
  next(
    nodeId: string,
    after: number,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Assignment | undefined>
}

/** Who remembers what agents say. */
export interface AgentListener {
  registerNode(nodeId: string, incarnation: string, version: string): void
  /** `full`: ask for a full report next; `old`: it had said something newer before. */
  hearNode(nodeId: string, report: AgentReport): 'heard' | 'full' | 'old'
}

const agents = { roles: ['agent'] } as const
const params = Type.Object({ nodeId: machineParam })
const tag = 'agents'

/**
 * Bytes of a report or a batch of logs: some 10,000 instances, or 30 times what an agent ships at
 * once. To parse more would hold the loop that serves everybody for longer than 50 ms.
 */
const reportBytesMax = 4 * 1024 * 1024

/**
 * Registrations at a time: each is a commit, and brings a full report and an assignment along. When
 * 600 agents return at once, all are back within a few seconds, and people's requests between them.
 */
const registrationsMax = 32

/** Beyond any machine there is: a node that claims more is wrong about itself. */
const capacityMax = { cpu: 4_096, memoryBytes: 2 ** 46, diskBytes: 2 ** 52 } as const

/** A host name or an address, and nothing that could be taken for another part of a URL. */
const addressPattern = /^[a-z0-9][a-z0-9.:-]{0,252}$/i

/** The agent protocol: the agent calls, the server answers. */
export function agentRoutes(options: AgentRoutesOptions): RouteDefinition[] {
  return [
    registerRoute(options),
    assignmentRoute(options),
    reportRoute(options),
    logsRoute(options),
  ]
}

function registerRoute({
  state,
  clock,
  bounds,
  agents: listener,
}: AgentRoutesOptions): RouteDefinition {
  const compiled = compiledOf(RegisterRequest)
  const admission = new Admission('registrations', registrationsMax)
  bounds?.addAll(admission)
  return route({
    method: 'POST',
    path: '/v1/agents/:nodeId/register',
    rule: agents,
    summary: 'Makes a node known, or changes what it has; again at each start of its agent.',
    tag,
    params,
    // Only the version is checked before the version is known to be ours.
    body: Type.Object({ protocol: Type.Integer() }),
    bodyShown: RegisterRequest,
    answers: { 200: Written },
    async handle({ params: { nodeId }, body, caller }) {
      checkProtocol(body.protocol)
      if (!compiled.Check(body)) throw invalidRegistration(compiled.Errors(body))
      checkPlausible(body)
      const who = caller?.name ?? ''
      const store = (): Promise<number> => storeNode(nodeId, body, who, state, clock)
      const revision = await admission.run(store)
      listener.registerNode(nodeId, body.incarnation, body.version)
      return { body: { revision } }
    },
  })
}

/** Commits the node's record when it differs from what is there; returns the revision to read at. */
async function storeNode(
  nodeId: string,
  request: RegisterRequest,
  who: string,
  state: State,
  clock: Clock,
): Promise<number> {
  const { zone, address, capacity, ports, labels, incarnation, protocol } = request
  const { drivers = ['process'] } = request
  const entry = state.snapshot.get(nodeKind, nodeKey(nodeId))
  const told = { zone, address, capacity, ports, labels, drivers, incarnation, protocol }
  if (entry === undefined) {
    const node: Node = { id: nodeId, ...told, registeredAt: clock.now() }
    const why = `node ${nodeId} in zone ${zone} joined`
    return state.commit({
      writes: [create(nodeKind, node)],
      attribution: { who, what: 'node.register', why },
    })
  }
  const node: Node = { ...entry.value, ...told }
  if (isSameData(node, entry.value)) return state.snapshot.revision
  return state.commit({
    writes: [replace(nodeKind, entry, node)],
    attribution: { who, what: 'node.register', why: whyAgain(nodeId, entry.value, node) },
  })
}

function whyAgain(nodeId: string, before: Node, after: Node): string {
  const isStart = isSameData({ ...before, incarnation: '' }, { ...after, incarnation: '' })
  return isStart ? `the agent of node ${nodeId} has started again` : `node ${nodeId} has changed`
}

function isSameData(a: Node, b: Node): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function assignmentRoute({ state, assignments }: AgentRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/agents/:nodeId/assignment',
    rule: agents,
    summary: 'All that a node is to run, once it is newer than a revision.',
    tag,
    params,
    query: longPollQuery,
    answers: { 200: Assignment, 204: Type.Null() },
    async handle({ params: { nodeId }, query, signal }) {
      const { protocol = 1 } = nodeOf(state.snapshot, nodeId)
      const { after = 0, waitMs = 0 } = query
      const assignment = await assignments.next(nodeId, after, waitMs, signal)
      if (assignment === undefined) return { status: 204 }
      return { body: assignmentFor(protocol, assignment) }
    },
  })
}

function reportRoute({
  state,
  log,
  agents: listener,
  leases,
}: AgentRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: '/v1/agents/:nodeId/report',
    rule: agents,
    summary: 'Takes in what an agent observes of its node and instances.',
    tag,
    params,
    body: AgentReport,
    bodyBytesMax: reportBytesMax,
    answers: { 200: ReportAnswer },
    async handle({ params: { nodeId }, body, caller }) {
      const { snapshot } = state
      const { protocol = 1, incarnation } = nodeOf(snapshot, nodeId)
      if (incarnation !== body.incarnation) throw otherStart(nodeId)
      for (const { instanceId } of body.instances) {
        refuseForeign(snapshot, nodeId, instanceId, log)
      }
      const heard = listener.hearNode(nodeId, body)
      // Only what is heard is acknowledged: an old report renews nothing.
      const granted = heard === 'old' ? [] : leases.grant(nodeId, snapshot)
      const told = heard === 'old' ? [] : (body.findings ?? [])
      const findings =
        told.length === 0 ? [] : await keepFindings(state, nodeId, told, caller?.name ?? '')
      const volumes = heard === 'old' ? undefined : body.volumes
      if (volumes !== undefined) await keepVolumeReport(state, nodeId, volumes, caller?.name ?? '')
      const answer = { full: heard === 'full', leases: granted, findings }
      return { body: reportAnswerFor(protocol, answer) }
    },
  })
}

function logsRoute({ state, log, logs }: AgentRoutesOptions): RouteDefinition {
  return route({
    method: 'POST',
    path: '/v1/agents/:nodeId/logs',
    rule: agents,
    summary: 'Stores what instances printed; a repeated batch is stored once.',
    tag,
    params,
    body: LogBatch,
    bodyBytesMax: reportBytesMax,
    answers: { 204: Type.Null() },
    async handle({ params: { nodeId }, body }) {
      const { snapshot } = state
      nodeOf(snapshot, nodeId)
      const batches = body.batches.filter((batch) => isOwn(snapshot, nodeId, batch, log))
      if (batches.length > 0) await logs.append({ batches })
      return { status: 204 }
    },
  })
}

/**
 * Lines of an instance that is known no more are dropped: whose they are can only be taken from
 * the record, never from what the agent says.
 */
function isOwn(
  snapshot: Snapshot,
  nodeId: string,
  batch: Static<typeof LogBatch>['batches'][number],
  log: Log,
): boolean {
  refuseForeign(snapshot, nodeId, batch.instanceId, log)
  const instance = instanceById(snapshot, batch.instanceId)?.value
  if (instance === undefined) return false
  const isTrue =
    serviceName(batch.at, batch.service) === serviceName(instance.at, instance.service) &&
    batch.releaseId === instance.releaseId
  if (isTrue) return true
  throw foreign(nodeId, batch.instanceId)
}

/** An agent may be wrong about itself, never about others: the whole request is refused. */
function refuseForeign(snapshot: Snapshot, nodeId: string, instanceId: string, log: Log): void {
  const instance = instanceById(snapshot, instanceId)?.value
  if (instance === undefined || instance.placement?.nodeId === nodeId) return
  log.warn('an agent told of an instance that is not its own', { nodeId, instanceId })
  throw foreign(nodeId, instanceId)
}

function foreign(nodeId: string, instanceId: string): Refusal {
  return new Refusal('instance-foreign', `instance ${instanceId} is none of node ${nodeId}'s`, {
    status: 403,
    details: { instanceId },
  })
}

/**
 * Rule 4 of docs/reference/rules.md: which start of the agent counts is on record, so that a late
 * report of an older one is refused by a server that has just started, too. Whoever lives and is
 * refused registers again.
 */
function otherStart(nodeId: string): Refusal {
  return new Refusal('node-unregistered', `another start of the agent registered ${nodeId} last`, {
    status: 404,
    hint: 'register again; if it goes on, two agents run as this node: give one another --node',
  })
}

function nodeOf(snapshot: Snapshot, nodeId: string): Node {
  const node = snapshot.get(nodeKind, nodeKey(nodeId))?.value
  if (node !== undefined) return node
  throw new Refusal('node-unknown', `there is no node ${nodeId}`, {
    status: 404,
    hint: 'its agent has to register first',
  })
}

function checkProtocol(protocol: number): void {
  const { oldest, newest } = agentProtocol
  if (protocol >= oldest && protocol <= newest) return
  throw new Refusal('protocol-unsupported', `this server does not speak protocol ${protocol}`, {
    status: 426,
    hint: 'run server and agent of versions that are at most one apart',
    details: { oldest, newest },
  })
}

function invalidRegistration(
  errors: readonly { instancePath: string; message: string }[],
): Refusal {
  const path = `/body${errors[0]?.instancePath ?? ''}`
  return new Refusal('input-invalid', `${path} ${errors[0]?.message ?? 'is not valid'}`, { path })
}

function checkPlausible({ capacity, ports, address }: RegisterRequest): void {
  for (const name of ['cpu', 'memoryBytes', 'diskBytes'] as const) {
    if (capacity[name] > capacityMax[name]) {
      throw implausible(`no machine has ${name} ${capacity[name]}`, `/body/capacity/${name}`)
    }
  }
  if (ports.from > ports.to)
    throw implausible('the port range ends before it begins', '/body/ports')
  if (!addressPattern.test(address)) {
    throw implausible('the address is neither a host name nor an IP address', '/body/address')
  }
}

function implausible(message: string, path: string): Refusal {
  return new Refusal('node-implausible', message, { status: 422, path })
}
