import type { Cell } from '../../tenants/model.ts'
import type { FaultList, Spot } from './faults.ts'
import type { Alert, Flag, Job, ResourceBlock } from './schema-operation.ts'
import type { Build } from './schema-build.ts'
import type { ReleaseBlock, Step } from './schema-release.ts'
import type { Assets, Health, Route, Service } from './schema-service.ts'
import { childOf, entriesOf, hasHole, nodeAt, placeAt, type MapNode } from './tree.ts'

/** A service with its defaults filled in and its short forms written out. */
export type FilledService = Omit<Service, 'route' | 'health' | 'env' | 'assets' | 'build'> &
  Required<Pick<Service, 'source' | 'instances' | 'cpu' | 'memory' | 'disk'>> & {
    readonly spread: { zone: 'prefer' | 'require' | 'none'; node: 'prefer' | 'require' | 'none' }
    readonly stop: { drain: string; grace: string }
    readonly health?: FilledHealth
    readonly route?: Required<Route>
    readonly env?: Record<string, string>
    readonly assets?: Required<Assets>
    readonly build?: FilledBuild
  }

/** Arguments are spelled as they stand in the file. */
export type FilledBuild = Required<
  Pick<Build, 'context' | 'dockerfile' | 'cpu' | 'memory' | 'timeout'>
> &
  Pick<Build, 'target'> & { readonly args?: Readonly<Record<string, string>> }

export type FilledHealth = Health &
  Required<Pick<Health, 'every' | 'timeout' | 'passes' | 'fails' | 'startDeadline'>>

export type FilledRelease = ReleaseBlock & {
  readonly order: 'needs'
  readonly steps: readonly Step[]
}

/**
 * What the checks see of the file in one cell. A block with a fault is missing from its map; of a
 * service with one, only the keys at fault are, and `isAtFault` tells.
 */
export interface CellView {
  readonly cell: Cell
  readonly root: MapNode
  /** All services share one network on one node. */
  readonly isShared: boolean
  /** Names of all services of the cell, those with a fault too. */
  readonly serviceNames: readonly string[]
  readonly services: ReadonlyMap<string, FilledService>
  readonly release: FilledRelease | undefined
  readonly resources: ReadonlyMap<string, ResourceBlock>
  readonly jobs: ReadonlyMap<string, Job>
  readonly flags: ReadonlyMap<string, Flag>
  readonly alerts: ReadonlyMap<string, Alert>
  /** Zones of the cell's node group; undefined where no platform.yaml says. */
  readonly zones: readonly string[] | undefined
  readonly faults: FaultList
}

/** The spot at a path of the cell's tree, for a fault. */
export function spotAt(view: Pick<CellView, 'root'>, ...path: string[]): Spot {
  return { place: placeAt(view.root, path), path }
}

/** Whether a fault has been told of a service's key, so that nothing is to be concluded from it. */
export function isAtFault(view: Pick<CellView, 'root'>, name: string, ...keys: string[]): boolean {
  return keys.some((key) => {
    const node = nodeAt(view.root, ['services', name, key])
    return node !== undefined && hasHole(node)
  })
}

/** The names that a block of the cell defines, those with a fault too. */
export function namesIn(view: Pick<CellView, 'root'>, block: string): string[] {
  return entriesOf(childOf(view.root, block)).map(([name]) => name)
}

/** The fewest instances that a service can have: those of its scale's lower bound, or its count. */
export function fewestInstances(service: FilledService): number {
  return service.scale?.min ?? service.instances
}

/** Instances as long as nothing scales: the count, within the scale's bounds. */
export function firstInstances({ scale, instances }: FilledService): number {
  return scale === undefined ? instances : Math.min(scale.max, Math.max(scale.min, instances))
}
