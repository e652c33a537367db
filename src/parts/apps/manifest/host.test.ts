import { expect, test } from 'vitest'
import { hostProblem } from './host.ts'

test.each(['shop.localhost', 'localhost', 'a-b.example.org', '10.0.0.1', 'x'.repeat(63)])(
  '%s is a host',
  (host) => {
    expect(hostProblem(host)).toBeUndefined()
  },
)

test.each([
  ['https://shop.example/a', 'did you mean shop.example?'],
  ['shop.example:80', 'did you mean shop.example?'],
  ['Shop.example', 'did you mean shop.example?'],
  ['shop.example/api', 'write { host: shop.example, path: /api }'],
  ['*.example', 'name one host'],
  ['a_b', 'for instance shop.example.org'],
  ['-a.example', 'for instance shop.example.org'],
  ['a..b', 'for instance shop.example.org'],
  ['x'.repeat(64), 'for instance shop.example.org'],
  ['', 'for instance shop.example.org'],
])('%j is none, and the hint says what would be', (host, hint) => {
  expect(hostProblem(host)?.[1]).toBe(hint)
})
