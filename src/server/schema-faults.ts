import type { TSchema } from 'typebox'
import { compiledOf } from '../wire/compiled.ts'

/** What a schema has against a value. */
export interface SchemaFault {
  /** Where in the value: `/services/0/name`. */
  readonly instancePath: string
  readonly message: string
}

/**
 * Members of a list up to which all of them are put into words. That walk takes 50 µs for each,
 * the good ones too: 10,000 instances with a fault in the last would hold the server for 0.5 s.
 */
const walkedMax = 100

/** The parts of a JSON schema by which a value is walked. */
interface Shape {
  readonly items?: TSchema
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly patternProperties?: Readonly<Record<string, TSchema>>
}

/** The faults of a value that its schema refuses; of a long list those of its first bad member. */
export function faultsOf(schema: TSchema, value: unknown): readonly SchemaFault[] {
  return faultsInLongList(schema, value, '') ?? compiledOf(schema).Errors(value)
}

/** Undefined where no list in it is long, or the long ones are good. */
function faultsInLongList(
  schema: TSchema,
  value: unknown,
  path: string,
): readonly SchemaFault[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { items, maxItems = Infinity } = schema as Shape
  if (!Array.isArray(value)) return faultsInMembers(schema, Object.entries(value), path)
  if (value.length > maxItems) {
    return [{ instancePath: path, message: `must not have more than ${maxItems} items` }]
  }
  if (items === undefined || value.length <= walkedMax) return undefined
  const bad = value.findIndex((item) => !compiledOf(items).Check(item))
  return bad === -1 ? undefined : faultsBelow(items, value[bad], `${path}/${bad}`)
}

function faultsInMembers(
  schema: TSchema,
  members: readonly (readonly [name: string, value: unknown])[],
  path: string,
): readonly SchemaFault[] | undefined {
  const { properties = {}, patternProperties = {} } = schema as Shape
  const [ofAll] = Object.values(patternProperties)
  for (const [name, value] of members) {
    const place = `${path}/${name}`
    const child = Object.hasOwn(properties, name) ? properties[name] : ofAll
    if (child === undefined) continue
    const found = faultsInLongList(child, value, place)
    if (found !== undefined) return found
    if (members.length > walkedMax && !compiledOf(child).Check(value)) {
      return faultsBelow(child, value, place)
    }
  }
  return undefined
}

function faultsBelow(schema: TSchema, value: unknown, path: string): readonly SchemaFault[] {
  const found = faultsInLongList(schema, value, path)
  if (found !== undefined) return found
  return compiledOf(schema)
    .Errors(value)
    .map(({ instancePath, message }) => ({ instancePath: path + instancePath, message }))
}
