import Type, { type Static } from 'typebox'
import { keyOf, type Key } from '../../base/key.ts'

/** What a node has, or an instance reserves. */
export const Resources = Type.Object({
  /** Cores; fractions are shares of one. */
  cpu: Type.Number({ minimum: 0 }),
  memoryBytes: Type.Integer({ minimum: 0 }),
  diskBytes: Type.Integer({ minimum: 0 }),
})
export type Resources = Static<typeof Resources>

/** A node as its agent registered it: the audited part, written by the nodes routes alone. */
export const Node = Type.Object({
  id: Type.String(),
  zone: Type.String(),
  /** Where its instances listen. */
  address: Type.String(),
  capacity: Resources,
  /** Ports that the scheduler may give to instances on this node, both ends included. */
  ports: Type.Object({ from: Type.Integer(), to: Type.Integer() }),
  labels: Type.Record(Type.String(), Type.String()),
  /**
   * What its agent can run: `process` archives, `docker` images, `limits` processes that require
   * their limits, `builds` images from their Dockerfiles; missing: archives only.
   */
  drivers: Type.Optional(Type.Array(Type.String())),
  registeredAt: Type.Number(),
  /** Of the agent's last registration: reports of any other are old, whoever has restarted since. */
  incarnation: Type.Optional(Type.String()),
  /** The version of the protocol that its agent speaks; missing: 1. */
  protocol: Type.Optional(Type.Integer()),
  /**
   * Set while the node counts as lost: its instances are replaced elsewhere. Writer: the nodes
   * controller, which holds back when too many nodes fall silent together.
   */
  lost: Type.Optional(
    Type.Object({
      since: Type.Number(),
      /** Who said that the machine is off; missing: it was silent. Writer: the give-up route. */
      confirmedBy: Type.Optional(Type.String()),
    }),
  ),
})
export type Node = Static<typeof Node>

export function nodeKey(id: string): Key {
  return keyOf({ kind: 'node', name: id })
}

/** Something on a node that nobody's assignment asked for, as its agent found it and undid it. */
export const Finding = Type.Object({
  /** The agent's own: told twice, it is kept once. */
  id: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
  kind: Type.Enum([
    /** An instance was ended by a signal that its agent did not send. */
    'killed',
    /** Files of an unpacked artifact were changed. */
    'altered',
    /** The agent's record of an instance was removed. */
    'record-removed',
    /** A process in the node's area that belongs to no instance. */
    'stray-process',
    /** A folder among the instances' that belongs to none. */
    'stray-folder',
  ]),
  /** What was found, and what was done about it: one sentence. */
  what: Type.String({ maxLength: 512 }),
  /** Wall ms on the node. */
  at: Type.Number(),
})
export type Finding = Static<typeof Finding>

/** A finding as the server keeps it. */
export const NodeFinding = Type.Object({ nodeId: Type.String(), ...Finding.properties })
export type NodeFinding = Static<typeof NodeFinding>

export function findingKey(nodeId: string, id: string): Key {
  return keyOf({ kind: 'finding', name: `${nodeId}~${id}` })
}

/** What an agent says of its node in every report; an observation, never a commit. */
export interface NodeObservation {
  /** Made anew at each start of the agent: compared before `sequence`. */
  readonly incarnation: string
  /** Rises with each report of one incarnation; an older one is ignored. */
  readonly sequence: number
  /** Wall time in ms at which the server received the last report. */
  readonly heardAt: number
  /** Ports of the range that something else on the machine holds. */
  readonly portsTaken: readonly number[]
  readonly version: string
}

/** Silence after which a node counts as lost, in ms: five missed reports of 2 s, and their jitter. */
export const nodeLostAfterMs = 15_000

/** Time between an agent's reports when nothing changes, in ms. */
export const reportIntervalMs = 2_000

/** Whether a node may be used: `unknown` while the server has not listened for long enough. */
export type NodeStatus = 'ready' | 'lost' | 'unknown'

/** The status of a node that was heard last at `heardAt` by a server that listens since then. */
export function nodeStatus(
  heardAt: number | null,
  listeningSince: number,
  now: number,
): NodeStatus {
  if (heardAt !== null && now - heardAt < nodeLostAfterMs) return 'ready'
  return now - listeningSince < nodeLostAfterMs ? 'unknown' : 'lost'
}
