import { expect, it } from 'vitest'
import { VirtualClock } from './virtual-clock.ts'

it('fires timers in the order of their times, then of their making', async () => {
  const clock = new VirtualClock()
  const fired: string[] = []
  clock.after(20, () => fired.push(`c at ${clock.monotonic()}`))
  clock.after(10, () => fired.push(`a at ${clock.monotonic()}`))
  clock.after(10, () => fired.push(`b at ${clock.monotonic()}`))
  clock.after(30, () => fired.push('late')).cancel()
  await clock.advance(15)
  expect(fired).toEqual(['a at 10', 'b at 10'])
  await clock.advance(100)
  expect(fired).toEqual(['a at 10', 'b at 10', 'c at 20'])
})

it('lets the wall jump without monotonic time noticing', async () => {
  const clock = new VirtualClock(1_000)
  clock.jumpWall(-500)
  await clock.advance(7)
  expect([clock.now(), clock.monotonic()]).toEqual([507, 7])
})

it('ends a sleep early when its signal aborts', async () => {
  const clock = new VirtualClock()
  const stop = new AbortController()
  const sleeping = clock.sleep(1_000, stop.signal)
  stop.abort(new Error('stop'))
  await expect(sleeping).rejects.toThrow('stop')
})
