import { expect, it } from 'vitest'
import { canonicalJson, digestOf, digestOfData } from './digest.ts'

it('is the digest that OCI would give', () => {
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
  expect(digestOf('')).toBe(`sha256:${empty}`)
})

it('does not depend on the order of keys, and does on that of lists', () => {
  expect(digestOfData({ a: 1, b: { c: [1, 2], d: undefined } })).toBe(
    digestOfData({ b: { c: [1, 2] }, a: 1 }),
  )
  expect(digestOfData([1, 2])).not.toBe(digestOfData([2, 1]))
  expect(canonicalJson({ b: null, a: 'x' })).toBe('{"a":"x","b":null}')
})
