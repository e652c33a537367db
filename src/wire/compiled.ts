import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'

const compiled = new WeakMap<TSchema, Validator>()

/** The compiled check of a schema: made at first use and once, whoever asks. */
export function compiledOf<Schema extends TSchema>(schema: Schema): Validator<{}, Schema> {
  const known = compiled.get(schema)
  if (known !== undefined) return known as unknown as Validator<{}, Schema>
  const validator = Compile(schema)
  compiled.set(schema, validator as unknown as Validator)
  return validator as unknown as Validator<{}, Schema>
}
