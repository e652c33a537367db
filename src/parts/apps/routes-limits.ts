import { Refusal } from '../../base/errors.ts'
import type { Snapshot } from '../../store/port.ts'
import { isImage } from '../artifacts/model.ts'
import type { Node } from '../nodes/model.ts'
import { nodeKind } from '../nodes/records.ts'
import type { ServiceSpec } from './model.ts'

/** What is said of processes, their limits, ports and mounts when they are deployed. */

/** Nodes that are named in a sentence; the others are counted. */
const namedMax = 3

const howTo = 'install bubblewrap on it and let its agent make control groups'

/**
 * Refusals `limits-unenforceable` and `mounts-unshowable`: a service requires its limits, or mounts
 * files, and no node that is known can do that for a process. Where no node is known at all, it
 * waits like everything else.
 */
export function refuseUnenforceable(snapshot: Snapshot, services: readonly ServiceSpec[]): void {
  const nodes = nodesIn(snapshot)
  if (nodes.length === 0) return
  if (!nodes.some(shows)) refuseMounting(services)
  if (nodes.some(enforces)) return
  const required = processes(services).find(({ limits }) => limits === 'required')
  if (required === undefined) return
  const { name } = required
  const message = `${name} requires its limits, and no node holds processes to them`
  const hint = `${howTo} (docs/how-to/run-processes-under-limits.md), or take \`limits\` out`
  const path = `services.${name}.limits`
  throw new Refusal('limits-unenforceable', message, { status: 422, path, hint })
}

/**
 * Refusal `ports-unavailable`: a process insists on its port, and no node that is known can give it a
 * network of its own.
 */
export function refuseInsisting(snapshot: Snapshot, services: readonly ServiceSpec[]): void {
  const nodes = nodesIn(snapshot)
  const isolatesPorts = ({ drivers }: Node): boolean => drivers?.includes('ports') === true
  if (nodes.length === 0 || nodes.some(isolatesPorts)) return
  const insisting = processes(services).find(({ port }) => port !== undefined)
  if (insisting === undefined) return
  const { name, port } = insisting
  const why = 'no node can give a process a network of its own'
  const message = `${name} insists on port ${port}, and ${why}`
  const hint =
    'listen on $PORT and take `port` out, give it an image, or install bubblewrap and passt on a node ' +
    'whose agent isolates processes (docs/how-to/run-processes-under-limits.md)'
  const path = `services.${name}.port`
  throw new Refusal('ports-unavailable', message, { status: 422, path, hint })
}

function refuseMounting(services: readonly ServiceSpec[]): void {
  const mounting = processes(services).find(({ mounts }) => mounts !== undefined)
  if (mounting === undefined) return
  const { name } = mounting
  const message = `${name} mounts files, and on every node processes see the machine's own alone`
  const hint = `install bubblewrap on a node (docs/how-to/run-processes-under-limits.md), or give ${name} an image`
  const path = `services.${name}.mounts`
  throw new Refusal('mounts-unshowable', message, { status: 422, path, hint })
}

/** Said with a deploy of processes, where they may come to nodes that hold them to nothing. */
export function noteOnLimits(
  snapshot: Snapshot,
  services: readonly ServiceSpec[],
): string | undefined {
  const free = processes(services).filter(({ limits }) => limits === undefined)
  // An agent that says nothing of what it can do is older than this.
  const without = nodesIn(snapshot).filter((node) => node.drivers !== undefined && !enforces(node))
  if (free.length === 0 || without.length === 0) return undefined
  const names = free.map(({ name }) => name).join(', ')
  const others = without.length - namedMax
  const more = others > 0 ? ` and ${others} more` : ''
  const where = without.slice(0, namedMax).map(({ id }) => id)
  return `not all limits of ${names} are enforced on ${where.join(', ')}${more}: ${howTo}`
}

function processes(services: readonly ServiceSpec[]): readonly ServiceSpec[] {
  return services.filter(({ artifact }) => !isImage(artifact))
}

function nodesIn(snapshot: Snapshot): Node[] {
  return [...snapshot.list(nodeKind)].map(({ value }) => value)
}

function shows({ drivers }: Node): boolean {
  return drivers?.includes('mounts') === true
}

function enforces({ drivers }: Node): boolean {
  return drivers?.includes('limits') === true
}
