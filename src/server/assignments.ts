import type { Clock, Timer } from '../base/clock.ts'
import { partsOf } from '../base/key.ts'
import type { Change, Revision, Snapshot } from '../store/port.ts'
import { releaseAt } from '../parts/apps/records.ts'
import type { Listener } from '../parts/discovery/model.ts'
import { listenerKind } from '../parts/discovery/records.ts'
import type { Exec } from '../parts/execs/model.ts'
import { execKind } from '../parts/execs/records.ts'
import { serviceName, type Instance } from '../parts/instances/model.ts'
import {
  planAssignment,
  type PlacedBuild,
  type PlacedInstance,
} from '../parts/instances/plan-assignment.ts'
import { instanceKind, instancesOn } from '../parts/instances/records.ts'
import type { JobRun } from '../parts/jobs/model.ts'
import { runOfAttempt } from '../parts/jobs/records.ts'
import type { ServiceTarget } from '../parts/rollouts/model.ts'
import { activeRollout } from '../parts/rollouts/records.ts'
import { appCellName, type AppCell } from '../parts/tenants/model.ts'
import type { Volume } from '../parts/volumes/model.ts'
import { everyVolumeOf, volumeKind, volumesOn } from '../parts/volumes/records.ts'
import type { Assignment } from '../wire/agent.ts'
import type { AssignedExec } from '../wire/exec.ts'
import { pollUntil, WakeUps } from './wake-ups.ts'

/**
 * What each node is to run, answered when it changes and not before.
 *
 * Per node one number is kept: the revision of the last commit that concerned it. A poll that has
 * seen it waits.
 */

/** Placements that come together are told together, in ms. */
const coalesceMs = 5

interface NodeWatch {
  changedAt: Revision
  readonly wakeUps: WakeUps
  flush: Timer | undefined
}

/** Assignments by node, as agents poll for them. */
export class Assignments {
  readonly #snapshot: Snapshot
  readonly #clock: Clock
  /** Nodes that something happened to, or whose agent has asked; as many as there are nodes. */
  readonly #nodes = new Map<string, NodeWatch>()
  /** Whoever has seen less than what this server began with gets an answer. */
  readonly #startRevision: Revision

  constructor(snapshot: Snapshot, clock: Clock) {
    this.#snapshot = snapshot
    this.#clock = clock
    this.#startRevision = snapshot.revision
  }

  /** Takes note of what a change may concern. */
  notice(change: Change): void {
    if (change.of !== 'record') return
    if (change.kind === instanceKind.name) {
      const before = change.before as Instance | undefined
      const after = change.after as Instance | undefined
      if (!concernsAgent(before, after)) return
      for (const nodeId of nodesOf(before, after)) this.#touch(nodeId, change.revision)
    } else if (change.kind === listenerKind.name) {
      const { tenant, environment, app } = partsOf(change.key)
      this.#touchApp({ tenant, environment, app }, change.revision)
    } else if (change.kind === execKind.name) {
      const { nodeId } = (change.after ?? change.before) as Exec
      this.#touch(nodeId, change.revision)
    } else if (change.kind === volumeKind.name) {
      const { nodeId } = (change.after ?? change.before) as Volume
      this.#touch(nodeId, change.revision)
    }
  }

