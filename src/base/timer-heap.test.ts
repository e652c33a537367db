import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TimerHeap, type Scheduled } from './timer-heap.ts'

test('timers come in order of their time, then of their making, whatever is cancelled', () => {
  const step = fc.record({ at: fc.integer({ min: 0, max: 20 }), cancels: fc.option(fc.nat(30)) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const heap = new TimerHeap()
      const fired: number[] = []
      const made: { at: number; scheduled: Scheduled; isCancelled: boolean }[] = []
      for (const [index, { at, cancels }] of steps.entries()) {
        made.push({ at, scheduled: heap.add(at, () => fired.push(index)), isCancelled: false })
        const victim = cancels === null ? undefined : made[cancels]
        if (victim === undefined) continue
        victim.scheduled.cancel()
        victim.isCancelled = true
      }
      for (let due = heap.takeUntil(20); due; due = heap.takeUntil(20)) due.callback()
      const expected = made
        .map(({ at, isCancelled }, index) => ({ at, isCancelled, index }))
        .filter(({ isCancelled }) => !isCancelled)
        .toSorted((a, b) => a.at - b.at || a.index - b.index)
      expect(fired).toEqual(expected.map(({ index }) => index))
      expect(heap.size).toBe(0)
    }),
  )
})

test('what is not due yet stays', () => {
  const heap = new TimerHeap()
  heap.add(5, () => {})
  expect(heap.takeUntil(4)).toBeUndefined()
  expect(heap.first()?.at).toBe(5)
  expect(heap.takeUntil(5)?.at).toBe(5)
})
