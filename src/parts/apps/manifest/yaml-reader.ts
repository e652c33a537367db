import { isAlias, isMap, isScalar, isSeq, LineCounter } from 'yaml'
import type { Document, Pair, ParsedNode, Scalar, YAMLMap } from 'yaml'
import type { FaultList, Spot } from './faults.ts'
import { checkText, hiddenIn } from './text.ts'
import { entriesOf } from './tree.ts'
import type { Entry, Layer, MapNode, Node, Place, ScalarNode } from './tree.ts'
import { compose, depthMax } from './yaml-document.ts'

/** Values of a document once its aliases are written out: the long example has 400. */
const nodesMax = 20_000

/** What YAML 1.1, and so many other tools, reads as a boolean. */
const bareBoolean = /^(?:y|yes|n|no|on|off)$/i

/** Keys that reach into JavaScript's objects; no other of theirs is a name that a manifest allows. */
const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor'])

/** What a file may use of YAML beyond what a manifest may. */
export interface Dialect {
  /** `<<` takes in the keys of other maps, as most YAML readers do. */
  readonly hasMergeKeys: boolean
  /** A bare no, yes, on, off, y or n is a word. */
  readonly hasBareWords: boolean
  /** `!reset` removes what a file below says, `!override` takes its place. */
  readonly hasMergeTags: boolean
}

const manifestDialect: Dialect = { hasMergeKeys: false, hasBareWords: false, hasMergeTags: false }

/**
 * Reads a YAML 1.2 document into a tree; undefined where it cannot be read at all.
 *
 * Never throws and always ends: size, depth and number of values are bounded before they cost.
 */
export function readYaml(
  text: string,
  file: string,
  faults: FaultList,
  dialect = manifestDialect,
): MapNode | undefined {
  if (!checkText(text, file, faults)) return undefined
  const lines = new LineCounter()
  const document = compose(text, file, lines, faults)
  if (document === undefined) return undefined
  const reader = new Reader(text, file, lines, document, faults, dialect)
  const root = reader.read()
  if (reader.isTooMuch) return undefined
  if (root?.kind === 'map') return root
  if (faults.isEmpty) {
    const message =
      root === undefined ? 'the file is empty' : 'the file is no map of keys and values'
    const first = dialect === manifestDialect ? 'roadstead: v1' : 'services:'
    faults.add('document-empty', reader.startSpot(), message, `begin with \`${first}\``)
  }
  return undefined
}

/** Turns a YAML document into a tree, value by value. */
class Reader {
  readonly #text: string
  readonly #file: string
  readonly #lines: LineCounter
  readonly #document: Document.Parsed
  readonly #faults: FaultList
  readonly #dialect: Dialect
  /** Anchors whose value is being read: one that holds itself would never end. */
  readonly #open = new Set<ParsedNode>()
  /** By name, as far as the document has been read: the last one of a name counts. */
  readonly #anchors = new Map<string, ParsedNode>()
  #nodes = 0

  constructor(
    text: string,
    file: string,
    lines: LineCounter,
    document: Document.Parsed,
    faults: FaultList,
    dialect: Dialect,
  ) {
    this.#dialect = dialect
    this.#text = text
    this.#file = file
    this.#lines = lines
    this.#document = document
    this.#faults = faults
  }

  read(): Node | undefined {
    const { directives, contents } = this.#document
    if (directives.yaml.explicit === true || Object.keys(directives.tags).length > 1) {
      const hint = 'delete the line that begins with %'
      this.#faults.add('tag-refused', this.startSpot(), 'directives are not read', hint)
      return undefined
    }
    if (contents === null || (isScalar(contents) && contents.value === null)) return undefined
    return this.#node(contents, [])
  }

  /** Whether reading stopped half-way: what follows from that says nothing. */
  get isTooMuch(): boolean {
    return this.#nodes > nodesMax
  }

