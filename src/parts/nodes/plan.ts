import type { Plan } from '../../base/control-loop.ts'
import { nodeLostAfterMs } from './model.ts'

/** A node as the nodes controller sees it. */
export interface NodeSeen {
  readonly id: string
  /** Wall ms of its last report; null: not heard by this server yet. */
  readonly heardAt: number | null
  readonly lostSince: number | null
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
 * More silent nodes than this share at once look like our own trouble, not theirs: replacing all
 * their instances would do more harm (reliability.md, rule 9).
 */
const massLossShare = 0.3

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
  const silent = view.all.filter(
    (other) => now >= lastSign(other, view.listeningSince) + nodeLostAfterMs,
  ).length
  if (isMassLoss(silent, view.all.length)) {
    const because = `${silent} of ${view.all.length} nodes are silent: none is given up`
    return { actions: [], because, wakeAt: now + nodeLostAfterMs }
  }
  const because = `${node.id} was silent for ${nodeLostAfterMs / 1_000} s`
  return { actions: [{ type: 'give-up', because }], because }
}

/** All nodes at once, or more than one and more than the share. */
function isMassLoss(silent: number, all: number): boolean {
  return silent === all || silent > Math.max(1, all * massLossShare)
}

function lastSign(node: NodeSeen, listeningSince: number): number {
  return Math.max(node.heardAt ?? 0, listeningSince)
}
