import type { Clock } from '../../base/clock.ts'
import type { Controller, Plan } from '../../base/control-loop.ts'
import { unreachable } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import type { Random } from '../../base/random.ts'
import {
  create,
  operationsMax,
  replace,
  type Change,
  type Entry,
  type Snapshot,
  type State,
  type Write,
} from '../../store/port.ts'
import { spokenName, type Instance } from '../instances/model.ts'
import { instanceKind } from '../instances/records.ts'
import { nodeLostAfterMs, type Node } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import { volumeKind } from '../volumes/records.ts'
import type { PlacementAction } from './model.ts'
import { observePlacement, type SchedulingView } from './placement-view.ts'
import { planPlacement } from './plan.ts'
import type { NodeUsage } from './usage.ts'

/** The scheduler passes over all that is pending at once: the only key there is. */
const everything = 'pending'

/** Decisions of one kind that are carried out in one commit. */
export interface PlacementBatch {
  readonly type: PlacementAction['type']
  readonly decisions: readonly Decision[]
}

interface Decision {
  readonly action: PlacementAction
  /** The record that it was decided on. */
  readonly entry: Entry<Instance>
  /** The node that it was given, whose capacity the decision read. */
  readonly node: Entry<Node> | undefined
  /** Names of the volumes that it is the first to have. */
  readonly volumes: readonly string[]
}

/** Gives pending instances a node and a port, or writes down why there is none. */
export function schedulingController(options: {
  readonly state: State
  readonly clock: Clock
  readonly random: Random
  readonly usage: NodeUsage
}): Controller<Change, Snapshot, SchedulingView, PlacementBatch> {
  const { state, clock, random, usage } = options
  const reports = new Reports()
  return {
    name: 'scheduling',
    keysOf: (change, snapshot) => (concerns(change, snapshot, reports) ? [everything] : []),
    allKeys: () => [everything],
    observe: (_key, snapshot) => observePlacement(snapshot, usage),
    plan: planBatches,
    apply: (batch) => commitBatch(batch, state, { random, now: clock.now() }),
  }
}

function planBatches(view: SchedulingView, now: number): Plan<PlacementBatch> {
  const plan = planPlacement(view, now)
  return { ...plan, actions: batchesOf(plan.actions, view) }
}

async function commitBatch(batch: PlacementBatch, state: State, making: Making): Promise<void> {
  const { type, decisions } = batch
  const nodes = new Map(decisions.flatMap(({ node }) => (node ? [[node.key, node]] : [])))
  await state.commit({
    writes: decisions.flatMap((decision) => [
      writeOf(decision, making.now),
      ...volumesMadeBy(decision, making),
    ]),
    expectations: [...nodes.values()].map(({ key, revision }) => ({ key, revision })),
    attribution: { who: 'scheduling', what: `instance.${type}`, why: sentence(decisions) },
  })
}

interface Making {
  readonly random: Random
  readonly now: number
}

/** The volumes that its service has none of yet: they stand where it is placed from now on. */
function volumesMadeBy({ action, entry, volumes }: Decision, { random, now }: Making): Write[] {
  if (action.type !== 'place') return []
  const { at, service } = entry.value
  const { nodeId } = action
  const common = { at, service, nodeId, made: false, createdAt: now }
  return volumes.map((name) => create(volumeKind, { ...common, id: newId('vol', random), name }))
}

/** Whether a change can give the scheduler something to do. */
function concerns(change: Change, snapshot: Snapshot, reports: Reports): boolean {
  switch (change.of) {
    case 'record':
      return recordConcerns(change, snapshot)
    case 'node':
      return reports.isNews(change.nodeId, snapshot) && isAnyPending(snapshot)
    case 'instance':
    case 'ingress':
      return false
    default:
      return unreachable(change)
  }
}

function recordConcerns(change: Extract<Change, { of: 'record' }>, snapshot: Snapshot): boolean {
  if (change.kind === nodeKind.name) return isAnyPending(snapshot)
  if (change.kind !== instanceKind.name) return false
  const before = change.before as Instance | undefined
  const after = change.after as Instance | undefined
  if (after?.state === 'pending') return true
  const hasFreed = before?.state === 'placed' && after?.state !== 'placed'
  return hasFreed && isAnyPending(snapshot)
}