  startSpot(): Spot {
    return { place: this.#place([0, 0], []), path: [] }
  }

  #node(node: ParsedNode, path: readonly string[]): Node {
    const place = this.#place(node.range, path)
    const spot = { place, path }
    if (++this.#nodes > nodesMax) {
      if (this.#nodes === nodesMax + 1) {
        const message = `with its aliases written out the file holds more than ${nodesMax} values`
        this.#faults.add(
          'too-many-nodes',
          spot,
          message,
          'write out what is needed, without aliases',
        )
      }
      return { kind: 'hole', place }
    }
    if (path.length > depthMax) {
      this.#faults.add('too-deep', spot, `blocks are nested more than ${depthMax} deep`)
      return { kind: 'hole', place }
    }
    if (isAlias(node)) return this.#alias(this.#anchors.get(node.source), spot)
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node)
    const mergeTag = this.#dialect.hasMergeTags ? node.tag : undefined
    if (mergeTag === '!reset') return { kind: 'removed', place }
    if (node.tag !== undefined && mergeTag !== '!override') {
      const hint = 'leave the tag out; quotes make a text of anything'
      this.#faults.add(
        'tag-refused',
        spot,
        `the tag ${node.tag.replace('tag:yaml.org,2002:', '!!')} is not read`,
        hint,
      )
      return { kind: 'hole', place }
    }
    const mark = mergeTag === undefined ? {} : ({ replaces: true } as const)
    if (isMap(node)) return { ...this.#map(node as YAMLMap.Parsed, spot), ...mark }
    if (isSeq(node)) {
      const items = (node.items as ParsedNode[]).map((item, index) =>
        this.#node(item, [...path, String(index)]),
      )
      return { kind: 'list', place, items, ...mark }
    }
    return this.#scalar(node as Scalar.Parsed, spot)
  }

  #alias(target: ParsedNode | undefined, spot: Spot): Node {
    if (target === undefined || this.#open.has(target)) {
      const message = target === undefined ? 'the alias names no anchor' : 'the alias holds itself'
      this.#faults.add('yaml-syntax', spot, message, 'write the value out instead')
      return { kind: 'hole', place: spot.place }
    }
    this.#open.add(target)
    const node = this.#node(target, spot.path)
    this.#open.delete(target)
    return node
  }

  #map(node: YAMLMap.Parsed, { place, path }: Spot): MapNode {
    const entries = new Map<string, Entry>()
    const merged: Node[] = []
    for (const pair of node.items as Pair<ParsedNode, ParsedNode | null>[]) {
      const key = this.#key(pair.key, path)
      if (key === undefined) continue
      const spot = { place: this.#place(pair.key.range, [...path, key]), path: [...path, key] }
      if (key === '<<') {
        if (pair.value !== null) merged.push(...this.#merged(pair.value, spot))
        continue
      }
      const first = entries.get(key)
      if (first !== undefined) {
        const message = `\`${key}\` stands here twice; first in line ${first.key.line}`
        this.#faults.add('duplicate-key', spot, message, 'join the two, or delete one')
        continue
      }
      const value: Node =
        pair.value === null
          ? { kind: 'scalar', place: spot.place, value: null, text: '', plain: true }
          : this.#node(pair.value, spot.path)
      entries.set(key, { key: spot.place, value })
      if (this.#nodes > nodesMax) break
    }
    for (const source of merged) {
      for (const [key, entry] of entriesOf(source)) {
        if (!entries.has(key)) entries.set(key, entry)
      }
    }
    return { kind: 'map', place, entries }
  }

  /** The maps behind `<<`, the ones that count most first. */
  #merged(value: ParsedNode, spot: Spot): readonly Node[] {
    const node = this.#node(value, spot.path.slice(0, -1))
    const maps = node.kind === 'list' ? node.items : [node]
    if (maps.every(({ kind }) => kind === 'map' || kind === 'hole')) return maps
    const hint = 'for instance <<: *common, or <<: [*one, *other]'
    this.#faults.add('merge-key', spot, '`<<` takes a map, or a list of maps', hint)
    return []
  }

  /** A key as text; undefined, with a fault, where it cannot be one. */
  #key(node: ParsedNode, path: readonly string[]): string | undefined {
    const target = isAlias(node) ? this.#anchors.get(node.source) : node
    if (!isAlias(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, node)
    const spot = { place: this.#place(node.range, path), path }
    if (!isScalar(target) || target.value === null) {
      this.#faults.add('yaml-syntax', spot, 'a key has to be a word', 'is there a quote missing?')
      return undefined
    }
    const key =
      typeof target.value === 'string' ? target.value : (target.source ?? String(target.value))
    if (this.#refusesWord(target, spot)) return undefined
    if (key === '<<' && !this.#dialect.hasMergeKeys) {
      const hint = 'repeat the lines, or put what services share under `defaults`'
      this.#faults.add('merge-key', spot, 'merge keys (`<<`) are not read', hint)
      return undefined
    }
    if (forbiddenKeys.has(key)) {
      this.#faults.add('forbidden-key', spot, `\`${key}\` cannot be a key`, 'delete it')
      return undefined
    }
    return key
  }

  #scalar(node: Scalar.Parsed, spot: Spot): Node {
    const { value, source, type } = node as Scalar
    const { place } = spot
    if (this.#refusesWord(node, spot)) return { kind: 'hole', place }
    const plain = type === 'PLAIN' || type === undefined
    const text = source ?? ''
    if (typeof value === 'number' && !Number.isFinite(value)) {
      this.#faults.add('wrong-value', spot, `${text} is not a number that can be counted with`)
      return { kind: 'hole', place }
    }
    return { kind: 'scalar', place, value: value as ScalarNode['value'], text, plain }
  }

  /** Bare booleans of YAML 1.1, and hidden characters that came in by an escape. */
  #refusesWord(node: Scalar, spot: Spot): boolean {
    const text = node.source ?? ''
    const isBare = node.type === 'PLAIN' || node.type === undefined
    if (!this.#dialect.hasBareWords && isBare && bareBoolean.test(text)) {
      const message = `a bare \`${text}\` means true or false to other tools`
      const instead = /^(?:y|yes|on)$/i.test(text) ? 'true' : 'false'
      const hint = `write "${text}" in quotes if you mean the word, or ${instead}`
      this.#faults.add('bare-boolean', spot, message, hint)
      return true
    }
    const found = typeof node.value === 'string' ? hiddenIn(node.value) : undefined
    if (found === undefined) return false
    this.#faults.add('hidden-character', spot, `${found} hides in this value`, 'delete the escape')
    return true
  }

  #place(range: readonly [number, number, ...number[]], path: readonly string[]): Place {
    const [start, end] = range
    const { line, col } = this.#lines.linePos(start)
    const words = this.#text
      .slice(start, Math.min(end, start + 80))
      .split('\n', 1)[0]!
      .trimEnd()
    return {
      file: this.#file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      words,
      layer: layerAt(path),
    }
  }
}

/** The layer that a path of the developers' file belongs to. */
function layerAt(path: readonly string[]): Layer {
  const [block, name] = path
  if (name === undefined) return 'app'
  if (block === 'environments') return `environment ${name}`
  if (block === 'tenants') return `tenant ${name}`
  return block === 'cells' ? `cell ${name}` : 'app'
}
