import { expect, it } from 'vitest'
import { BoundedQueue } from './queue.ts'

it('refuses beyond its bound, and counts what it refused', () => {
  const queue = new BoundedQueue<number>(2, 'refuse')
  expect([queue.offer(1), queue.offer(2), queue.offer(3)]).toEqual([true, true, false])
  expect([queue.drain(9), queue.dropped]).toEqual([[1, 2], 1])
})

it('drops the oldest where it was told to, and counts that too', () => {
  const queue = new BoundedQueue<number>(2, 'drop-oldest')
  for (const item of [1, 2, 3]) queue.offer(item)
  expect([queue.drain(9), queue.dropped]).toEqual([[2, 3], 1])
})

it('keeps its order over many thousand items', () => {
  const queue = new BoundedQueue<number>(10_000, 'refuse')
  const out: number[] = []
  for (let item = 0; item < 9_000; item++) {
    queue.offer(item)
    if (item % 3 === 0) out.push(...queue.drain(2))
  }
  out.push(...queue.drain(10_000))
  expect(out).toEqual(Array.from({ length: 9_000 }, (_, index) => index))
})

it('wakes whoever waits for an item, and lets go when told to', async () => {
  const queue = new BoundedQueue<number>(2, 'refuse')
  const stop = new AbortController()
  const waiting = queue.ready(stop.signal)
  queue.offer(1)
  await waiting
  queue.drain(1)
  const forever = queue.ready(stop.signal)
  stop.abort(new Error('stop'))
  await expect(forever).rejects.toThrow('stop')
})
