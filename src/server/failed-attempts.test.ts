import { expect, test } from 'vitest'
import { VirtualClock } from '../base/virtual-clock.ts'
import { FailedAttempts } from './failed-attempts.ts'

test('the thirty-first wrong credential of a minute is one too many, for its address alone', async () => {
  const clock = new VirtualClock()
  const failures = new FailedAttempts(clock)
  for (let attempt = 0; attempt < 30; attempt++) failures.count('10.0.0.1')
  expect(() => failures.count('10.0.0.1')).toThrow(
    expect.objectContaining({ code: 'too-many-attempts', status: 429 }),
  )
  expect(() => failures.count('10.0.0.2')).not.toThrow()
  await clock.advance(60_000)
  expect(() => failures.count('10.0.0.1')).not.toThrow()
})
