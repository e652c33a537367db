import { expect, it } from 'vitest'
import { Fault, Refusal } from './errors.ts'
import { seededRandom } from './random.ts'
import { backoffMs, callBackoff, retry } from './retry.ts'
import { VirtualClock } from './virtual-clock.ts'

it('grows its waits up to the longest, each jittered over its upper half', () => {
  const random = seededRandom(1)
  const waits = [1, 2, 3, 10].map((attempt) => backoffMs(callBackoff, attempt, random))
  const bare = [100, 200, 400, 5_000]
  waits.forEach((wait, index) => {
    expect(wait).toBeGreaterThanOrEqual((bare[index] ?? 0) / 2)
    expect(wait).toBeLessThanOrEqual(bare[index] ?? 0)
  })
})

it('tries again after a fault, and gives up on a refusal or a fault that says never', async () => {
  const clock = new VirtualClock()
  const options = { clock, random: seededRandom(1) }
  let tries = 0
  const twice = retry(async () => {
    if (++tries < 3) throw new Fault('away', 'the server is away')
    return 'there'
  }, options)
  await clock.advance(10_000)
  await expect(twice).resolves.toBe('there')
  const refused = retry(() => Promise.reject(new Refusal('no', 'no')), options)
  await expect(refused).rejects.toBeInstanceOf(Refusal)
  const never = new Fault('gone', 'gone', { retry: 'never' })
  await expect(retry(() => Promise.reject(never), options)).rejects.toBe(never)
})

it('ends its wait when told to stop', async () => {
  const stop = new AbortController()
  const waiting = retry(() => Promise.reject(new Fault('away', 'away')), {
    clock: new VirtualClock(),
    random: seededRandom(1),
    signal: stop.signal,
  })
  queueMicrotask(() => stop.abort(new Error('stop')))
  await expect(waiting).rejects.toThrow('stop')
})
