import { inspect } from 'node:util'

/**
 * A secret that can be handed on and never slips out: as text, as JSON and in a log it is its name,
 * `secret:psp/api-key`. Only `reveal` gives the value, so every place that uses it can be found.
 */
export class SecretRef {
  /** What it is for, such as `token/agent`; no secret itself. */
  readonly name: string
  readonly #value: string

  constructor(name: string, value: string) {
    this.name = name
    this.#value = value
  }

  /** The value: for a header or a signature, never for a message. */
  reveal(): string {
    return this.#value
  }

  toString(): string {
    return `secret:${this.name}`
  }

  toJSON(): string {
    return this.toString()
  }

  [inspect.custom](): string {
    return this.toString()
  }
}
