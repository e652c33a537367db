import { expect, it } from 'vitest'
import { Bug } from './errors.ts'
import { keyOf, kindOf, partsOf, type KeyParts } from './key.ts'

const shop: KeyParts = {
  kind: 'instance',
  tenant: 'cz',
  environment: 'prod',
  app: 'shop',
  name: 'i-7k3m9q2x',
}

it('joins five parts, and takes them apart again', () => {
  const key = keyOf(shop)
  expect(key).toBe('instance/cz/prod/shop/i-7k3m9q2x')
  expect([partsOf(key), kindOf(key)]).toEqual([shop, 'instance'])
})

it('says - where a part has no meaning', () => {
  expect(keyOf({ kind: 'node', name: 'node-1' })).toBe('node/-/-/-/node-1')
})

it.each(['', 'a/b', 'a b', '../x', 'a"', 'a\n', 'é', 'x'.repeat(129)])(
  'refuses %j as a part: it could be told from no separator or needs an escape',
  (name) => {
    expect(() => keyOf({ ...shop, name })).toThrow(Bug)
  },
)
