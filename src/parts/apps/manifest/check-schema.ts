import { Check } from 'typebox/value'
import type { TSchema } from 'typebox'
import { memberOf } from './delta.ts'
import type { FaultList, Spot } from './faults.ts'
import type { SchemaShape } from './schema.ts'
import {
  exampleOf,
  expectationOf,
  insteadOf,
  nameHint,
  nameOf,
  kindHint,
  shown,
  unitExample,
  verdictOn,
  written,
} from './schema-words.ts'
import { closest, didYouMean, listed } from './suggestion.ts'
import { isNone, lineWords, type Entry, type MapNode, type Node } from './tree.ts'
import { measureOf, mendedUnit, type Unit } from './units.ts'

/**
 * Holds a tree against a schema and says in people's words what does not fit.
 *
 * It walks where typebox only lists: a union is told apart by what stands there, a mistyped key is
 * matched with the one that was meant, and whatever is at fault is replaced by a hole, so that no
 * second fault follows from the first. Whether a single value fits is typebox's decision.
 */
export function checkSchema(shape: SchemaShape, node: Node, spot: Spot, faults: FaultList): Node {
  const holeHere: Node = { kind: 'hole', place: node.place }
  if (node.kind === 'hole' || node.kind === 'removed') return node
  if (shape.anyOf !== undefined) {
    const variant = variantFor(shape.anyOf, node)
    if (variant === undefined) {
      addKindFault(shape, node, spot, faults)
      return holeHere
    }
    const noted = 'x-expects' in variant ? variant : { ...variant, ...notesOf(shape) }
    return checkSchema(noted, node, spot, faults)
  }
  if (shape.type === 'object') {
    if (node.kind === 'map') return checkMap(shape, node, spot, faults)
  } else if (shape.type === 'array') {
    if (node.kind === 'list') return checkList(shape, node, spot, faults)
  } else if (node.kind === 'scalar') {
    return checkScalar(shape, node, spot, faults) ? node : holeHere
  }
  addKindFault(shape, node, spot, faults)
  return holeHere
}

function notesOf(shape: SchemaShape): Partial<SchemaShape> {
  return shape['x-expects'] === undefined ? {} : { 'x-expects': shape['x-expects'] }
}

/** The variant that whoever wrote `node` had in mind: by kind first, then by fitting. */
function variantFor(variants: readonly SchemaShape[], node: Node): SchemaShape | undefined {
  if (isNone(node)) {
    const removal = variants.find((variant) => variant.const === 'none')
    if (removal !== undefined) return removal
  }
  const others = variants.filter((variant) => variant.const !== 'none')
  const [only] = others
  if (others.length === 1 && only?.type !== 'object' && only?.type !== 'array') return only
  return others.find((variant) => suits(variant, node))
}

function suits(variant: SchemaShape, node: Node): boolean {
  if (variant.type === 'object') return node.kind === 'map'
  if (variant.type === 'array') return node.kind === 'list'
  if (node.kind !== 'scalar') return false
  if (variant.type === undefined) return typeof node.value === 'string'
  if (variant.type === 'integer') return typeof node.value === 'number'
  return variant.type === typeof node.value
}

function checkMap(shape: SchemaShape, node: MapNode, spot: Spot, faults: FaultList): Node {
  const entries = new Map<string, Entry>()
  for (const [key, entry] of node.entries) {
    const member = memberOf(shape, key)
    const path = [...spot.path, key]
    if (member === undefined) {
      const meant = addKeyFault(shape, node, key, { place: entry.key, path }, faults)
      if (meant !== undefined) {
        entries.set(meant, { key: entry.key, value: { kind: 'hole', place: entry.key } })
      }
      continue
    }
    /** A map is shown by its key: its own place is that of its first key. */
    const place = entry.value.kind === 'scalar' ? entry.value.place : entry.key
    entries.set(key, {
      key: entry.key,
      value: checkSchema(member, entry.value, { place, path }, faults),
    })
  }
  const checked = { ...node, entries }
  addMissing(shape, checked, spot, faults)
  const { minProperties = 0, maxProperties = Infinity } = shape
  if (node.entries.size < minProperties || node.entries.size > maxProperties) {
    addSizeFault(shape, node, spot, faults)
    return { kind: 'hole', place: node.place }
  }
  return checked
}

/** Answers with the key that was meant, if there is one and it is not given too. */
function addKeyFault(
  shape: SchemaShape,
  node: MapNode,
  key: string,
  spot: Spot,
  faults: FaultList,
): string | undefined {
  if (shape.properties === undefined) {
    const words = shape['x-keys'] ?? 'a name'
    const hint = key === '*' ? 'put what every service shares under `defaults`' : nameHint(key)
    faults.add('bad-name', spot, `\`${shown(key)}\` cannot stand here: this is ${words}`, hint)
    return undefined
  }
  const known = Object.keys(shape.properties)
  const free = known.filter((candidate) => !node.entries.has(candidate))
  const where = nameOf({ path: spot.path.slice(0, -1) })
  const given = closest(key, known)
  const first = given === undefined ? undefined : node.entries.get(given)?.key
  const hint =
    first === undefined
      ? didYouMean(key, free, `${where} has no other keys`)
      : `did you mean \`${given}\`? it stands in line ${first.line} already`
  faults.add('unknown-key', spot, `${where} has no key \`${shown(key)}\``, hint)
  return closest(key, free)
}

