import { expect, test } from 'vitest'
import { reportIntervalMs } from '../../src/parts/nodes/model.ts'
import { reportEveryMs } from '../../src/wire/agent-protocol.ts'

test('an agent reports as often as the server counts on', () => {
  expect(reportEveryMs).toBe(reportIntervalMs)
})
