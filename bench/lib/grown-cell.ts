import { silentLog } from '../../src/base/log.ts'
import { seededRandom } from '../../src/base/random.ts'
import { VirtualClock } from '../../src/base/virtual-clock.ts'
import { composeServer, recordKinds } from '../../src/cli/server-parts.ts'
import { appKey } from '../../src/parts/apps/model.ts'
import { appKind } from '../../src/parts/apps/records.ts'
import type { ObservedInstance } from '../../src/parts/instances/model.ts'
import { instancesOf, instancesOn } from '../../src/parts/instances/records.ts'
import type { TableDelta } from '../../src/parts/ingress/model.ts'
import { openCore } from '../../src/server/core.ts'
import {
  openInProcess,
  type AnswerInProcess,
  type InProcessAnswer,
} from '../../src/server/in-process.ts'
import { openMemoryStore } from '../../src/store/memory/memory-store.ts'
import { ObservedState } from '../../src/store/observed.ts'
import { openState, type OpenState } from '../../src/store/state.ts'
import type { LogStore } from '../../src/telemetry/logs/port.ts'
import type { Assignment } from '../../src/wire/agent.ts'
import { SimBlobStore } from '../../sim/server.ts'
import {
  appName,
  artifact,
  cellOf,
  fillStore,
  instancesPerApp,
  listenerPorts,
  manifestOf,
  nodeName,
  tokenOf,
  type CellSize,
} from './cell.ts'

/** The least virtual time that anything here takes, in ms. */
const stepMs = 5
/** A change that has not come true after this many steps never will. */
const stepsMax = 20_000
/** Between two passes over all keys, in ms, as the control loops have it. */
const resyncMs = 60_000
/** A change is over long before: room that is kept before the next pass over all keys, in ms. */
const roomMs = 10_000
/** How long polls are held open, in ms. */
const waitMs = 25_000

/** Instances of an app that is deployed anew. */
const newInstances = 2

type Kind = 'report' | 'scale' | 'deploy'

/** The server core with a cell in it, and everybody who talks to it. */
export class GrownCell {
  readonly size: CellSize
  readonly #clock: VirtualClock
  readonly #state: OpenState
  readonly #answer: AnswerInProcess
  readonly #agents: Agent[]
  readonly #ingress: Ingress
  #turn = 0
  #at = 0