  /** The node's whole assignment, once it is newer than `after`; undefined after `waitMs`. */
  next(
    nodeId: string,
    after: Revision,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Assignment | undefined> {
    const watch = this.#watchOf(nodeId)
    const look = (): Assignment | undefined =>
      after >= watch.changedAt && after <= this.#snapshot.revision && after > 0
        ? undefined
        : this.#assignmentOf(nodeId)
    return pollUntil(look, { wakeUps: watch.wakeUps, clock: this.#clock, waitMs, signal })
  }

  #assignmentOf(nodeId: string): Assignment {
    const placed: PlacedInstance[] = []
    const builds: PlacedBuild[] = []
    const listeners = new Map<string, ReadonlyMap<string, Listener>>()
    for (const { value: instance } of instancesOn(this.#snapshot, nodeId)) {
      const run = this.#runOf(instance)
      if (run?.spec.build !== undefined) builds.push({ instance, run })
      const release = releaseAt(this.#snapshot, instance.at, instance.releaseId)
      if (release === undefined || run?.spec.build !== undefined) continue
      const app = appCellName(instance.at)
      const known = listeners.get(app) ?? this.#listenersOf(app)
      listeners.set(app, known)
      const targets = this.#targetsOf(run)
      const volumes = this.#volumesFor(instance)
      placed.push({ instance, release, listeners: known, run, targets, volumes })
    }
    const { revision } = this.#snapshot
    const execs = this.#execsOn(nodeId)
    const instances = planAssignment(placed, builds)
    const volumesToRemove = this.#volumesToRemove(nodeId)
    return {
      revision,
      instances,
      ...(execs.length === 0 ? {} : { execs }),
      ...(volumesToRemove.length === 0 ? {} : { volumesToRemove }),
    }
  }

  /** Those whose app is destroyed, once no instance on their node is of their service. */
  #volumesToRemove(nodeId: string): string[] {
    const doomed = [...volumesOn(this.#snapshot, nodeId)]
      .map(({ value }) => value)
      .filter((volume) => volume.doomed !== undefined)
    if (doomed.length === 0) return []
    const running = [...instancesOn(this.#snapshot, nodeId)]
    const used = new Set(running.map(({ value }) => serviceName(value.at, value.service)))
    const free = doomed.filter(({ at, service }) => !used.has(serviceName(at, service)))
    return free.map(({ id }) => id)
  }

  #execsOn(nodeId: string): AssignedExec[] {
    const found = [...this.#snapshot.find(execKind, 'node', nodeId)]
    return found.map(({ value: { id, instanceId, command, terminal } }) => {
      return { execId: id, instanceId, command, terminal }
    })
  }

  #volumesFor({ at, purpose }: Instance): readonly Volume[] {
    if (purpose === 'job') return []
    return [...everyVolumeOf(this.#snapshot, at)].map(({ value }) => value)
  }

  #runOf(instance: Instance): JobRun | undefined {
    return instance.purpose === 'job' ? runOfAttempt(this.#snapshot, instance)?.value : undefined
  }

  /** Of a test, what its rollout wants; while it runs, that stands still. */
  #targetsOf(run: JobRun | undefined): readonly ServiceTarget[] {
    if (run?.purpose !== 'test') return []
    const rollout = activeRollout(this.#snapshot, run.at)?.value
    return rollout?.runId === run.id ? rollout.targets : []
  }

  #listenersOf(app: string): ReadonlyMap<string, Listener> {
    const found = this.#snapshot.find(listenerKind, 'app', app)
    return new Map([...found].map(({ value }) => [value.service, value]))
  }

  #touchApp(at: AppCell, revision: Revision): void {
    const nodes = new Set<string>()
    for (const { value } of this.#snapshot.find(instanceKind, 'app', appCellName(at))) {
      if (value.state === 'placed' && value.placement !== null) nodes.add(value.placement.nodeId)
    }
    for (const nodeId of nodes) this.#touch(nodeId, revision)
  }

  #touch(nodeId: string, revision: Revision): void {
    const watch = this.#watchOf(nodeId)
    watch.changedAt = revision
    if (watch.wakeUps.size === 0) return
    watch.flush ??= this.#clock.after(coalesceMs, () => {
      watch.flush = undefined
      watch.wakeUps.wakeAll()
    })
  }

  #watchOf(nodeId: string): NodeWatch {
    const known = this.#nodes.get(nodeId)
    if (known !== undefined) return known
    const watch: NodeWatch = {
      changedAt: this.#startRevision,
      wakeUps: new WakeUps(this.#clock),
      flush: undefined,
    }
    this.#nodes.set(nodeId, watch)
    return watch
  }
}

/** Pools and sentences are no matter of the agent's. */
function concernsAgent(before: Instance | undefined, after: Instance | undefined): boolean {
  return (
    before?.state !== after?.state ||
    before?.desired !== after?.desired ||
    before?.placement?.nodeId !== after?.placement?.nodeId ||
    before?.placement?.port !== after?.placement?.port
  )
}

function nodesOf(...instances: (Instance | undefined)[]): Set<string> {
  const nodes = instances.map((instance) => instance?.placement?.nodeId)
  return new Set(nodes.filter((nodeId) => nodeId !== undefined))
}
