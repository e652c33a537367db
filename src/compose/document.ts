import { FaultList } from '../parts/apps/manifest/faults.ts'
import {
  entriesOf,
  type Entry,
  type MapNode,
  type Node,
  type Place,
  type ScalarNode,
} from '../parts/apps/manifest/tree.ts'
import { readYaml } from '../parts/apps/manifest/yaml-reader.ts'
import { interpolate, type Variables } from './interpolate.ts'
import type { Report } from './report.ts'
import { checkCompose } from './schema.ts'

/** One compose file: read, its variables filled in, held against compose-spec. */

/** Characters that the values of one file may come to: aliases multiply what variables hold. */
const charactersMax = 4_194_304

const dialect = { hasMergeKeys: true, hasBareWords: true, hasMergeTags: true }

/** Undefined where the text cannot be read or is no compose file; the report says why. */
export function readCompose(
  text: string,
  file: string,
  variables: Variables,
  report: Report,
): MapNode | undefined {
  const faults = new FaultList()
  const tree = readYaml(text, file, faults, dialect)
  const isReadable = tree !== undefined && faults.isEmpty
  const filled = isReadable ? fillIn(tree, variables, faults, report) : undefined
  const isRight = filled !== undefined && checkCompose(filled, faults)
  report.addFaults(faults.sorted())
  return isRight ? filled : undefined
}

/** Fills in the variables of all values; keys have none. */
function fillIn(root: MapNode, variables: Variables, faults: FaultList, report: Report): MapNode {
  const told = new Set<string>()
  let characters = 0
  const scalar = (node: ScalarNode, path: readonly string[]): ScalarNode => {
    if (typeof node.value !== 'string' || !node.value.includes('$')) return node
    const { text, used, unset, problem } = interpolate(node.value, variables)
    const { place } = node
    characters += text.length
    if (characters > charactersMax) {
      const message = `with its variables the file has more than ${charactersMax} characters`
      faults.add('too-large', { place, path }, message, 'write out what is needed, without aliases')
      return { ...node, value: '', text: '' }
    }
    if (problem !== undefined)
      faults.add(problem.code, { place, path }, problem.message, problem.hint)
    const isSaid = path[0]?.startsWith('x-') !== true
    for (const name of isSaid ? unset : []) tellUnset(name, place, path, told, report)
    for (const name of isSaid ? used : []) {
      const from = variables.get(name)?.from ?? ''
      if (told.has(`${name} ${place.line}`)) continue
      told.add(`${name} ${place.line}`)
      const said = `\`${name}\` was filled in from ${from}: the manifest holds its value`
      report.add('changed', path.join('.'), place, said)
    }
    return { ...node, value: text, text }
  }
  const visit = (node: Node, path: readonly string[]): Node => {
    if (node.kind === 'scalar') return scalar(node, path)
    if (node.kind === 'list') {
      const items = node.items.map((item, index) => visit(item, [...path, String(index)]))
      return { ...node, items }
    }
    return node.kind === 'map' ? visitMap(node, path) : node
  }
  const visitMap = (node: MapNode, path: readonly string[]): MapNode => {
    const entries = entriesOf(node).map(([key, entry]): [string, Entry] => [
      key,
      { ...entry, value: visit(entry.value, [...path, key]) },
    ])
    return { ...node, entries: new Map(entries) }
  }
  return visitMap(root, [])
}

function tellUnset(
  name: string,
  place: Place,
  path: readonly string[],
  told: Set<string>,
  report: Report,
): void {
  if (told.has(`${name} ${place.line}`)) return
  told.add(`${name} ${place.line}`)
  const said = `nothing sets \`${name}\`, so it is empty here`
  report.add('open', path.join('.'), place, said, `set ${name} in .env, or give it a default`)
}