  private constructor(
    size: CellSize,
    clock: VirtualClock,
    state: OpenState,
    answer: AnswerInProcess,
  ) {
    this.size = size
    this.#clock = clock
    this.#state = state
    this.#answer = answer
    this.#agents = Array.from(
      { length: size.nodes },
      (_none, index) => new Agent(nodeName(index), answer, clock),
    )
    this.#ingress = new Ingress(answer)
  }

  static async open(size: CellSize): Promise<GrownCell> {
    const clock = new VirtualClock()
    const store = openMemoryStore()
    await fillStore(store, size, clock.now())
    const leadership = await store.campaign(new AbortController().signal)
    const observed = new ObservedState(clock)
    const log = silentLog
    const options = { store, kinds: recordKinds, clock, observations: observed, log, leadership }
    const state = await openState(options)
    const random = seededRandom(1)
    const parts = composeServer(
      { ingressUrl: 'http://ingress', listenerPorts, clock, random, log },
      { state, observed, blobs: new SimBlobStore(), logs: noLogs },
    )
    const core = openCore(
      { ...parts, state, clock, random, log, scheme: 'http', tokenPlace: 'here', version: 'bench' },
      () => Promise.resolve('{}'),
    )
    const cell = new GrownCell(size, clock, state, openInProcess(core, { random, log }))
    for (const agent of cell.#agents) await agent.begin(state)
    void cell.#ingress.follow()
    core.start()
    await clock.advance(stepMs * 10)
    for (const agent of cell.#agents) void agent.follow()
    await cell.heartbeats()
    return cell
  }

  /** Everybody says that they are there; and nothing comes by itself for a while. */
  async heartbeats(): Promise<void> {
    const left = resyncMs - (this.#clock.monotonic() % resyncMs)
    if (left < roomMs) {
      // In steps, so that nobody falls silent meanwhile.
      for (let passed = 0; passed < left + 1_000; passed += 1_000) {
        await this.#clock.advance(1_000)
        await this.#beat()
      }
    }
    await this.#beat()
  }

  async #beat(): Promise<void> {
    for (const agent of this.#agents) await agent.report([])
    await this.#ingress.report()
    await turn()
  }

  /** Makes one change, until it is so. */
  async change(kind: Kind): Promise<void> {
    this.#turn++
    if (kind === 'report') await this.#report()
    else if (kind === 'scale') await this.#scale(instancesPerApp + 1)
    else await this.#deploy()
  }

  /** What was changed is put back, and everybody says that they are there. */
  async settle(kind: Kind): Promise<void> {
    if (kind === 'scale') await this.#scale(instancesPerApp)
    if (kind === 'deploy') {
      const { at } = this.#newApp()
      // Said to be meant: so many apps that go within minutes look like a mistake.
      await this.#ask('DELETE /v1/cells/:environment/:tenant/apps/:app', at, undefined, {
        confirm: newInstances,
      })
      await this.#until(() => this.#state.snapshot.get(appKind, appKey(at)) === undefined)
    }
    if (kind !== 'report') await this.heartbeats()
  }

  /** Of one instance its state, which customers' requests follow. */
  async #report(): Promise<void> {
    // Where there are more nodes than instances, only the first ones have any.
    const { nodes, instances } = this.size
    const agent = this.#agents[this.#turn % Math.min(nodes, instances)]
    await agent?.flip()
    await turn()
  }

  async #scale(instances: number): Promise<void> {
    const apps = Math.ceil(this.size.instances / instancesPerApp)
    const at = cellOf(appName(this.#turn % apps))
    const path = 'POST /v1/cells/:environment/:tenant/apps/:app/scale'
    await this.#ask(path, at, { service: 'web', instances })
    const living = (): number =>
      [...instancesOf(this.#state.snapshot, at, 'web')].filter(
        ({ value }) => value.state === 'placed' && value.pool === 'online',
      ).length
    const placed = (): number =>
      [...instancesOf(this.#state.snapshot, at, 'web')].filter(
        ({ value }) => value.state !== 'ended',
      ).length
    await this.#until(() => living() === instances && placed() === instances)
  }

  async #deploy(): Promise<void> {
    const { at, manifest } = this.#newApp()
    await this.#ask('POST /v1/cells/:environment/:tenant/apps/:app/deploy', at, {
      manifest,
      artifacts: { '.': artifact },
      files: null,
      version: 'v1',
      supersede: false,
    })
    const isThere = (): boolean =>
      (this.#state.snapshot.get(appKind, appKey(at))?.value.releaseId ?? null) !== null
    await this.#until(isThere)
  }

  #newApp(): { readonly at: ReturnType<typeof cellOf>; readonly manifest: string } {
    const app = `new-${this.#turn}`
    const manifest = manifestOf(app).replace(
      `instances: ${instancesPerApp}`,
      `instances: ${newInstances}`,
    )
    return { at: cellOf(app), manifest }
  }

  async #ask(
    route: string,
    at: ReturnType<typeof cellOf>,
    body?: unknown,
    query: Record<string, unknown> = {},
  ): Promise<void> {
    const rest = { body, query }
    const { status, body: told } = await call(this.#answer, 'operator', route, { ...at }, rest)
    if (status >= 300) throw new Error(`${route}: ${status} ${JSON.stringify(told)}`)
  }

  async #until(isSo: () => boolean): Promise<void> {
    this.#at = this.#clock.monotonic()
    for (let step = 0; step < stepsMax; step++) {
      await this.#clock.advance(stepMs)
      if (isSo()) return
      if (step % 200 === 199) await this.#beat()
    }
    throw new Error(`not so ${this.#clock.monotonic() - this.#at} ms later`)
  }
}

/** An agent that starts whatever it is told to start, in no time. */
class Agent {
  readonly #nodeId: string
  readonly #answer: AnswerInProcess
  readonly #clock: VirtualClock
  readonly #known = new Map<string, ObservedInstance>()
  #sequence = 0

  constructor(nodeId: string, answer: AnswerInProcess, clock: VirtualClock) {
    this.#nodeId = nodeId
    this.#answer = answer
    this.#clock = clock
  }

