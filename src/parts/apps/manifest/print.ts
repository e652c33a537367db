import { Document, isCollection, isMap, isScalar, isSeq, Scalar, visit } from 'yaml'
import type { RenderedCell } from './render.ts'
import { cellName } from '../../tenants/model.ts'
import { ManifestDocument } from './schema-manifest.ts'
import { shapeOf, type SchemaShape } from './schema.ts'
import { memberOf } from './delta.ts'
import type { Entry, Layer, Node, Place } from './tree.ts'

/** Trees as YAML, with or without where each line comes from. */

/** Where a value was said. */
export interface Origin {
  readonly layer: Layer
  /** Empty for a default. */
  readonly file: string
  /** From 1; 0 for what stands in no file (a default). */
  readonly line: number
}

/** A line of a rendered cell. */
export interface ExplainedLine {
  readonly text: string
  /** Missing: the line opens a block, whose own lines tell. */
  readonly from?: Origin
  /** What lower layers had said, the nearest first; missing: nothing. */
  readonly over?: readonly (Origin & { readonly text: string })[]
}

export interface Explanation {
  /** Of what app and cell. */
  readonly headline: string
  readonly lines: readonly ExplainedLine[]
}

/** Beyond it, what was overridden is cut: it is told in passing. */
const overCharsMax = 120

interface Note {
  readonly place: Place
  readonly over?: readonly Node[] | undefined
}

/** A tree as a file that reads into the same tree. */
export function printTree(root: Node): string {
  return documentOf(root, undefined).toString(printing)
}

/** A cell as a manifest without layers; `render` shows it. */
export function printCell(rendered: RenderedCell): string {
  return `# ${headline(rendered)}\n${printTree(arranged(rendered))}`
}

/** A cell's lines with their origins, and what they are of. */
export function explainCell(rendered: RenderedCell): Explanation {
  return { headline: headline(rendered), lines: explainedLines(rendered) }
}

/** The same as a file: beside each line its layer and the line of the file (rule 4). */
export function explainedText({ headline: title, lines }: Explanation): string {
  /** Long lines push their note to the right, but not everybody's. */
  const width = Math.min(60, Math.max(...lines.map(({ text }) => text.length)))
  const explained = lines.map(({ text, from, over = [] }) => {
    if (from === undefined) return text
    const was = over.map((below) => `; was ${below.text} in ${origin(below)}`)
    return `${text.padEnd(width)}  # ${origin(from)}${was.join('')}`
  })
  return [`# ${title}`, ...explained, ''].join('\n')
}

/** The cell as `printCell` shows it, line by line, each value with where it comes from. */
function explainedLines(rendered: RenderedCell): ExplainedLine[] {
  const notes: Note[] = []
  const text = documentOf(arranged(rendered), notes).toString(printing)
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, content = line, index] = /^(.*?) ?#@(\d+)$/.exec(line) ?? []
      const note = index === undefined ? undefined : notes[Number(index)]
      if (note === undefined) return { text: content }
      const { place, over = [] } = note
      const lower = over.map((node) => ({ ...originOf(node.place), text: oneLine(node) }))
      const from = originOf(place)
      return { text: content, from, ...(lower.length === 0 ? {} : { over: lower }) }
    })
}

function originOf({ layer, file, line }: Place): Origin {
  return { layer, file, line }
}

/** What a lower layer said, in short. */
function oneLine(node: Node): string {
  const text = flowOf(node)
  return text.length > overCharsMax ? `${text.slice(0, overCharsMax - 1)}…` : text
}

function flowOf(node: Node): string {
  switch (node.kind) {
    case 'scalar':
      return node.text === '' ? '""' : node.text
    case 'list':
      return `[ ${node.items.map(flowOf).join(', ')} ]`
    case 'map':
      return `{ ${[...node.entries].map(([key, { value }]) => `${key}: ${flowOf(value)}`).join(', ')} }`
    case 'hole':
    case 'removed':
      return 'none'
  }
}

/** `environment prod, roadstead.yaml:98`, or `default`. */
export function origin({ layer, file, line }: Origin): string {
  return line === 0 ? layer : `${layer}, ${file}:${line}`
}

