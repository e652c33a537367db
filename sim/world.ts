import { digestOf } from '../src/base/digest.ts'
import { tokenKey, type Role, type Token } from '../src/parts/access/model.ts'
import { tokenKind } from '../src/parts/access/records.ts'
import { nodeKind } from '../src/parts/nodes/records.ts'
import type { Node } from '../src/parts/nodes/model.ts'
import type { Rollout } from '../src/parts/rollouts/model.ts'
import { rolloutKind } from '../src/parts/rollouts/records.ts'
import { kindOf } from '../src/base/key.ts'
import type { Operation, Snapshot } from '../src/store/port.ts'
import { SimAgent } from './agent.ts'
import { Chance } from './chance.ts'
import { Customers } from './customers.ts'
import type { Fault } from './faults.ts'
import { IngressHost } from './ingress.ts'
import { Life } from './life.ts'
import { MachineClock } from './machine-clock.ts'
import { SimMachine, type RunningProcess } from './machine.ts'
import { Misfortune } from './misfortune.ts'
import type { Mutation } from './mutants/mutation.ts'
import { Network } from './network.ts'
import type { NodePlan, Plot } from './plot.ts'
import { SimBlobStore, SimServer } from './server.ts'
import { SharedStore } from './shared-store.ts'
import { stagingOf } from './staging.ts'
import { stepOf, Timeline } from './timeline.ts'
import { Trace } from './trace.ts'
import { Users } from './users.ts'
import type { Checker, SimEvent, SimLeader, SimView, Violation } from './view.ts'

export interface WorldOptions {
  readonly plot: Plot
  readonly faults?: readonly Fault[]
  readonly checkers: readonly Checker[]
  /** Makes the product a wrong one; the checkers have to notice. */
  readonly mutation?: Mutation
}

/** A world with everything in it, on one timeline; what happens follows from its plot alone. */
export class World implements SimView {
  readonly plot: Plot
  readonly timeline = new Timeline()
  readonly network: Network
  readonly store: SharedStore
  readonly servers: readonly SimServer[]
  readonly agents = new Map<string, SimAgent>()
  readonly ingressHosts: readonly IngressHost[]
  readonly trace = new Trace()
  readonly faults = new Set<string>()
  readonly violations: Violation[] = []
  healedAt: number | undefined
  readonly #planned: readonly Fault[]
  readonly #mutation: Mutation
  readonly #users: Users
  readonly #customers: Customers
  readonly #processes = new Map<string, RunningProcess>()
  readonly #hearers: ReadonlyMap<string, readonly Checker[]>

