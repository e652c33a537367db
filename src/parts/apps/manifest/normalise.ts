import {
  assetsDefaults,
  buildDefaults,
  healthDefaults,
  jobDefaults,
  migrateDefaults,
  releaseDefaults,
  routeDefaults,
  scaleDefaults,
  serviceDefaults,
  stepDefaults,
  warmupDefaults,
} from './defaults.ts'
import { fill, withoutRemoved } from './layers.ts'
import {
  childOf,
  entriesOf,
  nodeOf,
  defaultPlace,
  withValue,
  type Entry,
  type MapNode,
  type Node,
} from './tree.ts'

/** Short forms written out and defaults filled in: whatever reads a block finds all of it. */

/** A service after merging. */
export function normaliseService(service: MapNode): MapNode {
  let node: Node = written(service, 'route', 'host')
  node = written(node, 'health', 'http')
  node = written(node, 'assets', 'directory')
  node = written(node, 'build', 'context')
  node = fill(node, defaultsFor(node))
  node = fillChild(node, 'health', healthDefaults)
  node = fillChild(node, 'route', routeDefaults)
  node = fillChild(node, 'scale', scaleDefaults)
  node = fillChild(node, 'warmup', warmupDefaults)
  node = fillChild(node, 'migrate', migrateDefaults)
  node = fillChild(node, 'assets', assetsDefaults)
  node = fillChild(node, 'build', buildDefaults)
  return listedWarmup(spelledArgs(spelledEnv(node as MapNode)))
}

/** A service with a port and no check of its own is at least asked for its port. */
function defaultsFor(service: Node): Record<string, unknown> {
  const isWorker = childOf(service, 'worker')
  const hasPort = isWorker?.kind !== 'scalar' || isWorker.value !== true
  const { source, ...others } = serviceDefaults
  return {
    /** An image needs no directory. */
    ...(childOf(service, 'image') === undefined ? { source } : {}),
    ...others,
    ...(hasPort && childOf(service, 'health') === undefined ? { health: { tcp: true } } : {}),
  }
}

/** The `release` block, which every app has, written or not. */
export function normaliseRelease(release: Node | undefined): Node {
  const block = release ?? nodeOf({}, defaultPlace)
  if (block.kind !== 'map') return block
  const { steps, revertIf, order } = releaseDefaults
  /** Removed by `none`: the app is never brought back for failed requests. */
  const given = withoutRemoved(block)
  const filled = fill(given, { order, steps, ...(isRemovedRevert(release) ? {} : { revertIf }) })
  const list = childOf(filled, 'steps')
  if (filled.kind !== 'map' || list?.kind !== 'list') return filled
  const items = list.items.map((step) => fillStep(step))
  return withValue(filled, 'steps', { ...list, items })
}

/** The merge leaves this mark where a layer said `revertIf: none`. */
function isRemovedRevert(release: Node | undefined): boolean {
  return childOf(release, 'revertIf')?.kind === 'removed'
}

function fillStep(step: Node): Node {
  let node = step
  for (const [kind, defaults] of Object.entries(stepDefaults))
    node = fillChild(node, kind, defaults)
  return node
}

/** A job after merging. */
export function normaliseJob(job: Node): Node {
  return fill(job, jobDefaults)
}

/** `route: host` becomes `route: { host: … }`. */
function written(node: MapNode | Node, key: string, member: string): Node {
  const value = childOf(node, key)
  if (node.kind !== 'map' || value?.kind !== 'scalar') return node
  const entry = node.entries.get(key)
  const entries = new Map<string, Entry>([[member, { ...entry, key: value.place, value }]])
  return withValue(node, key, { kind: 'map', place: value.place, entries })
}

function fillChild(node: Node, key: string, defaults: unknown): Node {
  const child = childOf(node, key)
  if (node.kind !== 'map' || child?.kind !== 'map') return node
  return withValue(node, key, fill(child, defaults))
}

function spelledEnv(node: MapNode): MapNode {
  return spelledValues(node, 'env')
}

function spelledArgs(node: MapNode): MapNode {
  const build = childOf(node, 'build')
  return build?.kind === 'map' ? withValue(node, 'build', spelledValues(build, 'args')) : node
}

/** Numbers and booleans become the text that stands in the file: 1.10 stays 1.10. */
function spelledValues(node: MapNode, key: string): MapNode {
  const values = childOf(node, key)
  if (values?.kind !== 'map') return node
  const entries = entriesOf(values).map(([key, entry]): [string, Entry] => {
    const { value } = entry
    if (value.kind !== 'scalar' || typeof value.value === 'string') return [key, entry]
    return [key, { ...entry, value: { ...value, value: value.text, plain: false } }]
  })
  return withValue(node, key, { ...values, entries: new Map(entries) })
}

/** `warmup: { get: / }` becomes a list of one. */
function listedWarmup(node: MapNode): MapNode {
  const warmup = childOf(node, 'warmup')
  const get = childOf(warmup, 'get')
  if (warmup?.kind !== 'map' || get?.kind !== 'scalar') return node
  const list: Node = { kind: 'list', place: get.place, items: [get] }
  return withValue(node, 'warmup', withValue(warmup, 'get', list))
}
