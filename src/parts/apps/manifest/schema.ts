import Type, { type TSchema } from 'typebox'
import { namePattern } from '../../tenants/model.ts'
import { unitPatterns, unitWords, type Unit } from './units.ts'

/**
 * The words of the manifest's grammar. One typebox object gives the type, the check, and the JSON
 * Schema for editors; what JSON Schema has no word for stands beside it under `x-` keys.
 */

/** A schema as plain data: what the check and the merge read of it. */
export interface SchemaShape {
  readonly type?: string
  readonly description?: string
  readonly properties?: Readonly<Record<string, SchemaShape>>
  readonly required?: readonly string[]
  readonly patternProperties?: Readonly<Record<string, SchemaShape>>
  readonly items?: SchemaShape
  readonly anyOf?: readonly SchemaShape[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly maxLength?: number
  /** What a value looks like, for the sentence "`x` takes …". */
  readonly 'x-expects'?: string
  readonly 'x-unit'?: Unit
  /** Bounds of a quantity, spelled as people write it. */
  readonly 'x-least'?: string
  readonly 'x-most'?: string
  /** A later layer replaces it as a whole. */
  readonly 'x-whole'?: boolean
  /** `none` does not remove it: it has no meaning, or one of its own. */
  readonly 'x-fixed'?: boolean
  /** What is said of a key that does not fit the pattern. */
  readonly 'x-keys'?: string
  /** The fault of a value that does not fit; `wrong-value` by default. */
  readonly 'x-fault'?: string
}

export function shapeOf(schema: TSchema): SchemaShape {
  return schema as SchemaShape
}

/** Bounds the lists and maps of a manifest: beyond every use that we know, and safe to work on. */
export const bounds = {
  /** The platforms that this is for have 70 services in all. */
  services: 100,
  /** Entries of any other map, and items of any list. */
  entries: 200,
  /** Volumes of one service: who needs more keeps files, not volumes, apart. */
  volumes: 8,
  /** Files and folders that one service is shown: who needs more names a folder. */
  mounts: 32,
  /** Characters of any text: an environment variable may hold a certificate. */
  text: 16_384,
  /** As many as the API scales to. */
  instances: 1_000,
} as const

export const text = (description: string, expects = 'a text') =>
  Type.String({ minLength: 1, maxLength: bounds.text, description, 'x-expects': expects })

export const nameWords = 'a name of small letters, digits and hyphens (a letter first, 40 at most)'

export const name = (description: string) =>
  Type.String({ pattern: namePattern, description, 'x-expects': nameWords, 'x-fault': 'bad-name' })

export const choice = <const Values extends string[]>(
  values: readonly [...Values],
  description: string,
) => Type.Enum(values, { description, 'x-expects': choiceWords(values) })

export const count = (description: string, minimum: number, maximum: number) =>
  Type.Integer({
    minimum,
    maximum,
    description,
    'x-expects': `a whole number from ${minimum} to ${maximum}`,
  })

export const yesNo = (description: string) =>
  Type.Boolean({ description, 'x-expects': 'true or false' })

const quantity =
  (unit: keyof typeof unitPatterns) =>
  (description: string, range: Range = {}) =>
    Type.String({
      pattern: unitPatterns[unit],
      description,
      'x-unit': unit,
      'x-expects': unitWords[unit],
      ...(range.least === undefined ? {} : { 'x-least': range.least }),
      ...(range.most === undefined ? {} : { 'x-most': range.most }),
    })

interface Range {
  readonly least?: string
  readonly most?: string
}

export const duration = quantity('duration')
export const size = quantity('size')
export const percent = quantity('percent')
export const rise = quantity('rise')
export const budget = quantity('budget')
export const above = quantity('above')

export const cores = (description: string) =>
  Type.Number({
    minimum: 0.01,
    maximum: 256,
    description,
    'x-unit': 'cores',
    'x-expects': unitWords.cores,
  })

/** A path inside the repository: never absolute, never out of it. */
export const relativePath = (description: string) =>
  Type.String({
    pattern: '^(?!/)(?!.*(^|/)\\.\\.(/|$))[^\\\\\\0~][^\\\\\\0]{0,255}$',
    description,
    'x-expects': 'a path inside the repository, such as services/api',
    'x-fault': 'bad-path',
  })

/** A path in the file system that a service sees. */
export const absolutePath = (description: string) =>
  Type.String({
    pattern: '^/(?!.*(^|/)\\.\\.?(/|$))(?!.*//)[^\\s:,\\\\]{1,255}$',
    description,
    'x-expects': 'an absolute path such as /var/lib/data',
    'x-fault': 'bad-path',
  })

/** The path of a URL, without a query. */
export const urlPath = (description: string) =>
  Type.String({
    pattern: '^/(?!/)(?!.*/\\.\\.?(/|$))(?!.*//)[^\\s?#*\\\\]{0,1023}$',
    description,
    'x-expects': 'a path such as /healthz',
    'x-fault': 'bad-path',
  })

/** A path with its query, as a client sends it. */
export const urlTarget = (description: string) =>
  Type.String({
    pattern: '^/(?!/)[^\\s#\\\\]{0,2047}$',
    description,
    'x-expects': 'a path such as /c/toys?page=2',
    'x-fault': 'bad-path',
  })

export const commandLine = (description: string) =>
  Type.Union(
    [
      Type.String({ minLength: 1, maxLength: bounds.text }),
      Type.Array(Type.String({ maxLength: bounds.text }), { minItems: 1, maxItems: 200 }),
    ],
    { description, 'x-expects': 'a command such as node server.js, or a list of its arguments' },
  )

/** A map without keys of its own: names given by the user. */
export const named = <Value extends TSchema>(
  value: Value,
  description: string,
  options: { pattern?: string; keys?: string; least?: number; most?: number } = {},
) =>
  Type.Record(Type.String({ pattern: options.pattern ?? namePattern }), value, {
    additionalProperties: false,
    ...(options.least === undefined ? {} : { minProperties: options.least }),
    maxProperties: options.most ?? bounds.entries,
    description,
    'x-keys': options.keys ?? nameWords,
  })

export const list = <Item extends TSchema>(item: Item, description: string, minItems = 1) =>
  Type.Array(item, { minItems, maxItems: bounds.entries, description })

/** A block with keys of the grammar; unknown ones are refused. */
export const block = <Properties extends Record<string, TSchema>>(
  properties: Properties,
  description: string,
  options: Record<string, unknown> = {},
) => Type.Object(properties, { additionalProperties: false, description, ...options })

function choiceWords(values: readonly string[]): string {
  return values.length === 1 ? `\`${values[0]}\`` : `one of ${values.join(', ')}`
}
