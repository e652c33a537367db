/**
 * What a stored record has to pass to be believed: upgrade, then schema. Compiled once per kind;
 * fields that the schema does not know pass and are kept, so that a rewrite by this version does
 * not lose what a newer one wrote.
 */
import type { Validator } from 'typebox/compile'
import { Bug, messageOf, Refusal } from '../base/errors.ts'
import { compiledOf } from '../wire/compiled.ts'
import type { Kind } from './port.ts'

/** A record of the current version, or why there is none. */
export type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: string }

/** The compiled checks of one kind. */
export class RecordSchema {
  readonly #kind: Kind<unknown>
  readonly #validator: Validator

  constructor(kind: Kind<unknown>) {
    this.#kind = kind
    this.#validator = compiledOf(kind.schema)
  }

  /** The version that it brings values up to. */
  get version(): number {
    return this.#kind.version
  }

  /** Brings a stored value up to the current version and checks it; never throws. */
  parse(stored: unknown, version: number): Parsed {
    const { name, version: current } = this.#kind
    if (version > current) {
      const reason = `${name} of schema ${version}; this version knows ${current} at the most`
      return { ok: false, reason }
    }
    try {
      const value = this.#upgrade(stored, version)
      const fault = this.#faultOf(value)
      return fault === undefined ? { ok: true, value } : { ok: false, reason: fault.sentence }
    } catch (error) {
      return { ok: false, reason: `its upgrade failed: ${messageOf(error)}` }
    }
  }

  /** Throws a Refusal `record-invalid` unless the value may be written. */
  check(value: unknown): void {
    const fault = this.#faultOf(value)
    if (fault === undefined) return
    throw new Refusal('record-invalid', `not a valid ${this.#kind.name}: ${fault.sentence}`, {
      status: 422,
      path: fault.path,
    })
  }

  #upgrade(stored: unknown, version: number): unknown {
    let value = stored
    for (let from = version; from < this.#kind.version; from++) {
      const upgrader = this.#kind.upgraders[from]
      if (upgrader === undefined) throw new Bug(`${this.#kind.name} has no upgrader from ${from}`)
      value = upgrader(value)
    }
    return value
  }

  #faultOf(value: unknown): { path: string; sentence: string } | undefined {
    if (this.#validator.Check(value)) return undefined
    const [error] = this.#validator.Errors(value)
    const path = error?.instancePath ?? ''
    return { path, sentence: `${path === '' ? 'it' : path} ${error?.message ?? 'is not valid'}` }
  }
}
