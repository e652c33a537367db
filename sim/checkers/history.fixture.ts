import type { Key } from '../../src/base/key.ts'
import type { App, Release, ServiceSpec } from '../../src/parts/apps/model.ts'
import { specDigest } from '../../src/parts/apps/model.ts'
import { appKind, releaseKind } from '../../src/parts/apps/records.ts'
import type { Instance } from '../../src/parts/instances/model.ts'
import { instanceKind } from '../../src/parts/instances/records.ts'
import type { Node } from '../../src/parts/nodes/model.ts'
import { nodeKind } from '../../src/parts/nodes/records.ts'
import { emptyLedger, type Rollout } from '../../src/parts/rollouts/model.ts'
import { rolloutKind } from '../../src/parts/rollouts/records.ts'
import type { CommittedChange, Operation, Snapshot } from '../../src/store/port.ts'
import type {
  Checker,
  EndedBy,
  Machine,
  SimEvent,
  SimIngress,
  SimLeader,
  SimProcess,
  SimView,
  Violation,
} from '../view.ts'

/** Histories made by hand, for the tests of checkers. */

export const at = { tenant: 'default', environment: 'local', app: 'shop' }
export const web = 'local/default/shop/web'

type Changeable<T> = { -readonly [K in keyof T]: T[K] }

/** A history under one checker: what is told to it, and what it found. */
export class History implements SimView {
  readonly checker: Checker
  readonly found: Violation[] = []
  readonly faults = new Set<string>()
  readonly records = {} as Snapshot
  healedAt: number | undefined
  leader: SimLeader | undefined
  readonly #processes = new Map<string, Changeable<SimProcess>>()
  readonly #machines = new Map<string, Machine>()
  readonly #ingress: Changeable<SimIngress> & { online: Map<string, readonly string[]> }
  #now = 100_000
  revision = 0

  constructor(checker: Checker) {
    this.checker = checker
    const online = new Map<string, readonly string[]>()
    this.#ingress = { ingressId: 'ingress-1', isUp: true, online, appliedRevision: 0 }
  }

  now(): number {
    return this.#now
  }

  machine(nodeId: string): Machine | undefined {
    return this.#machines.get(nodeId)
  }

  machines(): Iterable<Machine> {
    return this.#machines.values()
  }

  ingresses(): readonly SimIngress[] {
    return [this.#ingress]
  }

  process(instanceId: string): SimProcess | undefined {
    return this.#processes.get(instanceId)
  }

  pass(ms: number): this {
    this.#now += ms
    return this
  }

  tell(event: SimEvent): this {
    if (!this.checker.hears.includes(event.is)) return this
    const violation = this.checker.check(event, this)
    if (violation !== undefined) this.found.push(violation)
    return this
  }

  /** Commits records: written, or deleted by their keys. */
  commit(
    written: readonly Operation[],
    parts: { who?: string; what?: string; why?: string; epoch?: number; by?: string } = {},
  ): this {
    const { who = 'instances', what = 'instance.create', why = 'a test', epoch = 1 } = parts
    const revision = ++this.revision
    const attribution = { who, what, why }
    const change: CommittedChange = { revision, at: this.#now, attribution, operations: written }
    return this.tell({ is: 'commit', change, by: parts.by ?? 'server-1', epoch })
  }

  aMachine(nodeId: string, parts: Partial<Machine> = {}): this {
    this.#machines.set(nodeId, {
      nodeId,
      zone: 'a',
      boot: 1,
      isUp: true,
      isFrozen: false,
      capacity: { cpu: 1, memoryBytes: 1_000 },
      processes: new Map(),
      ...parts,
    })
    return this
  }

  start(instanceId: string, parts: Partial<SimProcess> = {}): this {
    const process: SimProcess = {
      instanceId,
      nodeId: 'n1',
      boot: 1,
      run: 1,
      port: null,
      isHealthy: false,
      isRunning: true,
      startedAt: this.#now,
      endedAt: undefined,
      epoch: undefined,
      ...parts,
    }
    this.#processes.set(instanceId, process)
    return this.tell({ is: 'process-started', process })
  }

  health(instanceId: string, isHealthy: boolean): this {
    const process = this.#processes.get(instanceId)
    if (process === undefined) throw new Error(`${instanceId} never started`)
    process.isHealthy = isHealthy
    return this.tell({ is: 'process-health', process })
  }

