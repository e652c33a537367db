import { constants } from 'node:os'
import type { Exit } from '../../../parts/instances/driver.ts'
import type { Engine, EngineCall } from './engine.ts'
import { labels, markOf } from './labels.ts'

/** A container as the engine tells of it, in our words. */
export interface Container {
  readonly id: string
  readonly instanceId: string
  readonly run: number
  /** `created`: it never ran; `paused` by hand runs, and serves nobody. */
  readonly state: 'created' | 'running' | 'ended'
}

/** All that the engine knows of one. */
export interface ContainerDetail {
  readonly id: string
  readonly state: Container['state']
  /** The host's pid of its first process; 0 unless it runs. */
  readonly pid: number
  /** Wall ms. */
  readonly startedAt: number
  readonly exit: Exit
  readonly execIds: readonly string[]
}

interface ListedContainer {
  readonly Id: string
  readonly State: string
  readonly Labels: Record<string, string> | null
}

interface InspectedContainer {
  readonly Id: string
  readonly State: {
    readonly Status: string
    readonly Pid: number
    readonly ExitCode: number
    readonly OOMKilled: boolean
    readonly StartedAt: string
    readonly FinishedAt: string
  }
  readonly HostConfig: { readonly Memory: number }
  readonly ExecIDs: readonly string[] | null
}

/** The containers of one owner; those of others are never looked at. */
export class Containers {
  readonly #engine: Engine
  readonly #owner: string

  constructor(engine: Engine, owner: string) {
    this.#engine = engine
    this.#owner = owner
  }

  async list(): Promise<Container[]> {
    const filters = JSON.stringify({ label: [`${labels.owner}=${this.#owner}`] })
    const query = { all: '1', filters }
    const { body } = await this.#engine.demand({ method: 'GET', path: '/containers/json', query })
    return (body as ListedContainer[]).flatMap(({ Id: id, State, Labels }) => {
      const mark = markOf(Labels)
      return mark === undefined ? [] : [{ id, ...mark, state: stateOf(State) }]
    })
  }

  /** Undefined: there is no such container any more. */
  async inspect(id: string): Promise<ContainerDetail | undefined> {
    const path = `/containers/${id}/json`
    const { status, body } = await this.#engine.demand({ method: 'GET', path }, [404])
    return status === 404 ? undefined : detailOf(body as InspectedContainer)
  }

  async create(name: string, spec: object): Promise<string> {
    const { body } = await this.#engine.demand(creationOf(name, spec))
    return (body as { Id: string }).Id
  }

  /** Undefined where the engine refuses this spec, and may take a lesser one. */
  async tryCreate(name: string, spec: object): Promise<string | undefined> {
    const { status, body } = await this.#engine.call(creationOf(name, spec))
    return status < 300 ? (body as { Id: string }).Id : undefined
  }

  /** The engine's answer is the caller's to judge: 204 when it runs. */
  start(id: string): ReturnType<Engine['call']> {
    return this.#engine.call({
      method: 'POST',
      path: `/containers/${id}/start`,
      timeoutMs: startMs,
    })
  }

  /** Nothing happens when it has ended or is gone. */
  async signal(id: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const call = { method: 'POST', path: `/containers/${id}/kill`, query: { signal } } as const
    await this.#engine.demand(call, [404, 409])
  }

  /** An agent that died in the middle of a start has left a container without a note. */
  async removeLeft(instanceId: string): Promise<void> {
    for (const container of await this.list()) {
      if (container.instanceId === instanceId) await this.remove(container.id)
    }
  }

  /** Ends and removes it, with what it wrote; 409: its removal is under way. */
  async remove(id: string): Promise<void> {
    const query = { force: '1', v: '1' }
    await this.#engine.demand({ method: 'DELETE', path: `/containers/${id}`, query }, [404, 409])
  }
}

function creationOf(name: string, spec: object): EngineCall {
  return { method: 'POST', path: '/containers/create', query: { name }, body: spec }
}

/** An engine under load takes seconds to start one, in ms. */
const startMs = 30_000

function stateOf(state: string): Container['state'] {
  if (state === 'created') return 'created'
  return state === 'running' || state === 'paused' || state === 'restarting' ? 'running' : 'ended'
}

function detailOf({ Id, State, HostConfig, ExecIDs }: InspectedContainer): ContainerDetail {
  const finished = Date.parse(State.FinishedAt)
  const how = exitCodeOf(State.ExitCode)
  return {
    id: Id,
    state: stateOf(State.Status),
    pid: State.Pid,
    startedAt: Date.parse(State.StartedAt),
    exit: {
      ...how,
      ...(State.OOMKilled ? { memoryLimit: HostConfig.Memory } : {}),
      // The zero of Go's time: it never finished.
      at: finished > 0 ? finished : 0,
    },
    execIds: ExecIDs ?? [],
  }
}

const signalNames = new Map(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
)

/** As shells tell it: a death by signal N is 128 + N. */
export function exitCodeOf(code: number): Pick<Exit, 'code' | 'signal'> {
  const signal = code > 128 ? signalNames.get(code - 128) : undefined
  return signal === undefined ? { code, signal: null } : { code: null, signal }
}
