/**
 * A YAML document as a tree that remembers where each value stands and which layer it comes from.
 *
 * All work on manifests is done on this tree, so that a fault, and `render --explain`, can point at
 * a line whatever was merged into what. Trees are immutable.
 */
export type Node = MapNode | ListNode | ScalarNode | HoleNode | RemovedNode

/** `default`, `app`, `environment prod`, `tenant cz`, `cell prod/cz`, or `platform`. */
export type Layer = string

/** Where a value or a key stands. */
export interface Place {
  readonly file: string
  /** From 1; 0 for what stands in no file (a default). */
  readonly line: number
  readonly column: number
  /** The source text there: its first line, 80 characters at the most. */
  readonly words: string
  readonly layer: Layer
}

export interface MapNode {
  readonly kind: 'map'
  readonly place: Place
  readonly entries: ReadonlyMap<string, Entry>
  /** Where an earlier layer had removed the block that this one adds to. */
  readonly removedAt?: Place
  /** Of a compose file: laid over another it takes its place, and does not go into it. */
  readonly replaces?: true
}

export interface Entry {
  readonly key: Place
  readonly value: Node
  /** What lower layers had said in its place, the nearest first; missing: nothing. */
  readonly over?: readonly Node[]
}

export interface ListNode {
  readonly kind: 'list'
  readonly place: Place
  readonly items: readonly Node[]
  /** As of `MapNode`. */
  readonly replaces?: true
}

export interface ScalarNode {
  readonly kind: 'scalar'
  readonly place: Place
  readonly value: string | number | boolean | null
  /** The value as the file spells it, without quotes. */
  readonly text: string
  /** Written without quotes: only a plain `none` removes. */
  readonly plain: boolean
}

/** Takes the place of a value that was at fault, so that no other fault follows from it. */
export interface HoleNode {
  readonly kind: 'hole'
  readonly place: Place
}

/** Takes the place of a value that a later layer removed, with `none` or `!reset`. */
export interface RemovedNode {
  readonly kind: 'removed'
  readonly place: Place
}

/** The value under a key of a map; undefined where there is none, or `node` is no map. */
export function childOf(node: Node | undefined, key: string): Node | undefined {
  return node?.kind === 'map' ? node.entries.get(key)?.value : undefined
}

/**
 * Where the value at the end of a path stands: a scalar or a list's item itself, a block by its
 * key.
 * Where the path leads nowhere, the last thing on it that exists.
 */
export function placeAt(root: Node, path: readonly string[]): Place {
  let node: Node = root
  let place = root.place
  for (const key of path) {
    if (node.kind === 'list') {
      const item: Node | undefined = node.items[Number(key)]
      if (item === undefined) return place
      node = item
      place = item.place
      continue
    }
    const entry: Entry | undefined = node.kind === 'map' ? node.entries.get(key) : undefined
    if (entry === undefined) return place
    node = entry.value
    place = node.kind === 'scalar' ? node.place : entry.key
  }
  return place
}

/** The value at the end of a path of keys and list positions. */
export function nodeAt(root: Node, path: readonly string[]): Node | undefined {
  let node: Node | undefined = root
  for (const key of path) {
    node = node?.kind === 'list' ? node.items[Number(key)] : childOf(node, key)
  }
  return node
}

/** The entries of a map in their order; none where `node` is no map. */
export function entriesOf(node: Node | undefined): [string, Entry][] {
  return node?.kind === 'map' ? [...node.entries] : []
}

/** The items of a list; none where `node` is no list. */
export function itemsOf(node: Node | undefined): readonly Node[] {
  return node?.kind === 'list' ? node.items : []
}

/** The text of a scalar; undefined for all else. */
export function textOf(node: Node | undefined): string | undefined {
  return node?.kind === 'scalar' && typeof node.value === 'string' ? node.value : undefined
}

/** Whether it is the plain word `none`, which removes. */
export function isNone(node: Node): boolean {
  return node.kind === 'scalar' && node.plain && node.value === 'none'
}

/** Whether a fault left a hole anywhere in it, so that its data cannot be used. */
export function hasHole(node: Node): boolean {
  if (node.kind === 'hole') return true
  if (node.kind === 'list') return node.items.some(hasHole)
  return node.kind === 'map' && [...node.entries.values()].some(({ value }) => hasHole(value))
}

/** Plain data: objects, lists, scalars. Holes and removed values are left out. */
export function dataOf(node: Node): unknown {
  switch (node.kind) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(dataOf)
    case 'map': {
      const entries = [...node.entries].filter(
        ([, { value }]) => value.kind !== 'hole' && value.kind !== 'removed',
      )
      return Object.fromEntries(entries.map(([key, { value }]) => [key, dataOf(value)]))
    }
    case 'hole':
    case 'removed':
      return undefined
  }
}

/** The same map with other entries. */
export function withEntries(node: MapNode, entries: Iterable<[string, Entry]>): MapNode {
  return { ...node, entries: new Map(entries) }
}

/** The same map with one value set; the key's place is that of the value where it is new. */
export function withValue(node: MapNode, key: string, value: Node): MapNode {
  const entries = new Map(node.entries)
  const before = node.entries.get(key)
  entries.set(key, { ...before, key: before?.key ?? value.place, value })
  return { ...node, entries }
}

/** A tree of plain data, all of it at one place. */
export function nodeOf(data: unknown, place: Place): Node {
  if (Array.isArray(data)) {
    return { kind: 'list', place, items: data.map((item) => nodeOf(item, place)) }
  }
  if (typeof data === 'object' && data !== null) {
    const entries = Object.entries(data).map(([key, value]): [string, Entry] => [
      key,
      { key: place, value: nodeOf(value, place) },
    ])
    return { kind: 'map', place, entries: new Map(entries) }
  }
  const value = data as ScalarNode['value']
  /** In data, as in the JSON Schema, the text `none` is the word that removes. */
  const plain = typeof value !== 'string' || value === 'none'
  return { kind: 'scalar', place, value, text: String(value), plain }
}

/** The place of what stands in no file. */
export const defaultPlace: Place = { file: '', line: 0, column: 0, words: '', layer: 'default' }

/** "line 12", or "line 12 of platform.yaml" where it is another file than `from`. */
export function lineWords(place: Place, from: Place): string {
  return place.file === from.file ? `line ${place.line}` : `line ${place.line} of ${place.file}`
}
