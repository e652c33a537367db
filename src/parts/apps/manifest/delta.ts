import Type, { type TSchema } from 'typebox'
import { shapeOf, type SchemaShape } from './schema.ts'

/**
 * The schema of a layer's share of a block: every key may be missing, since other layers may have
 * it, and every key may be `none`, which removes what earlier layers said.
 */
export function deltaOf(schema: TSchema): TSchema {
  const shape = shapeOf(schema)
  if (shape['x-whole'] === true || shape.type !== 'object') return schema
  if (shape.patternProperties !== undefined) {
    const [[pattern, value] = ['', {}]] = Object.entries(shape.patternProperties)
    return {
      ...schema,
      patternProperties: { [pattern]: removable(deltaOf(value as TSchema)) },
    } as TSchema
  }
  const properties = Object.entries(shape.properties ?? {}).map(
    ([key, value]) => [key, removable(deltaOf(value as TSchema))] as const,
  )
  const { required: _required, ...rest } = shape
  return { ...rest, properties: Object.fromEntries(properties) } as unknown as TSchema
}

/** The same, or `none`; but where `none` has a meaning of its own. */
function removable(schema: TSchema): TSchema {
  const shape = shapeOf(schema)
  if (shape['x-fixed'] === true || shape.enum?.includes('none') === true) return schema
  const { description, anyOf } = shape
  const variants = (anyOf ?? [schema]) as TSchema[]
  const words = description === undefined ? {} : { description }
  const expects = shape['x-expects'] === undefined ? {} : { 'x-expects': shape['x-expects'] }
  const whole = shape['x-whole'] === true ? { 'x-whole': true } : {}
  return Type.Union([...variants, Type.Literal('none')], { ...words, ...expects, ...whole })
}

/** Whether `none` may stand for it. */
export function isRemovable(shape: SchemaShape): boolean {
  return shape.anyOf?.some((variant) => variant.const === 'none') === true
}

/** The schema of a map's value under `key`: a key of the grammar, or of the user's choice. */
export function memberOf(shape: SchemaShape, key: string): SchemaShape | undefined {
  const known = shape.properties
  if (known !== undefined && Object.hasOwn(known, key)) return known[key]
  for (const [pattern, value] of Object.entries(shape.patternProperties ?? {})) {
    if (patternOf(pattern).test(key)) return value
  }
  return undefined
}

const patterns = new Map<string, RegExp>()

/** Patterns come from the grammar alone, so there are few; each is compiled once. */
function patternOf(pattern: string): RegExp {
  // Rule 13 of docs/reference/rules.md: a pattern of our schema, never one of a user's.
  const known = patterns.get(pattern) ?? new RegExp(pattern, 'u')
  patterns.set(pattern, known)
  return known
}
