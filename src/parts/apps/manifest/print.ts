import { Document, isCollection, isMap, isScalar, isSeq, Scalar, visit } from 'yaml'
import type { RenderedCell } from './render.ts'
import { cellName } from '../../tenants/model.ts'
import { ManifestDocument } from './schema-manifest.ts'
import { shapeOf, type SchemaShape } from './schema.ts'
import { memberOf } from './delta.ts'
import type { Entry, Node, Place } from './tree.ts'

/** Trees as YAML, with or without where each line comes from. */

/** A tree as a file that reads into the same tree. */
export function printTree(root: Node): string {
  return documentOf(root, undefined).toString(printing)
}

/** A cell as a manifest without layers; `render` shows it. */
export function printCell(rendered: RenderedCell): string {
  return `# ${headline(rendered)}\n${printTree(arranged(rendered))}`
}

/** The same, and beside each line its layer and the line of the file (rule 4). */
export function explain(rendered: RenderedCell): string {
  const places: Place[] = []
  const text = documentOf(arranged(rendered), places).toString(printing)
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line): [string, Place | undefined] => {
      const [, content = line, index] = /^(.*?) ?#@(\d+)$/.exec(line) ?? []
      return [content, index === undefined ? undefined : places[Number(index)]]
    })
  /** Long lines push their note to the right, but not everybody's. */
  const width = Math.min(60, Math.max(...lines.map(([content]) => content.length)))
  const explained = lines.map(([content, place]) =>
    place === undefined ? content : `${content.padEnd(width)}  # ${origin(place)}`,
  )
  return [`# ${headline(rendered)}`, ...explained, ''].join('\n')
}

/** `environment prod, roadstead.yaml:98`, or `default`. */
export function origin({ layer, file, line }: Place): string {
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
 * A YAML document of a tree. Where `places` is given, each line gets a comment with the number of
 * its place there.
 */
function documentOf(root: Node, places: Place[] | undefined): Document {
  /** `compat` puts in quotes what YAML 1.1 would read otherwise: "no", dates, octals. */
  const document = new Document(undefined, { compat: 'yaml-1.1' })
  document.contents = yamlOf(root, document, places) as typeof document.contents
  visit(document, {
    Pair(_key, pair) {
      if (isScalar(pair.value) && pair.value.value === null) pair.value.source = ''
    },
  })
  return document
}

function yamlOf(node: Node, document: Document, places: Place[] | undefined): unknown {
  switch (node.kind) {
    case 'scalar': {
      const scalar = document.createNode(node.value)
      if (!isScalar(scalar)) return scalar
      if (node.value === 'none' && !node.plain) scalar.type = Scalar.QUOTE_DOUBLE
      return noted(scalar, node.place, places)
    }
    case 'list': {
      const list = document.createNode([])
      const isFlow = node.items.every(({ kind }) => kind === 'scalar')
      if (isSeq(list)) {
        for (const item of node.items) {
          list.items.push(yamlOf(item, document, isFlow ? undefined : places) as never)
        }
        list.flow = isFlow
      }
      return isFlow ? noted(list, node.place, places) : list
    }
    case 'map': {
      const map = document.createNode({})
      if (!isMap(map)) return map
      for (const [key, { value }] of node.entries) {
        if (value.kind === 'hole' || value.kind === 'removed') continue
        map.items.push(document.createPair(key, yamlOf(value, document, places)) as never)
      }
      map.flow = map.items.length === 0
      return map.flow ? noted(map, node.place, places) : map
    }
    case 'hole':
    case 'removed':
      return document.createNode(null)
  }
}

function noted(node: unknown, place: Place, places: Place[] | undefined): unknown {
  if (places === undefined) return node
  if (isScalar(node) || isCollection(node)) node.comment = `@${places.push(place) - 1}`
  return node
}
