import { deltaOf, isRemovable, memberOf } from './delta.ts'
import type { FaultList } from './faults.ts'
import { ManifestDocument } from './schema-manifest.ts'
import { Service } from './schema-service.ts'
import { shapeOf, type SchemaShape } from './schema.ts'
import {
  childOf,
  entriesOf,
  isNone,
  lineWords,
  nodeOf,
  defaultPlace,
  type Entry,
  type MapNode,
  type Node,
} from './tree.ts'
import { cellName, type Cell } from '../../tenants/model.ts'

/**
 * Layers (rule 4): app < environment < tenant < cell. Maps merge, lists and scalars replace, `none`
 * removes; blocks marked whole replace as a whole. What merges how is read from the schema.
 */

const serviceShape = shapeOf(deltaOf(Service))
const documentShape = shapeOf(ManifestDocument)

/** Blocks that are merged like any map; services have `defaults` and `"*"` besides. */
const mergedBlocks = ['resources', 'jobs', 'release', 'journeys', 'flags', 'alerts'] as const

/** The file as it reads in one cell: no deltas, no `defaults`, no `none`. */
export function mergeCell(root: MapNode, cell: Cell, faults: FaultList): MapNode {
  const layers = layersOf(root, cell)
  const entries = new Map<string, Entry>()
  for (const key of ['roadstead', 'app', 'team', 'network']) copyEntry(root, key, entries)
  const services = root.entries.get('services')
  if (services !== undefined) {
    entries.set('services', { ...services, value: mergeServices(root, layers, faults) })
  }
  for (const key of mergedBlocks) {
    const shape = memberOf(documentShape, key)
    const found = [root, ...layers]
      .map((layer) => entryOf(layer, key))
      .filter((entry) => entry !== undefined)
    const [first] = found
    if (first === undefined) continue
    const merged = found.reduce<Node | undefined>(
      (below, { value }) => merge(shape, below, value),
      undefined,
    )
    /** `revertIf: none` has a meaning where a default would take its place: normalise.ts. */
    const value = key === 'release' ? merged! : withoutRemoved(merged!)
    entries.set(key, { key: first.key, value })
  }
  const environment = childOf(childOf(root, 'environments'), cell.environment)
  copyEntry(environment, 'deploy', entries)
  return { kind: 'map', place: root.place, entries }
}

/** The deltas that hold in a cell, the strongest last. */
export function layersOf(root: MapNode, cell: Cell): MapNode[] {
  const found = [
    childOf(childOf(root, 'environments'), cell.environment),
    childOf(childOf(root, 'tenants'), cell.tenant),
    childOf(childOf(root, 'cells'), cellName(cell)),
  ]
  return found.filter((node) => node?.kind === 'map')
}

function mergeServices(root: MapNode, layers: readonly MapNode[], faults: FaultList): MapNode {
  const defaults = childOf(root, 'defaults') ?? nodeOf({}, defaultPlace)
  const services = childOf(root, 'services')
  const entries = new Map<string, Entry>()
  for (const [name, entry] of entriesOf(services)) {
    const merged = mergeService(name, entry, defaults, layers, faults)
    if (merged !== undefined) entries.set(name, { key: entry.key, value: withoutRemoved(merged) })
  }
  return { kind: 'map', place: services?.place ?? root.place, entries }
}

/** One service through all layers; undefined where one of them removed it. */
function mergeService(
  name: string,
  entry: Entry,
  defaults: Node,
  layers: readonly MapNode[],
  faults: FaultList,
): Node | undefined {
  if (entry.value.kind === 'hole') return entry.value
  let node: Node = merge(serviceShape, merge(serviceShape, undefined, defaults), entry.value)
  for (const layer of layers) {
    const deltas = childOf(layer, 'services')
    for (const key of ['*', name]) {
      const delta = entryOf(deltas, key)
      if (delta === undefined) continue
      if (node.kind === 'removed') {
        if (key === '*' || isNone(delta.value)) continue
        const { place } = node
        const removed = `${place.layer} removed the service (${lineWords(place, delta.key)})`
        const message = `\`${name}\` adds part of a removed block: ${removed}`
        const hint = 'say it under `cells` for the cells that have the service'
        faults.add('removed-block', { place: delta.key, path: ['services', name] }, message, hint)
        continue
      }
      node = isNone(delta.value)
        ? { kind: 'removed', place: delta.value.place }
        : merge(serviceShape, node, delta.value)
    }
  }
  return node.kind === 'removed' ? undefined : node
}

/** Puts `above` over `below`. */
export function merge(shape: SchemaShape | undefined, below: Node | undefined, above: Node): Node {
  if (shape !== undefined && isRemovable(shape) && isNone(above)) {
    return { kind: 'removed', place: above.place }
  }
  const mapShape = mapShapeOf(shape)
  if (above.kind !== 'map' || mapShape === undefined) return above
  const base = below?.kind === 'map' ? below : undefined
  const entries = new Map(base?.entries)
  for (const [key, { key: place, value }] of above.entries) {
    const lower = base?.entries.get(key)
    const merged = merge(memberOf(mapShape, key), lower?.value, value)
    entries.set(key, { key: place, value: merged, ...overOf(lower, merged) })
  }
  const removedAt = below?.kind === 'removed' ? below.place : base?.removedAt
  return {
    kind: 'map',
    place: above.place,
    entries,
    ...(removedAt === undefined ? {} : { removedAt }),
  }
}

/** What a lower layer said is kept where it was replaced; a block that was added to replaces nothing. */
function overOf(lower: Entry | undefined, merged: Node): Pick<Entry, 'over'> {
  if (lower === undefined || lower.value.kind === 'hole') return {}
  if (merged.kind === 'map' && lower.value.kind === 'map') return {}
  return { over: [lower.value, ...(lower.over ?? [])] }
}

/** The shape by which a map merges key by key; undefined where it is replaced as a whole. */
function mapShapeOf(shape: SchemaShape | undefined): SchemaShape | undefined {
  if (shape === undefined || shape['x-whole'] === true) return undefined
  if (shape.anyOf !== undefined) {
    return shape.anyOf.map(mapShapeOf).find((variant) => variant !== undefined)
  }
  return shape.type === 'object' ? shape : undefined
}

/** Adds what a map lacks, layer `default`. */
export function fill(node: Node, defaults: unknown): Node {
  if (node.kind !== 'map' || typeof defaults !== 'object' || defaults === null) return node
  const entries = new Map(node.entries)
  for (const [key, value] of Object.entries(defaults)) {
    const entry = entries.get(key)
    const filled = entry === undefined ? nodeOf(value, defaultPlace) : fill(entry.value, value)
    entries.set(key, { ...entry, key: entry?.key ?? defaultPlace, value: filled })
  }
  return { ...node, entries }
}

/** The same without what `none` removed. */
export function withoutRemoved(node: Node): Node {
  if (node.kind !== 'map') return node
  const entries = [...node.entries].filter(([, { value }]) => value.kind !== 'removed')
  return {
    ...node,
    entries: new Map(
      entries.map(([key, entry]) => [key, { ...entry, value: withoutRemoved(entry.value) }]),
    ),
  }
}

function entryOf(node: Node | undefined, key: string): Entry | undefined {
  return node?.kind === 'map' ? node.entries.get(key) : undefined
}

function copyEntry(from: Node | undefined, key: string, into: Map<string, Entry>): void {
  const entry = entryOf(from, key)
  if (entry !== undefined) into.set(key, entry)
}
