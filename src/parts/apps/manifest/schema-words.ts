import type { SchemaShape } from './schema.ts'
import type { FaultCode, Spot } from './faults.ts'
import { didYouMean, listed } from './suggestion.ts'
import type { Node, ScalarNode } from './tree.ts'

/** What a schema expects, and what stands there instead, in people's words. */

export function verdictOn(
  shape: SchemaShape,
  { value, text, plain }: ScalarNode,
): readonly [FaultCode, string] {
  if (shape['x-fault'] === 'secret-value') {
    return ['secret-value', 'a secret never stands in a file: store it, and name it here']
  }
  if (shape.enum !== undefined) return ['wrong-value', didYouMean(text, shape.enum.map(String), '')]
  if (shape.const !== undefined) return ['wrong-value', `write ${String(shape.const)}`]
  if (shape.type === 'integer' || shape.type === 'number') {
    if (typeof value !== 'number') {
      const isNumber = text.trim() !== '' && Number.isFinite(Number(text))
      return ['wrong-kind', isNumber ? `write ${Number(text)}, without quotes` : 'write a number']
    }
    return numberVerdict(shape, value)
  }
  if (shape.type === 'boolean') return ['wrong-kind', 'write true or false, without quotes']
  if (typeof value !== 'string') return ['wrong-kind', plain ? `write "${text}" in quotes` : '']
  if (shape.maxLength !== undefined && value.length > shape.maxLength) {
    return ['out-of-range', `${shape.maxLength} characters are the most`]
  }
  const code = (shape['x-fault'] ?? 'wrong-value') as FaultCode
  if (code === 'bad-name') return [code, nameHint(value)]
  return [code, code === 'bad-path' ? pathHint(shape, value) : 'mend it, or delete the line']
}

function numberVerdict(shape: SchemaShape, value: number): readonly [FaultCode, string] {
  const { minimum = -Infinity, maximum = Infinity } = shape
  if (value < minimum) {
    const isNoInstance = value === 0 && shape.maximum === 1_000 && minimum === 1
    const none = 'to run none of it in a layer, give the service the value none there'
    return [
      'out-of-range',
      isNoInstance ? `${minimum} is the least; ${none}` : `${minimum} is the least`,
    ]
  }
  if (value > maximum) return ['out-of-range', `${maximum} is the most`]
  return ['wrong-value', `write ${Math.max(minimum, Math.floor(value))} or ${Math.ceil(value)}`]
}

/** What would be right where something of another kind stands. */
export function kindHint(shape: SchemaShape, node: Node): string {
  const variants = (shape.anyOf ?? [shape]).filter((variant) => variant.const !== 'none')
  const takes = (type: string): SchemaShape | undefined =>
    variants.find((variant) => variant.type === type)
  if (node.kind === 'list') {
    const isMap = takes('object') !== undefined
    return isMap
      ? 'write KEY: value, without brackets or dashes'
      : 'write one value, without brackets'
  }
  if (node.kind !== 'scalar') return `write ${expectationOf(shape)}`
  const word = shown(node.text)
  const isQuotedNone = node.value === 'none' && !node.plain
  if (isQuotedNone) return 'to remove it, write none without quotes'
  if (takes('array') !== undefined) return `did you mean [${word}]?`
  const properties = takes('object')?.properties
  if (properties === undefined) {
    if (takes('object') !== undefined) return 'write { NAME: value }, or NAME: value on lines below'
    return `if you mean the text, write "${word}" in quotes`
  }
  const step = Object.hasOwn(properties, node.text) ? `{ ${word}: {} }` : undefined
  const run = 'run' in properties && typeof node.value === 'string' ? `{ run: ${word} }` : step
  return run === undefined ? `write ${expectationOf(shape)}` : `did you mean ${run}?`
}

function pathHint(shape: SchemaShape, value: string): string {
  const isUrl = shape.pattern?.startsWith('^/') === true
  if (isUrl)
    return value.startsWith('/')
      ? 'begin with one slash, and leave out .. and ?'
      : `did you mean /${value}?`
  return 'what a release takes along lies in the repository, below this file'
}

export function expectationOf(shape: SchemaShape): string {
  if (shape['x-expects'] !== undefined) return shape['x-expects']
  if (shape.const !== undefined) return `\`${String(shape.const)}\``
  if (shape.anyOf !== undefined) {
    const variants = shape.anyOf.filter((variant) => variant.const !== 'none')
    return [...new Set(variants.map(expectationOf))].join(', or ')
  }
  if (shape.type === 'object') {
    const keys = Object.keys(shape.properties ?? {})
    return keys.length === 0 ? `a map of names` : `a block with ${listed(keys, 4)}`
  }
  return shape.type === 'array' ? 'a list' : 'a text'
}

export function insteadOf(code: FaultCode, node: Node): string {
  return code === 'secret-value' ? '' : `, not ${written(node)}`
}

/** What stands there, in words. */
export function written(node: Node): string {
  if (node.kind === 'map') return 'a block'
  if (node.kind === 'list') return 'a list'
  if (node.kind !== 'scalar') return 'nothing'
  const short = shown(node.text)
  if (typeof node.value !== 'string') return short
  return node.plain ? `\`${short}\`` : `the text "${short}"`
}

export function shown(text: string): string {
  const line = text.split('\n', 1)[0]!
  return line.length > 60 ? `${line.slice(0, 59)}…` : line
}

/** `memory`, or "item 2 of `steps`" for a list's item. */
export function nameOf({ path }: Pick<Spot, 'path'>): string {
  const last = path.at(-1)
  if (last === undefined) return 'the file'
  return /^\d+$/.test(last)
    ? `item ${Number(last) + 1} of \`${path.at(-2) ?? ''}\``
    : `\`${shown(last)}\``
}

/** A name made of what was given, where that is possible. */
export function nameHint(text: string): string {
  const made = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 40)
    .replace(/-+$/, '')
  return made === '' || made === text ? 'choose another name' : `did you mean \`${made}\`?`
}

export function unitExample(unit: NonNullable<SchemaShape['x-unit']>): string {
  const examples = {
    duration: '20s',
    size: '256MiB',
    percent: '65%',
    rise: '+20%',
    budget: '1/day',
    above: '"> 0"',
    cores: '0.25',
  }
  return examples[unit]
}

export function exampleOf(shape: SchemaShape | undefined): string {
  if (shape === undefined) return '…'
  if (shape['x-unit'] !== undefined) return unitExample(shape['x-unit'])
  if (shape.const !== undefined) return String(shape.const)
  if (shape.enum !== undefined) return String(shape.enum[0])
  if (shape.type === 'integer') return String(Math.max(1, shape.minimum ?? 1))
  if (shape.type === 'object') return '{ … }'
  return '…'
}