const printing = { lineWidth: 0, blockQuote: false, flowCollectionPadding: true } as const

function headline({ cell, app }: RenderedCell): string {
  return `${app} in ${cellName(cell)}, with every layer and default`
}

/** The cell as a file of the same grammar, in which `deploy` belongs to an environment. */
function arranged({ root, cell }: RenderedCell): Node {
  const entries = new Map(root.entries)
  const deploy = entries.get('deploy')
  if (deploy !== undefined) {
    entries.delete('deploy')
    const { key } = deploy
    const block = (name: string, entry: Entry): Entry => ({
      key,
      value: { kind: 'map', place: key, entries: new Map([[name, entry]]) },
    })
    entries.set('environments', block(cell.environment, block('deploy', deploy)))
  }
  return ordered({ ...root, entries }, shapeOf(ManifestDocument))
}

/** Blocks in the order of the grammar, whatever layer they come from; users' names as written. */
function ordered(node: Node, shape: SchemaShape | undefined): Node {
  if (node.kind === 'list') {
    return { ...node, items: node.items.map((item) => ordered(item, shape?.items)) }
  }
  if (node.kind !== 'map') return node
  const mapShape = shape?.anyOf?.find(({ type }) => type === 'object') ?? shape
  const keys = Object.keys(mapShape?.properties ?? {})
  const rank = (key: string): number => (keys.includes(key) ? keys.indexOf(key) : keys.length)
  const entries = [...node.entries]
    .toSorted(([a], [b]) => rank(a) - rank(b))
    .map(([key, entry]) => {
      const member = mapShape === undefined ? undefined : memberOf(mapShape, key)
      return [key, { ...entry, value: ordered(entry.value, member) }] as const
    })
  return { ...node, entries: new Map(entries) }
}

/**
 * A YAML document of a tree. Where `notes` is given, each line gets a comment with the number of
 * its note there.
 */
function documentOf(root: Node, notes: Note[] | undefined): Document {
  /** `compat` puts in quotes what YAML 1.1 would read otherwise: "no", dates, octals. */
  const document = new Document(undefined, { compat: 'yaml-1.1' })
  document.contents = yamlOf(root, document, notes) as typeof document.contents
  visit(document, {
    Pair(_key, pair) {
      if (isScalar(pair.value) && pair.value.value === null) pair.value.source = ''
    },
  })
  return document
}

function yamlOf(
  node: Node,
  document: Document,
  notes: Note[] | undefined,
  over?: Entry['over'],
): unknown {
  switch (node.kind) {
    case 'scalar': {
      const scalar = document.createNode(node.value)
      if (!isScalar(scalar)) return scalar
      if (node.value === 'none' && !node.plain) scalar.type = Scalar.QUOTE_DOUBLE
      return noted(scalar, { place: node.place, over }, notes)
    }
    case 'list': {
      const list = document.createNode([])
      const isFlow = node.items.every(({ kind }) => kind === 'scalar')
      if (isSeq(list)) {
        for (const item of node.items) {
          list.items.push(yamlOf(item, document, isFlow ? undefined : notes) as never)
        }
        list.flow = isFlow
      }
      return isFlow ? noted(list, { place: node.place, over }, notes) : list
    }
    case 'map': {
      const map = document.createNode({})
      if (!isMap(map)) return map
      for (const [key, entry] of node.entries) {
        const { value } = entry
        if (value.kind === 'hole' || value.kind === 'removed') continue
        const own = yamlOf(value, document, notes, entry.over)
        map.items.push(document.createPair(key, own) as never)
      }
      map.flow = map.items.length === 0
      return map.flow ? noted(map, { place: node.place, over }, notes) : map
    }
    case 'hole':
    case 'removed':
      return document.createNode(null)
  }
}

function noted(node: unknown, note: Note, notes: Note[] | undefined): unknown {
  if (notes === undefined) return node
  if (isScalar(node) || isCollection(node)) node.comment = `@${notes.push(note) - 1}`
  return node
}