function isAnyPending(snapshot: Snapshot): boolean {
  for (const _ of snapshot.find(instanceKind, 'state', 'pending')) return true
  return false
}

/**
 * What was known of each node at its last report. 600 agents report every 2 s; only a node that
 * was silent, or whose taken ports changed, changes what fits where.
 */
class Reports {
  readonly #last = new Map<string, { heardAt: number; portsTaken: string }>()

  isNews(nodeId: string, snapshot: Snapshot): boolean {
    const observed = snapshot.observations.node(nodeId)
    if (observed === undefined) return this.#last.delete(nodeId)
    const { heardAt } = observed
    const portsTaken = observed.portsTaken.join()
    const last = this.#last.get(nodeId)
    this.#last.set(nodeId, { heardAt, portsTaken })
    if (last === undefined) return true
    return heardAt - last.heardAt >= nodeLostAfterMs || last.portsTaken !== portsTaken
  }
}

/** Commits of at most `operationsMax` of one kind: all or nothing, a stale one refused alone. */
function batchesOf(actions: readonly PlacementAction[], view: SchedulingView): PlacementBatch[] {
  const batches: PlacementBatch[] = []
  for (const type of ['end', 'place', 'explain'] as const) {
    const decisions = actions
      .filter((action) => action.type === type)
      .flatMap((action) => decisionOf(action, view))
    // Volumes are records too: what makes some is a commit by itself.
    const [plain, making] = [decisions.filter(isPlain), decisions.filter((one) => !isPlain(one))]
    for (const decision of making) batches.push({ type, decisions: [decision] })
    for (let from = 0; from < plain.length; from += operationsMax) {
      batches.push({ type, decisions: plain.slice(from, from + operationsMax) })
    }
  }
  return batches
}

function isPlain({ volumes }: Decision): boolean {
  return volumes.length === 0
}

function decisionOf(action: PlacementAction, view: SchedulingView): Decision[] {
  const entry = view.entries.get(action.id)
  const node = action.type === 'place' ? view.nodeEntries.get(action.nodeId) : undefined
  const volumes = action.type === 'place' ? (view.newVolumes.get(action.id) ?? []) : []
  return entry === undefined ? [] : [{ action, entry, node, volumes }]
}

function writeOf({ action, entry }: Decision, now: number): Write {
  const instance = entry.value
  switch (action.type) {
    case 'place': {
      const placement = { nodeId: action.nodeId, port: action.port }
      return replace(instanceKind, entry, {
        ...instance,
        state: 'placed',
        placement,
        unplaced: null,
      })
    }
    case 'end': {
      const ended = { at: now, because: action.because }
      return replace(instanceKind, entry, { ...instance, state: 'ended', ended })
    }
    case 'explain': {
      const { because, fix, lacksRoom } = action
      const unplaced = { because, fix, ...(lacksRoom ? { lacksRoom } : {}) }
      return replace(instanceKind, entry, { ...instance, unplaced })
    }
    default:
      return unreachable(action)
  }
}

/** What the log takes of a sentence (`Attribution`), with room for "and 99 more". */
const whyCharsMax = 1_000

/** What a commit did, each by name as far as the log has room. */
function sentence(decisions: readonly Decision[]): string {
  let text = ''
  for (const [index, decision] of decisions.entries()) {
    const longer = index === 0 ? deed(decision) : `${text}; ${deed(decision)}`
    if (longer.length > whyCharsMax) {
      return `${text.slice(0, whyCharsMax)}; and ${decisions.length - index} more`
    }
    text = longer
  }
  return text
}

function deed({ action, entry }: Decision): string {
  const name = `${spokenName(entry.value.service)} ${action.id}`
  switch (action.type) {
    case 'place': {
      const port = action.port === null ? '' : `, port ${action.port}`
      return `${name} goes to ${action.nodeId}${port}`
    }
    case 'end':
      return `${name} is over: ${action.because}`
    case 'explain':
      return `${name} waits: ${action.because}`
    default:
      return unreachable(action)
  }
}
