import type { Plan } from '../../base/control-loop.ts'
import { nodeLostAfterMs } from './model.ts'

/** A node as the nodes controller sees it. */
export interface NodeSeen {
  readonly id: string
  /** Wall ms of its last report; null: not heard by this server yet. */
  readonly heardAt: number | null
  /** Wall ms at which it was given up, by the clock of the server that did; null: it is not. */
  readonly lostSince: number | null
  /** For how long this server has known it lost, in ms of its own monotonic clock. */
  readonly knownLostForMs: number
  /** A person has said that the machine is off: it counts for no brake. */
  readonly confirmed: boolean
}

export interface NodeHealthView {
  readonly node: NodeSeen
  /** Every node, this one included. */
  readonly all: readonly NodeSeen[]
  /** Wall ms at which this server began to listen: silence before proves nothing. */
  readonly listeningSince: number
}

export type NodeAction =
  | { readonly type: 'give-up'; readonly because: string }
  | { readonly type: 'welcome-back'; readonly because: string }

/**
 * More lost nodes than this share within one window look like our own trouble, not theirs: to
 * replace all of their instances would do more harm (rule 9 of docs/reference/rules.md).
 */
const massLossShare = 0.3

/** Nodes that fall silent one by one are one loss within this time, in ms: a rack that overheats. */
export const massLossWindowMs = 10 * 60_000

/**
 * A loss is old news after the window as this server itself has counted it. A server that has just
 * begun to listen believes the wall clock only when it says far more than a clock is ever wrong by.
 */
const surelyOldMs = 24 * 3_600_000

/** Decides whether a silent node is given up, so that its instances are replaced elsewhere. */
export function planNodeHealth(view: NodeHealthView, now: number): Plan<NodeAction> {
  const { node } = view
  const silentAt = lastSign(node, view.listeningSince) + nodeLostAfterMs
  if (now < silentAt) {
    if (node.lostSince === null) return { actions: [], because: 'heard lately', wakeAt: silentAt }
    const because = `${node.id} is heard again`
    return { actions: [{ type: 'welcome-back', because }], because, wakeAt: silentAt }
  }
  if (node.lostSince !== null) return { actions: [], because: 'lost' }
  const { going, counted } = lossOf(view, now)
  if (isMassLoss(going, counted)) {
    const how = '`roadstead nodes give-up NODE` says which are off'
    const because = `${going} of ${counted} nodes went silent together: none is given up; ${how}`
    return { actions: [], because, wakeAt: now + nodeLostAfterMs }
  }
  const because = `${node.id} was silent for ${nodeLostAfterMs / 1_000} s`
  return { actions: [{ type: 'give-up', because }], because }
}

/**
 * How many nodes are going in this window, silent or given up already, and of how many. One that
 * was lost before the window, or that a person gave up, counts neither way: it is no news.
 */
function lossOf(view: NodeHealthView, now: number): { going: number; counted: number } {
  const isOldNews = ({ lostSince, knownLostForMs, confirmed }: NodeSeen): boolean =>
    confirmed ||
    (lostSince !== null && (knownLostForMs >= massLossWindowMs || now - lostSince >= surelyOldMs))
  const counted = view.all.filter((other) => !isOldNews(other))
  const going = counted.filter(
    (other) =>
      other.lostSince !== null || now >= lastSign(other, view.listeningSince) + nodeLostAfterMs,
  )
  return { going: going.length, counted: counted.length }
}

/** All nodes at once, or more than one and more than the share. */
function isMassLoss(going: number, counted: number): boolean {
  return going === counted || going > Math.max(1, counted * massLossShare)
}

function lastSign(node: NodeSeen, listeningSince: number): number {
  return Math.max(node.heardAt ?? 0, listeningSince)
}
