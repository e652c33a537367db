import { systemClock } from '../../src/base/clock.ts'
import type { Engine } from '../../src/drivers/instances/docker/engine.ts'
import { freePort } from '../../test/fixtures/free-port.ts'

/** What a Swarm service is made of here. */
export interface SwarmService {
  readonly image: string
  readonly replicas: number
  readonly command: readonly string[]
  readonly env: readonly string[]
  /** Run in the container; it is well when this ends with 0. Unchecked without one. */
  readonly check: string | undefined
  readonly memoryBytes: number
  /** Cores. */
  readonly cpu: number
}

const lookEveryMs = 20
const msInNs = 1_000_000

/**
 * A swarm of one engine: manager and worker in one, without published ports (each replica would need
 * another one on a single machine) and without overlay networks: a bridge of the machine carries it.
 */
export class Swarm {
  readonly #engine: Engine
  readonly #networks: string[] = []

  constructor(engine: Engine) {
    this.#engine = engine
  }

  async start(): Promise<void> {
    const ListenAddr = `127.0.0.1:${await freePort()}`
    const AdvertiseAddr = '127.0.0.1'
    const DataPathPort = await freePort()
    await this.#call('POST', '/swarm/init', { ListenAddr, AdvertiseAddr, DataPathPort })
    await this.#network({ Name: 'bench-local', ConfigOnly: true })
    const ConfigFrom = { Network: 'bench-local' }
    await this.#network({ Name: 'bench-swarm', Driver: 'bridge', Scope: 'swarm', ConfigFrom })
  }

  /** Makes a service; its id. */
  async create(service: SwarmService): Promise<string> {
    const { image, replicas, command, env, check, memoryBytes, cpu } = service
    const health = check === undefined ? {} : { Healthcheck: checkedBy(check) }
    const answer = await this.#call('POST', '/services/create', {
      Name: 'bench',
      Mode: { Replicated: { Replicas: replicas } },
      EndpointSpec: { Mode: 'dnsrr' },
      TaskTemplate: {
        ContainerSpec: { Image: image, Command: command, Env: env, ...health },
        Resources: { Limits: { MemoryBytes: memoryBytes, NanoCPUs: cpu * 1e9 } },
        Networks: [{ Target: 'bench-swarm' }],
      },
    })
    return (answer as { ID: string }).ID
  }

  /** Until that many of its tasks run: one with a check runs once it is well. */
  async untilRunning(id: string, replicas: number): Promise<void> {
    const filters = JSON.stringify({ service: [id] })
    for (;;) {
      const tasks = (await this.#call('GET', '/tasks', undefined, { filters })) as Task[]
      const running = tasks.filter(({ Status }) => Status.State === 'running')
      if (running.length === replicas) return
      const failed = tasks.find(({ Status }) => ['failed', 'rejected'].includes(Status.State))
      if (failed !== undefined) throw new Error(`a task of Swarm: ${failed.Status.Err}`)
      await systemClock.sleep(lookEveryMs)
    }
  }

  /** Removes a service, and waits until its containers are gone. */
  async remove(id: string): Promise<void> {
    await this.#call('DELETE', `/services/${id}`)
    const filters = JSON.stringify({ label: [`com.docker.swarm.service.id=${id}`] })
    const query = { all: '1', filters }
    while (((await this.#call('GET', '/containers/json', undefined, query)) as []).length > 0) {
      await systemClock.sleep(lookEveryMs)
    }
  }

  async stop(): Promise<void> {
    for (const id of this.#networks.toReversed()) await this.#call('DELETE', `/networks/${id}`)
    await this.#call('POST', '/swarm/leave', undefined, { force: '1' })
  }

  async #network(spec: object): Promise<void> {
    const answer = await this.#call('POST', '/networks/create', spec)
    this.#networks.push((answer as { Id: string }).Id)
  }

  /** Anything may take its time beside twenty starts. */
  async #call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: object,
    query: Record<string, string> = {},
  ): Promise<unknown> {
    const call = { method, path, body, query, timeoutMs: 60_000 }
    return (await this.#engine.demand(call)).body
  }
}

/** Often until it is well, and seldom from then on. */
function checkedBy(check: string): object {
  const [StartPeriod, StartInterval] = [60_000 * msInNs, 500 * msInNs]
  return { Test: ['CMD-SHELL', check], StartPeriod, StartInterval, Interval: 10_000 * msInNs }
}

interface Task {
  readonly Status: { readonly State: string; readonly Err?: string }
}
