import Type from 'typebox'
import type { Bounds } from '../../base/bounds.ts'
import type { Clock } from '../../base/clock.ts'
import { Refusal } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import type { Log } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import type { Snapshot, State } from '../../store/port.ts'
import { ExecAnswer, ExecRequest } from '../../wire/exec.ts'
import { idParam, machineParam } from '../../wire/paths.ts'
import { route, socketRoute, type RouteDefinition } from '../../wire/route.ts'
import { instanceById } from '../instances/records.ts'
import { buildJob } from '../jobs/model.ts'
import { nodeKey } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import { commandBytesMax, type Exec } from './model.ts'
import { ExecRelay } from './relay.ts'

export interface ExecRoutesOptions {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly bounds?: Bounds | undefined
}

const operators = { roles: ['operator'] } as const
const tag = 'instances'

/** The first version of the agent protocol whose agents can be asked. */
const protocolMin = 2

/** A command in an instance's environment, over a connection that the node's agent opens. */
export function execRoutes(options: ExecRoutesOptions): RouteDefinition[] {
  const relay = new ExecRelay(options)
  options.bounds?.addAll(relay)
  return [
    beginRoute(options, relay),
    socketRoute({
      path: '/v1/execs/:id',
      rule: operators,
      summary: 'The terminal of an exec that the caller has begun: a WebSocket.',
      tag,
      params: Type.Object({ id: idParam }),
      open({ params: { id }, caller }) {
        relay.check(id, 'client', caller?.name ?? '')
        return (messages) => relay.connect(id, 'client', messages)
      },
    }),
    socketRoute({
      path: '/v1/agents/:nodeId/execs/:id',
      rule: { roles: ['agent'] },
      summary: "The node's end of an exec that its assignment names: a WebSocket.",
      tag: 'agents',
      params: Type.Object({ nodeId: machineParam, id: idParam }),
      open({ params: { nodeId, id } }) {
        relay.check(id, 'agent', nodeId)
        return (messages) => relay.connect(id, 'agent', messages)
      },
    }),
  ]
}

function beginRoute(
  { state: { snapshot }, clock, random }: ExecRoutesOptions,
  relay: ExecRelay,
): RouteDefinition {
  return route({
    method: 'POST',
    path: '/v1/instances/:id/exec',
    rule: operators,
    summary: 'Begins a command in the environment of an instance that runs; connect to it then.',
    tag,
    params: Type.Object({ id: idParam }),
    body: ExecRequest,
    answers: { 201: ExecAnswer },
    async handle({ params: { id: instanceId }, body, caller }) {
      const exec: Exec = {
        ...placeOf(instanceId, snapshot),
        id: newId('ex', random),
        instanceId,
        caller: caller?.name ?? '',
        command: checked(body.command),
        terminal: body.terminal,
        startedAt: clock.now(),
      }
      const revision = await relay.open(exec)
      return { status: 201, body: { execId: exec.id, revision } }
    },
  })
}

/** Where it runs; Refusals when it does not, or when its agent is of another time. */
function placeOf(id: string, snapshot: Snapshot): Pick<Exec, 'at' | 'service' | 'nodeId'> {
  const instance = instanceById(snapshot, id)?.value
  if (instance === undefined) {
    throw new Refusal('instance-unknown', `there is no instance ${id}`, {
      status: 404,
      hint: '`roadstead ps --all` lists those that are kept',
    })
  }
  if (instance.service === buildJob) {
    throw new Refusal('exec-refused', `${id} builds an image: nothing runs beside it`, {
      status: 409,
      hint: '`roadstead logs` has what it prints',
    })
  }
  const observed = snapshot.observations.instance(id)
  const nodeId = instance.placement?.nodeId
  if (instance.state !== 'placed' || nodeId === undefined || (observed?.pid ?? null) === null) {
    const because = instance.state === 'ended' ? 'it has ended' : (observed?.because ?? 'no node')
    throw new Refusal('instance-not-running', `${id} does not run: ${because}`, {
      status: 409,
      hint: '`roadstead ps` shows those that do',
    })
  }
  const { protocol = 1 } = snapshot.get(nodeKind, nodeKey(nodeId))?.value ?? {}
  if (protocol < protocolMin) {
    throw new Refusal('agent-too-old', `the agent of ${nodeId} cannot run commands on request`, {
      status: 409,
      hint: 'upgrade it to the version of the server',
    })
  }
  return { at: instance.at, service: instance.service, nodeId }
}

/** What no system call takes is refused here, where somebody sees it. */
function checked(command: ExecRequest['command']): ExecRequest['command'] {
  const bytes = command.reduce((sum, word) => sum + Buffer.byteLength(word), 0)
  if (bytes > commandBytesMax || command.some((word) => word.includes('\0')) || command[0] === '') {
    throw new Refusal('command-invalid', 'that is no command that can be run', {
      status: 422,
      path: '/body/command',
      hint: `a program and its arguments, without NUL, ${commandBytesMax} bytes at the most`,
    })
  }
  return command
}
