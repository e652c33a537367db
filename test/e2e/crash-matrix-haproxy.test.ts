import { describe } from 'vitest'
import { whyUnusable } from '../../src/drivers/ingress/haproxy/machine.ts'
import { crashMatrix } from './crash-matrix.ts'

/** Where HAProxy carries the requests: it, and the ingress that drives it, die at every step. */

const because = process.env['CI'] === undefined ? whyUnusable() : undefined

describe.skipIf(because !== undefined)('with HAProxy', () => {
  const steps = ['migrate', 'maintenance', 'test', 'online', 'judge', 'remaining', 'reverting']
  crashMatrix('haproxy', ['haproxy', 'ingress'], steps)
})