  /** Tells of all that the records say it runs. */
  async begin({ snapshot }: OpenState): Promise<void> {
    for (const { value } of instancesOn(snapshot, this.#nodeId)) {
      this.#known.set(value.id, this.#observed(value.id, 'ready'))
    }
    await this.report([...this.#known.values()], true)
  }

  async follow(): Promise<void> {
    for (let after = 0; ;) {
      const query = { after, waitMs }
      const route = 'GET /v1/agents/:nodeId/assignment'
      const answer = await call(this.#answer, 'agent', route, { nodeId: this.#nodeId }, { query })
      if (answer.status !== 200) continue
      const assignment = answer.body as Assignment
      after = assignment.revision
      await this.#take(assignment)
    }
  }

  async #take({ instances }: Assignment): Promise<void> {
    const news: ObservedInstance[] = []
    const assigned = new Set<string>()
    for (const { instanceId, desired } of instances) {
      assigned.add(instanceId)
      const state = desired === 'running' ? 'ready' : 'exited'
      const known = this.#known.get(instanceId)
      if (known?.state === state || (known !== undefined && state === 'ready')) continue
      const observed = this.#observed(instanceId, state)
      this.#known.set(instanceId, observed)
      news.push(observed)
    }
    for (const id of this.#known.keys()) if (!assigned.has(id)) this.#known.delete(id)
    if (news.length > 0) await this.report(news)
  }

  /** One of its instances falls ill, or is well again. */
  async flip(): Promise<void> {
    const [first] = this.#known.values()
    if (first === undefined) return this.report([])
    const next = this.#observed(first.instanceId, first.state === 'ready' ? 'unhealthy' : 'ready')
    this.#known.set(next.instanceId, next)
    await this.report([next])
  }

  async report(instances: readonly ObservedInstance[], full = false): Promise<void> {
    const sequence = ++this.#sequence
    const body = { incarnation: 'bench', sequence, portsTaken: [], full, instances }
    const route = 'POST /v1/agents/:nodeId/report'
    const answer = await call(this.#answer, 'agent', route, { nodeId: this.#nodeId }, { body })
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
  }

  #observed(instanceId: string, state: ObservedInstance['state']): ObservedInstance {
    const since = this.#clock.now()
    const because = 'the bench says so'
    return { instanceId, state, because, since, runs: 1, pid: 1, lastExit: null, warmedUp: null }
  }
}

/** An ingress that applies every table at once, and carries nothing. */
class Ingress {
  readonly #answer: AnswerInProcess
  #revision = 0
  #sequence = 0

  constructor(answer: AnswerInProcess) {
    this.#answer = answer
  }

  async follow(): Promise<void> {
    for (let after = 0; ;) {
      const route = 'GET /v1/ingresses/:ingressId/table'
      const query = { after, waitMs, protocol: 2 }
      const answer = await call(this.#answer, 'ingress', route, { ingressId: 'in' }, { query })
      if (answer.status >= 300) throw new Error(JSON.stringify(answer.body))
      if (answer.status !== 200) continue
      const { version, revision } = answer.body as TableDelta
      after = version
      this.#revision = revision
      await this.report()
    }
  }

  async report(): Promise<void> {
    const body = {
      incarnation: 'bench',
      sequence: this.#sequence++,
      appliedRevision: this.#revision,
      leaving: {},
      series: [],
      troubles: [],
    }
    const route = 'POST /v1/ingresses/:ingressId/report'
    await call(this.#answer, 'ingress', route, { ingressId: 'in' }, { body })
  }
}

function call(
  answer: AnswerInProcess,
  role: 'operator' | 'agent' | 'ingress',
  route: string,
  params: Record<string, string>,
  rest: { readonly query?: Record<string, unknown>; readonly body?: unknown },
): Promise<InProcessAnswer> {
  const headers = { authorization: `Bearer ${tokenOf(role)}` }
  return answer({ route, headers, params, ...rest, address: '127.0.0.1', signal: never })
}

const never = new AbortController().signal

/** Lets every chain of promises run to its end. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

const noLogs: LogStore = {
  append: () => Promise.resolve(),
  search: () => Promise.resolve({ lines: [] }),
  count: () => Promise.resolve({ buckets: [] }),
  async *follow() {},
  offset: () => 0,
  close: () => Promise.resolve(),
}
