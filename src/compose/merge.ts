import {
  dataOf,
  entriesOf,
  type Entry,
  type ListNode,
  type MapNode,
  type Node,
} from '../parts/apps/manifest/tree.ts'

/**
 * How one block of compose lies over another, by compose-spec's rules: a service over the one that it
 * extends, a file over the one before it. What is `!reset` goes, what is `!override` replaces.
 */

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

/** Lists that may be written as their only item. */
const lists: ReadonlySet<string> = new Set(['dns', 'dns_search', 'env_file', 'tmpfs'])

/** Lists of what is put at a path: one thing at each. */
const targeted: ReadonlySet<string> = new Set(['configs', 'secrets', 'volumes'])

/** `upper` over `lower`, under the key `key`; undefined: it is removed. */
export function mergeBlock(lower: Node, upper: Node, key = ''): Node | undefined {
  if (upper.kind === 'removed') return undefined
  const under = shaped(lower, key)
  const over = shaped(upper, key)
  // A block that says nothing takes nothing away.
  if (over.kind === 'scalar' && over.value === null && under.kind !== 'scalar') return under
  if (under.kind === 'map' && over.kind === 'map') {
    const isOther = key === 'logging' && driverOf(under) !== driverOf(over)
    return over.replaces === true || isOther ? over : mergeService(under, over)
  }
  if (under.kind !== 'list' || over.kind !== 'list') return over
  return over.replaces === true || replaced.has(key) ? over : mergeLists(under.items, over, key)
}

/** Maps merge, lists go on, all else is the upper one's. */
export function mergeService(lower: MapNode, upper: MapNode): MapNode {
  const entries = new Map(lower.entries)
  for (const [key, entry] of entriesOf(upper)) {
    const below = lower.entries.get(key)?.value
    const value = below === undefined ? entry.value : mergeBlock(below, entry.value, key)
    if (value === undefined) entries.delete(key)
    else entries.set(key, { key: entry.key, value })
  }
  return { ...lower, place: upper.place, entries }
}

/** Without what is `!reset` where there was nothing below it. */
export function withoutResets(node: Node): Node {
  if (node.kind === 'list') {
    const items = node.items.filter(({ kind }) => kind !== 'removed')
    return { ...node, items: items.map(withoutResets) }
  }
  if (node.kind !== 'map') return node
  const kept = entriesOf(node).filter(([, { value }]) => value.kind !== 'removed')
  const entries = kept.map(([key, entry]): [string, Entry] => [
    key,
    { ...entry, value: withoutResets(entry.value) },
  ])
  return { ...node, entries: new Map(entries) }
}

/** Written out, so that it can be laid over another. */
function shaped(node: Node, key: string): Node {
  if (maps.has(key)) return mapOf(node)
  if (node.kind !== 'scalar' || node.value === null) return node
  if (lists.has(key)) return { kind: 'list', place: node.place, items: [node] }
  if (key !== 'build') return node
  const entries = new Map([['context', { key: node.place, value: node }]])
  return { kind: 'map', place: node.place, entries }
}

/** An upper one takes the place of what was at its path; what is said twice counts once. */
function mergeLists(lower: readonly Node[], upper: ListNode, key: string): Node {
  const nameOf = targeted.has(key) ? targetOf : (item: Node) => JSON.stringify(dataOf(item))
  const taken = new Set(upper.items.map(nameOf))
  const kept = lower.filter((item) => !taken.has(nameOf(item)))
  return { ...upper, items: [...kept, ...upper.items] }
}

function driverOf(node: MapNode): unknown {
  return (dataOf(node) as { driver?: unknown }).driver
}

function targetOf(item: Node): string {
  if (item.kind === 'map') {
    const found = item.entries.get('target') ?? item.entries.get('source')
    return found?.value.kind === 'scalar' ? plainTarget(found.value.text) : ''
  }
  const [first = '', second] = item.kind === 'scalar' ? item.text.split(':') : []
  return plainTarget(second ?? first)
}

/** A config without a target is at its name below the root. */
function plainTarget(text: string): string {
  return text.replace(/^\//, '').replace(/\/$/, '')
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
  return {
    kind: 'map',
    place: node.place,
    entries,
    ...(node.replaces === true ? { replaces: true } : {}),
  }
}