  constructor(options: WorldOptions) {
    const { plot, faults = [], checkers, mutation = {} } = options
    this.#planned = faults
    this.#mutation = mutation
    const { seed } = plot
    this.plot = plot
    this.#hearers = hearersOf(checkers)
    const { timeline } = this
    const tell = (event: SimEvent): void => this.tell(event)
    const onBug = (words: string): void => this.onBug(words)
    this.network = new Network(timeline, new Chance(seed, 'network'))
    const { network } = this
    this.store = new SharedStore({ network, chance: new Chance(seed, 'store'), tell })
    const { store } = this
    const blobs = new SimBlobStore()
    this.servers = plot.servers.map(
      (name) =>
        new SimServer({
          name,
          seed,
          clock: this.#clock(name),
          network,
          store,
          blobs,
          tell,
          onBug,
          mutation,
        }),
    )
    const servers = this.servers.map(({ name }) => name)
    this.ingressHosts = plot.ingresses.map((ingressId) => {
      const machineOf = (nodeId: string): SimMachine | undefined => this.machine(nodeId)
      const clock = this.#clock(ingressId)
      const token = tokenOf('ingress')
      const means = { network, servers, token, machineOf, tell, onBug, mutation }
      return new IngressHost({ ingressId, seed, clock, ...means })
    })
    const life = new Life('users', 'users', this.#clock('users'))
    const token = tokenOf('operator')
    this.#users = new Users({ seed, life, network, servers, token, apps: plot.apps, tell })
    const everyMs = plot.requestEveryMs
    this.#customers = new Customers(timeline, this.ingressHosts, { seed, everyMs })
  }

  now(): number {
    return this.timeline.now()
  }

  get records(): Snapshot {
    return this.store.records
  }

  get leader(): SimLeader | undefined {
    return this.servers.find((server) => server.leader !== undefined)?.leader
  }

  machine(nodeId: string): SimMachine | undefined {
    return this.agents.get(nodeId)?.machine
  }

  *machines(): Iterable<SimMachine> {
    for (const { machine } of this.agents.values()) yield machine
  }

  ingresses(): readonly IngressHost[] {
    return this.ingressHosts
  }

  process(instanceId: string): RunningProcess | undefined {
    return this.#processes.get(instanceId)
  }

  /** Lets all of it happen. */
  async run(): Promise<void> {
    const { plot, timeline } = this
    await this.store.begin(tokenOperations())
    for (const server of this.servers) server.start()
    for (const node of plot.nodes) timeline.after(node.joinsAt, () => this.#join(node))
    for (const ingress of this.ingressHosts) ingress.start()
    this.#customers.start()
    for (const wish of plot.wishes) {
      timeline.after(wish.at, () => void this.#users.utter(wish))
    }
    new Misfortune(this).plan(this.#planned)
    timeline.after(plot.actOneMs, () => this.#heal())
    await timeline.run(plot.endMs)
    this.tell({ is: 'end' })
    for (const host of [...this.servers, ...this.agents.values(), ...this.ingressHosts])
      host.close()
  }

  /** Everything that happens goes through here: into the trace, and to who wants to hear of it. */
  tell(event: SimEvent): void {
    this.trace.note(this.now(), event)
    const checkers = this.#hearers.get(event.is)
    if (checkers !== undefined) {
      for (const checker of checkers) {
        const violation = checker.check(event, this)
        if (violation !== undefined) this.violations.push(violation)
      }
    }
    if (event.is === 'commit') this.#tellOf(event.change.operations)
  }

  /** A program has caught itself at a mistake. */
  onBug(words: string): void {
    this.violations.push({ invariant: 'BUG', at: this.now(), words })
  }

  /** What a commit means beyond its records. */
  #tellOf(operations: readonly Operation[]): void {
    for (const operation of operations) {
      if (operation.op === 'delete') continue
      const kind = kindOf(operation.key)
      if (kind === rolloutKind.name) {
        const { id: rolloutId, state } = operation.value as Rollout
        this.tell({ is: 'rollout-state', rolloutId, state })
      } else if (kind === nodeKind.name) {
        const { id: nodeId, lost } = operation.value as Node
        if (lost !== undefined) this.tell({ is: 'node-declared-lost', nodeId })
      }
    }
  }

  #join({ nodeId, zone, cpu, memoryBytes }: NodePlan): void {
    const { seed } = this.plot
    const machine = new SimMachine({
      nodeId,
      zone,
      clock: this.#clock(nodeId),
      capacity: { cpu, memoryBytes },
      stage: (launch) => stagingOf(seed, launch),
      now: () => this.now(),
      tell: (event) => this.tell(event),
      onStarted: (process) => void this.#processes.set(process.instanceId, process),
    })
    const servers = this.servers.map(({ name }) => name)
    const token = tokenOf('agent')
    const onBug = (words: string): void => this.onBug(words)
    const { network } = this
    const agent = new SimAgent({
      seed,
      machine,
      network,
      servers,
      token,
      onBug,
      mutation: this.#mutation,
    })
    this.agents.set(nodeId, agent)
    agent.start()
  }

  #heal(): void {
    this.healedAt = this.now()
    this.tell({ is: 'healed' })
  }

  /** Every machine was started at another time. */
  #clock(name: string): MachineClock {
    const startedAt = new Chance(this.plot.seed, `clock of ${name}`).between(1e3, 1e7)
    return new MachineClock(this.timeline, stepOf(startedAt))
  }
}

function hearersOf(checkers: readonly Checker[]): Map<string, Checker[]> {
  const hearers = new Map<string, Checker[]>()
  for (const checker of checkers) {
    for (const is of checker.hears) hearers.set(is, [...(hearers.get(is) ?? []), checker])
  }
  return hearers
}

function tokenOf(role: Role): string {
  return `rst_${role}`.padEnd(47, '0')
}

/** The tokens that a first server would make. */
function tokenOperations(): Operation[] {
  return (['operator', 'agent', 'ingress'] as const).map((role) => {
    const id = `tok-${role}`
    const value: Token = { id, name: role, role, hash: digestOf(tokenOf(role)), createdAt: 0 }
    return { op: 'put', key: tokenKey(id), value, schema: tokenKind.version }
  })
}
