import { unreachable } from '../../base/errors.ts'
import type { ServiceSpec } from '../apps/model.ts'
import type { Instance } from '../instances/model.ts'
import type { NodeStatus, Resources } from '../nodes/model.ts'

/** A node as the scheduler sees it: what it has, what is reserved, and when it was last heard. */
export interface NodeView {
  readonly id: string
  readonly zone: string
  readonly address: string
  readonly capacity: Resources
  /** Reserved by the instances that are placed on it. */
  readonly used: Resources
  /** Whether it has a driver for images. */
  readonly runsImages: boolean
  /** Whether it can hold processes to all of their limits. */
  readonly enforcesLimits: boolean
  /** Whether images may be built there. */
  readonly buildsImages: boolean
  /** Whether it can give a process a network of its own. */
  readonly isolatesPorts: boolean
  /** Whether processes can be shown files at paths of their own. */
  readonly showsMounts: boolean
  readonly portsFrom: number
  readonly portsTo: number
  /** Ports of the range that are reserved, or held by something else on the machine. */
  readonly portsUsed: ReadonlySet<number>
  /** The port that was given last; the next one is sought after it. `portsFrom - 1` at first. */
  readonly portCursor: number
  /** Placed instances by spread group, in the order of the groups' names; none with count 0. */
  readonly groups: ReadonlyMap<string, number>
  /** Wall ms of its agent's last report; null when the server has not heard it, or gave it up. */
  readonly heardAt: number | null
}

/** What an instance may need of its node beyond room. */
export type NodeDriver = NonNullable<Instance['driver']>

/** What a node has of what instances may need of it. */
export type NodeOffers = Pick<
  NodeView,
  'runsImages' | 'enforcesLimits' | 'buildsImages' | 'isolatesPorts' | 'showsMounts'
>

/** Whether a node has what an instance needs of it beyond room. */
export function hasDriver(node: NodeOffers, driver: NodeDriver | undefined): boolean {
  switch (driver) {
    case undefined:
      return true
    case 'docker':
      return node.runsImages
    case 'limits':
      return node.enforcesLimits
    case 'builds':
      return node.buildsImages
    case 'ports':
      return node.isolatesPorts
    case 'limited-ports':
      return node.enforcesLimits && node.isolatesPorts
    case 'mounts':
      return node.showsMounts
    default:
      return unreachable(driver)
  }
}

/** Sums of fractions of a core are right to far less than this; no instance asks for so little. */
export const cpuTolerance = 1e-6

/** How an instance is to stand apart from others of its group. */
export type Spread = ServiceSpec['spread']

/** Of instances that need not stand apart: tests, most of all. */
export const noSpread: Spread = { zone: 'none', node: 'none' }

/** An instance that wants a node. */
export interface PendingInstance {
  readonly id: string
  /**
   * Instances that spread apart from one another: one service in one version, all of which ask for
   * the same. A successor may stand beside the predecessor that it is about to replace, or
   * `require` would stop every rollout in a cell that is as large as it can be.
   */
  readonly group: string
  readonly resources: Resources
  readonly needsPort: boolean
  /** Missing: any node runs it, as a process. */
  readonly driver?: Instance['driver']
  readonly spread: Spread
  /** The only nodes that may take it; none: any. Two that differ leave no node. */
  readonly homes: readonly Home[]
  /** Whom it has to stand on one node with, wherever that is; missing: nobody. */
  readonly together?: Together
  readonly desired: Instance['desired']
  /** What its record says about why it waits. */
  readonly unplaced: Instance['unplaced']
}

/** Why an instance can stand on one node only. */
export interface Home {
  readonly nodeId: string
  /** Its volume is there, or those that it shares a network with. */
  readonly because: 'volume' | 'network'
  /** The volume's name, or the app's. */
  readonly name: string
}

/** The instances of an app whose containers share a network. */
export interface Together {
  /** The app in its cell. */
  readonly app: string
  /** What all that it wants to run takes: the first of them looks for a node with room for them. */
  readonly resources: Resources
}

export interface PlacementView {
  readonly nodes: readonly NodeView[]
  readonly pending: readonly PendingInstance[]
  /** Wall ms at which this server began to listen: silence before it proves nothing. */
  readonly listeningSince: number
}

