import Type from 'typebox'
import { describe, expect, test } from 'vitest'
import { queryCheck } from './validation.ts'

const query = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  service: Type.Optional(Type.String()),
})

describe('a query', () => {
  test('comes through in the types of its schema', () => {
    expect(queryCheck(query)({ limit: '5', service: '5' })).toEqual({ limit: 5, service: '5' })
  })

  test('with a mistyped parameter is refused, with the one that was meant', () => {
    expect(() => queryCheck(query)({ sevrice: 'web' })).toThrow(
      expect.objectContaining({
        code: 'query-unknown',
        status: 400,
        path: '/query/sevrice',
        hint: 'did you mean `service`?',
      }),
    )
  })

  test('to a route without parameters is refused', () => {
    expect(() => queryCheck(undefined)({ a: '1' })).toThrow(
      expect.objectContaining({ hint: 'this route takes no parameters' }),
    )
    expect(queryCheck(undefined)({})).toEqual({})
  })

  test.each(['__proto__', 'constructor', 'toString'])('named %s is refused', (name) => {
    const hostile = Object.fromEntries([[name, 'x']])
    expect(() => queryCheck(query)(hostile)).toThrow(
      expect.objectContaining({ code: 'query-unknown' }),
    )
  })

  test('with a name of any length is told in a bounded sentence', () => {
    try {
      queryCheck(query)({ ['x'.repeat(4_000)]: '1' })
      expect.unreachable()
    } catch (error) {
      expect(String(error).length).toBeLessThan(200)
    }
  })
})
