import { Bug } from './errors.ts'

/**
 * The name of a record: `kind/tenant/environment/app/name`, five parts always, `-` where a part has
 * no meaning (a node belongs to no tenant). Tenant and environment stand in it from the first day,
 * so that one prefix is one cell.
 */
export type Key = string & { readonly brand: 'Key' }

export interface KeyParts {
  readonly kind: string
  readonly tenant: string
  readonly environment: string
  readonly app: string
  readonly name: string
}

/** A part that has no meaning for its kind. */
export const noPart = '-'

const keyPattern = /^[a-z0-9.:~_-]{1,128}(?:\/[a-z0-9.:~_-]{1,128}){4}$/i

/** Builds a key; a part that could not be told from a separator is a Bug (input is checked before). */
export function keyOf(parts: Partial<KeyParts> & { readonly kind: string }): Key {
  const { kind, tenant = noPart, environment = noPart, app = noPart, name = noPart } = parts
  const key = `${kind}/${tenant}/${environment}/${app}/${name}`
  if (!keyPattern.test(key)) throw new Bug(`not the parts of a key: ${JSON.stringify(key)}`)
  return key as Key
}

/** Takes a key apart; the inverse of `keyOf`. */
export function partsOf(key: Key): KeyParts {
  const [kind = noPart, tenant = noPart, environment = noPart, app = noPart, name = noPart] =
    key.split('/')
  return { kind, tenant, environment, app, name }
}

/** The kind alone, without taking the key apart. */
export function kindOf(key: Key): string {
  return key.slice(0, key.indexOf('/'))
}
