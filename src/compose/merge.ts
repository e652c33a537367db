import { entriesOf, type Entry, type MapNode, type Node } from '../parts/apps/manifest/tree.ts'

/** How a service of compose lies over the one that it extends, by compose-spec's rules. */

/** Lists of `NAME=value` that mean the same as maps; as maps they can be laid over one another. */
const maps: ReadonlySet<string> = new Set([
  'annotations',
  'args',
  'depends_on',
  'environment',
  'extra_hosts',
  'labels',
  'networks',
  'sysctls',
])

/** Lists that the upper one replaces; all others go on. */
const replaced: ReadonlySet<string> = new Set(['command', 'entrypoint', 'test'])

/** `upper` over `lower`: maps merge, lists go on, all else is the upper one's. */
export function mergeService(lower: MapNode, upper: MapNode): MapNode {
  return merge(lower, upper, '') as MapNode
}

function merge(lower: Node, upper: Node, key: string): Node {
  const under = maps.has(key) ? mapOf(lower) : lower
  const over = maps.has(key) ? mapOf(upper) : upper
  if (under.kind === 'map' && over.kind === 'map') return mergeMaps(under, over)
  if (under.kind !== 'list' || over.kind !== 'list' || replaced.has(key)) return over
  if (key === 'volumes') return mergeVolumes(under.items, over)
  return { ...over, items: [...under.items, ...over.items] }
}

function mergeMaps(lower: MapNode, upper: MapNode): MapNode {
  const entries = new Map(lower.entries)
  for (const [key, entry] of entriesOf(upper)) {
    const below = lower.entries.get(key)?.value
    const value = below === undefined ? entry.value : merge(below, entry.value, key)
    entries.set(key, { key: entry.key, value })
  }
  return { ...lower, place: upper.place, entries }
}

/** What the upper one puts at a path takes the place of what was there. */
function mergeVolumes(lower: readonly Node[], upper: Extract<Node, { kind: 'list' }>): Node {
  const taken = new Set(upper.items.map(targetOf))
  const kept = lower.filter((item) => !taken.has(targetOf(item)))
  return { ...upper, items: [...kept, ...upper.items] }
}

function targetOf(item: Node): string {
  if (item.kind === 'map') {
    const target = item.entries.get('target')?.value
    return target?.kind === 'scalar' ? target.text : ''
  }
  const [first = '', second] = item.kind === 'scalar' ? item.text.split(':') : []
  return second ?? first
}

/** A list of `NAME=value`, `NAME` or `NAME:value` as a map, each at its own place. */
export function mapOf(node: Node): Node {
  if (node.kind !== 'list') return node
  const entries = new Map<string, Entry>()
  for (const { kind, place, ...item } of node.items) {
    if (kind !== 'scalar' || !('text' in item)) continue
    const [, name = item.text, text] = /^([^=]*)=([^]*)$/.exec(item.text) ?? []
    const value = text ?? null
    entries.set(name, { key: place, value: { kind, place, value, text: text ?? '', plain: false } })
  }
  return { kind: 'map', place: node.place, entries }
}