/** Everything that the scheduler may ever do. */
export type PlacementAction =
  | {
      readonly type: 'place'
      readonly id: string
      readonly nodeId: string
      readonly port: number | null
    }
  /** It is no longer wanted, and never had a node. */
  | { readonly type: 'end'; readonly id: string; readonly because: string }
  /** There is no node for it; its record is to say why. */
  | {
      readonly type: 'explain'
      readonly id: string
      readonly because: string
      readonly fix: string
      readonly lacksRoom: boolean
    }

/** Why a node cannot take an instance, with the figures that show it. */
export type Obstacle =
  /** Its agent has been silent for too long. */
  | { readonly kind: 'lost' }
  /** The server has not listened for long enough to know. */
  | { readonly kind: 'unknown' }
  /** Too little of a resource is free. */
  | {
      readonly kind: 'cpu' | 'memory' | 'disk'
      readonly wants: number
      readonly free: number
      readonly of: number
    }
  /** Every port of its range is in use. */
  | { readonly kind: 'port'; readonly from: number; readonly to: number }
  /** It runs or builds no images, or cannot do with processes what is asked for. */
  | { readonly kind: 'driver'; readonly driver: NodeDriver }
  /** Its zone holds more of the group than another that could take one: they must be even. */
  | { readonly kind: 'zone'; readonly here: ZoneCount; readonly emptiest: ZoneCount }
  /** Another of the group stands on it, and they must stand apart. */
  | { readonly kind: 'node' }
  /** It can stand on another node only. */
  | { readonly kind: 'home'; readonly home: Home }

/** A change after which an instance that waits would have a node. */
export type Remedy =
  /** The instance asks for this instead, of what is named. */
  | { readonly type: 'lower'; readonly to: Partial<Resources> }
  /** That much is freed on a node; a port too, where `port`. */
  | {
      readonly type: 'free'
      readonly nodeId: string
      readonly resources: Partial<Resources>
      readonly port: boolean
    }
  /** Another node, with this much free, and such a driver; in that zone, or in any (null). */
  | {
      readonly type: 'add-node'
      readonly zone: string | null
      readonly resources: Resources
      readonly port: boolean
      readonly driver: NodeDriver | null
    }
  /** A rule of its spread becomes `prefer`. */
  | { readonly type: 'relax'; readonly rule: 'zone' | 'node' }
  /** A lost node's agent is started again. */
  | { readonly type: 'return'; readonly nodeId: string }
  /** A node that has not been heard yet reports. */
  | { readonly type: 'wait'; readonly nodeId: string }
  /** It is tied to no node any more, and there is another with this much free. */
  | {
      readonly type: 'untie'
      readonly from: Home
      readonly resources: Resources
      readonly port: boolean
      readonly driver: NodeDriver | null
    }

/** How many of a group stand in a zone. */
export interface ZoneCount {
  readonly zone: string
  readonly holds: number
}

/** What an instance asks for: the facts that decide where it fits. */
export type Wish = Pick<
  PendingInstance,
  'group' | 'resources' | 'needsPort' | 'driver' | 'spread' | 'homes'
>

/** A node, and all that keeps it from taking an instance. */
export interface Assessment {
  readonly node: NodeView
  readonly status: NodeStatus
  readonly obstacles: readonly Obstacle[]
  /** Instances of the group in its zone. */
  readonly groupInZone: number
}

/** What one node is to one instance. */
export interface NodeVerdict {
  readonly nodeId: string
  readonly zone: string
  readonly verdict: 'chosen' | 'fits' | 'refused'
  readonly because: string
}

/** The answer to "why": in one sentence, node by node, and what would help. */
export interface PlacementExplanation {
  readonly because: string
  /** The remedies in words, smallest first; null when it fits. */
  readonly fix: string | null
  /** On some node nothing but room is in the way. */
  readonly lacksRoom: boolean
  readonly remedies: readonly Remedy[]
  readonly nodes: readonly NodeVerdict[]
}

/** The spread group of an instance: its service and its version. */
export function groupOf(service: string, specDigest: string): string {
  return `${service}@${specDigest}`
}