  /** SIGTERM is sent to it, and it answers its checks no more. */
  stopping(instanceId: string): this {
    const process = this.#processes.get(instanceId)
    if (process !== undefined) Object.assign(process, { isStopping: true })
    return this.health(instanceId, false)
  }

  end(instanceId: string, by: EndedBy, isStopping = false): this {
    const process = this.#processes.get(instanceId)
    if (process === undefined) throw new Error(`${instanceId} never started`)
    const ended = { isRunning: false, isHealthy: false, endedAt: this.#now, isStopping }
    return this.tell({
      is: 'process-ended',
      process: Object.assign(process, ended),
      because: '',
      by,
    })
  }

  /** An ingress sends customers of `web` to these from now on. */
  publish(...online: string[]): this {
    this.#ingress.online.set(web, online)
    this.tell({ is: 'table-applied', ingressId: 'ingress-1', backends: [web] })
    this.#ingress.appliedRevision = this.revision
    return this
  }

  /** All is healed, `ms` pass, and the world ends. */
  quiet(ms: number): this {
    this.healedAt = this.#now
    return this.tell({ is: 'healed' }).pass(ms).tell({ is: 'end' })
  }
}

function put(
  kind: { readonly version: number },
  key: Key,
  value: unknown,
): Operation & { readonly op: 'put' } {
  return { op: 'put', key, value, schema: kind.version }
}

export function aSpec(parts: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    name: 'web',
    worker: false,
    run: ['serve'],
    artifact: { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 },
    instances: 2,
    resources: { cpu: 0.4, memoryBytes: 100, diskBytes: 1 },
    spread: { zone: 'none', node: 'none' },
    health: {
      probe: { kind: 'tcp' },
      everyMs: 2_000,
      timeoutMs: 1_000,
      passes: 1,
      fails: 3,
      startDeadlineMs: 15_000,
    },
    stop: { drainMs: 8_000, graceMs: 2_000 },
    route: null,
    needs: [],
    env: {},
    warmup: null,
    singleton: false,
    ...parts,
  }
}

/** An app with one release of one service. */
export function anApp(spec = aSpec()): Operation[] {
  const app: App = {
    at,
    team: '',
    releaseId: 'rel-1',
    nextReleaseNumber: 2,
    scale: {},
    stopped: [],
    destroying: false,
  }
  const release: Release = {
    id: 'rel-1',
    at,
    number: 1,
    version: 'v1',
    services: [spec],
    steps: [],
    revertAboveFailed: null,
    files: null,
    manifest: '',
    createdBy: 'test',
    createdAt: 0,
  }
  return [
    put(releaseKind, releaseKind.keyOf(release), release),
    put(appKind, appKind.keyOf(app), app),
  ]
}

export function anInstance(id: string, parts: Partial<Instance> = {}): Operation {
  const instance: Instance = {
    id,
    at,
    service: 'web',
    purpose: 'service',
    releaseId: 'rel-1',
    specDigest: specDigest(aSpec()),
    resources: { cpu: 0.4, memoryBytes: 100, diskBytes: 1 },
    needsPort: true,
    state: 'placed',
    desired: 'running',
    pool: 'maintenance',
    drainingSince: null,
    placement: { nodeId: 'n1', port: 21_000 },
    unplaced: null,
    because: 'a test',
    createdAt: 0,
    ended: null,
    ...parts,
  }
  return put(instanceKind, instanceKind.keyOf(instance), instance)
}

export function aNode(id: string, parts: Partial<Node> = {}): Operation {
  const node: Node = {
    id,
    zone: 'a',
    address: id,
    capacity: { cpu: 1, memoryBytes: 1_000, diskBytes: 1_000 },
    ports: { from: 21_000, to: 21_999 },
    labels: {},
    registeredAt: 0,
    ...parts,
  }
  return put(nodeKind, nodeKind.keyOf(node), node)
}

export function aRollout(id: string, parts: Partial<Rollout> = {}): Operation {
  const rollout: Rollout = {
    id,
    at,
    purpose: 'deploy',
    releaseId: 'rel-1',
    fromReleaseId: null,
    supersede: false,
    state: 'running',
    because: '',
    steps: [],
    targets: [],
    runId: null,
    createdBy: 'test',
    createdAt: 0,
    startedAt: 0,
    endedAt: null,
    deadline: null,
    resumeAt: null,
    baseline: null,
    ledger: emptyLedger(),
    ...parts,
  }
  return put(rolloutKind, rolloutKind.keyOf(rollout), rollout)
}
