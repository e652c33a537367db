import type { TSchema } from 'typebox'
import { Refusal } from '../base/errors.ts'
import { didYouMean } from '../parts/apps/manifest/suggestion.ts'
import { compiledOf } from '../wire/compiled.ts'
import { faultsOf, type SchemaFault } from './schema-faults.ts'

/** Checks one part of a request, and returns it with the types that its schema says. */
export type Check = (value: unknown) => unknown

/** Faults named in one answer at the most: enough to mend an input, small enough to read. */
const faultsMax = 8

/**
 * Compiles a schema into a check. Throws a Refusal `input-invalid` that names the place as
 * `/body/services/0/name`, the first fault as a sentence, and all faults in `details.faults`.
 *
 * `convert`: parameters and queries arrive as text, so `"12"` becomes 12 where a number is wanted,
 * and nothing that is not spelt exactly so.
 */
export function compileCheck(schema: TSchema, place: string, convert: boolean): Check {
  const toTypes = convert ? converterOf(schema) : undefined
  return (value) => {
    // Compiled at first use: a server's start pays for no route that nobody calls.
    const compiled = compiledOf(schema)
    const converted = toTypes === undefined ? value : toTypes(value)
    if (compiled.Check(converted)) return converted
    throw invalid(place, faultsOf(schema, converted))
  }
}

/**
 * The check of a query. A parameter that the route does not have is refused: ignored, a mistyped
 * filter would answer with all there is.
 */
export function queryCheck(schema: TSchema | undefined): Check {
  const { properties = {} } = (schema ?? {}) as { properties?: Record<string, unknown> }
  const known = Object.keys(properties)
  const check = schema === undefined ? undefined : compileCheck(schema, 'query', true)
  return (value) => {
    const unknown = Object.keys(value ?? {}).find((name) => !known.includes(name))
    if (unknown !== undefined) throw unknownParameter(unknown, known)
    return check === undefined ? value : check(value)
  }
}

function unknownParameter(name: string, known: readonly string[]): Refusal {
  const shown = JSON.stringify(name.slice(0, 64))
  const path = `/query/${name.slice(0, 64)}`
  const hint = didYouMean(name, known, 'this route takes no parameters')
  return new Refusal('query-unknown', `this route has no parameter ${shown}`, { path, hint })
}

const decimalPattern = /^-?\d{1,16}(\.\d{1,16})?$/

/** Turns an object of texts into one with numbers and booleans where `schema` has them. */
function converterOf(schema: TSchema): (texts: unknown) => unknown {
  const { properties = {} } = schema as { properties?: Record<string, { type?: string }> }
  const typed = Object.entries(properties).filter(([, { type }]) => type !== 'string')
  if (typed.length === 0) return (texts) => texts
  return (texts) => {
    const converted = { ...(texts as Record<string, unknown>) }
    for (const [name, { type }] of typed) {
      if (name in converted) converted[name] = fromText(type, converted[name])
    }
    return converted
  }
}

function fromText(type: string | undefined, text: unknown): unknown {
  if (typeof text !== 'string') return text
  if (type === 'integer' || type === 'number') return decimalPattern.test(text) ? +text : text
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return text
}

function invalid(place: string, errors: readonly SchemaFault[]): Refusal {
  const faults = errors.slice(0, faultsMax).map((fault) => ({
    path: `/${place}${fault.instancePath}`,
    message: fault.message,
  }))
  const [first] = faults
  return new Refusal(
    'input-invalid',
    first === undefined ? `the ${place} is not valid` : `${first.path} ${first.message}`,
    {
      path: first?.path ?? `/${place}`,
      hint: 'GET /docs shows what each route takes',
      details: { faults },
    },
  )
}