function addMissing(shape: SchemaShape, node: MapNode, spot: Spot, faults: FaultList): void {
  const missing = (shape.required ?? []).filter((key) => {
    const value = node.entries.get(key)?.value
    return value === undefined || value.kind === 'removed'
  })
  if (missing.length === 0) return
  const name = nameOf(spot)
  const keys = listed(missing.map((key) => `\`${key}\``))
  if (node.removedAt !== undefined) {
    const { layer } = node.removedAt
    const removed = `${layer} removed it (${lineWords(node.removedAt, spot.place)})`
    const message = `${name} adds part of a removed block: ${removed}`
    const whole = `give the whole block here (missing: ${keys})`
    faults.add(
      'removed-block',
      spot,
      message,
      `${whole}, or say it under \`cells\` for the cells that have it`,
    )
    return
  }
  const examples = missing.map((key) => `${key}: ${exampleOf(shape.properties?.[key])}`)
  faults.add('missing-key', spot, `${name} has no ${keys}`, `add ${examples.join(', ')}`)
}

function checkList(
  shape: SchemaShape,
  node: Extract<Node, { kind: 'list' }>,
  spot: Spot,
  faults: FaultList,
): Node {
  const { minItems = 0, maxItems = Infinity, items = {} } = shape
  if (node.items.length < minItems || node.items.length > maxItems) {
    addSizeFault(shape, node, spot, faults)
    return { kind: 'hole', place: node.place }
  }
  const checked = node.items.map((item, index) =>
    checkSchema(items, item, { place: item.place, path: [...spot.path, String(index)] }, faults),
  )
  return { ...node, items: checked }
}

/** Too few or too many keys of a map, or items of a list. */
function addSizeFault(
  shape: SchemaShape,
  node: Extract<Node, { kind: 'list' | 'map' }>,
  spot: Spot,
  faults: FaultList,
): void {
  const name = nameOf(spot)
  const size = node.kind === 'list' ? node.items.length : node.entries.size
  const most = shape.maxItems ?? shape.maxProperties
  if (size === 0) {
    const expects = shape['x-expects']
    const remedy = expects === undefined ? 'put something in it' : `write ${expects}`
    const hint = `${remedy}, or delete it`
    faults.add('out-of-range', spot, `${name} is empty`, hint)
  } else if (most === 1) {
    const keys = node.kind === 'map' ? [...node.entries.keys()].join(', ') : ''
    const hint = 'begin a line of its own with `- ` for each'
    faults.add('wrong-kind', spot, `one item of the list holds ${size} steps: ${keys}`, hint)
  } else {
    faults.add(
      'out-of-range',
      spot,
      `${name} has ${size} entries; ${most} are the most`,
      'split it',
    )
  }
}

/** Whether the value fits; adds a fault where it does not. */
function checkScalar(
  shape: SchemaShape,
  node: Extract<Node, { kind: 'scalar' }>,
  spot: Spot,
  faults: FaultList,
): boolean {
  const { value } = node
  const unit = shape['x-unit']
  if (Check(shape as TSchema, value)) {
    if (unit === undefined || !(typeof value === 'string' || typeof value === 'number')) return true
    return checkRange(shape, value, spot, faults)
  }
  const name = nameOf(spot)
  const expects = expectationOf(shape)
  if (value === null) {
    faults.add('wrong-kind', spot, `${name} has no value`, `it takes ${expects}`)
    return false
  }
  if (unit !== undefined && (unit !== 'cores' || typeof value === 'string')) {
    const hint = unitHint(shape, unit, node.text)
    faults.add('wrong-unit', spot, `${name} takes ${expects}, not ${written(node)}`, hint)
    return false
  }
  const [code, hint] = verdictOn(shape, node)
  faults.add(code, spot, `${name} takes ${expects}${insteadOf(code, node)}`, hint)
  return false
}

/** What was meant, spelled right, where that would be taken; else the bound that it misses. */
function unitHint(shape: SchemaShape, unit: Unit, text: string): string {
  const mended = mendedUnit(unit, text)
  if (mended === undefined) return `for instance ${unitExample(unit)}`
  const bare = mended.replaceAll('"', '')
  const measure = measureOf(unit, unit === 'cores' ? Number(bare) : bare)
  const { 'x-least': least, 'x-most': most } = shape
  if (least !== undefined && measure < measureOf(unit, least)) return `${least} is the least`
  if (most !== undefined && measure > measureOf(unit, most)) return `${most} is the most`
  return mended === text ? `for instance ${unitExample(unit)}` : `did you mean ${mended}?`
}

/** The bounds of a quantity that is well written. */
function checkRange(
  shape: SchemaShape,
  value: string | number,
  spot: Spot,
  faults: FaultList,
): boolean {
  const unit = shape['x-unit']!
  const { 'x-least': least, 'x-most': most } = shape
  const measure = measureOf(unit, value)
  const name = nameOf(spot)
  if (least !== undefined && measure < measureOf(unit, least)) {
    faults.add(
      'out-of-range',
      spot,
      `${name} is ${value}; ${least} is the least`,
      `write ${least} or more`,
    )
    return false
  }
  if (most !== undefined && measure > measureOf(unit, most)) {
    faults.add(
      'out-of-range',
      spot,
      `${name} is ${value}; ${most} is the most`,
      `write ${most} or less`,
    )
    return false
  }
  return true
}

function addKindFault(shape: SchemaShape, node: Node, spot: Spot, faults: FaultList): void {
  const name = nameOf(spot)
  const expects = expectationOf(shape)
  if (node.kind === 'scalar' && node.value === null) {
    faults.add(
      'wrong-kind',
      spot,
      `${name} has no value`,
      `it takes ${expects}; or delete the line`,
    )
    return
  }
  const hint = kindHint(shape, node)
  faults.add('wrong-kind', spot, `${name} takes ${expects}, not ${written(node)}`, hint)
}
