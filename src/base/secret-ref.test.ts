import { format, inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { SecretRef } from './secret-ref.ts'

describe('a secret', () => {
  it('prints its name in every form, and its value in none', () => {
    const secret = new SecretRef('psp/api-key', 'canary-4711')
    const options = { token: secret, list: [secret] }
    const forms = [
      String(secret),
      `${secret}`,
      JSON.stringify(options),
      inspect(options, { depth: 9, showHidden: true }),
      format('%s %o %j', secret, secret, secret),
      JSON.stringify({ ...secret }),
      JSON.stringify(Object.entries(secret)),
      new Error(`failed with ${secret}`).message,
    ]
    for (const form of forms) expect(form).not.toContain('canary-4711')
    expect(String(secret)).toBe('secret:psp/api-key')
    expect(JSON.stringify(options)).toBe(
      '{"token":"secret:psp/api-key","list":["secret:psp/api-key"]}',
    )
    expect(secret.reveal()).toBe('canary-4711')
  })
})
