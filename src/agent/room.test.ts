import { expect, test } from 'vitest'
import { roomFor } from './room.ts'

const capacity = { cpu: 1, memoryBytes: 100, diskBytes: 100 }
const half = { cpu: 0.5, memoryBytes: 50, diskBytes: 0 }
const staying = { resources: half, isWanted: true }
const ending = { resources: half, isWanted: false }

test('what fits beside all that runs may start', () => {
  expect(roomFor(half, [staying], capacity)).toBe('enough')
  expect(
    roomFor(
      { ...half, cpu: 0.1 },
      Array(9).fill({ ...staying, resources: { ...half, cpu: 0.1, memoryBytes: 1 } }),
      capacity,
    ),
  ).toBe('enough')
})

test('what fits only once something has ended waits for that', () => {
  expect(roomFor(half, [staying, ending], capacity)).toBe('awaited')
})

test('what does not fit beside what stays has no room, whichever resource it is', () => {
  expect(roomFor(half, [staying, staying], capacity)).toBe('none')
  expect(roomFor({ ...half, diskBytes: 101 }, [], capacity)).toBe('none')
})

test('what says nothing of its resources is not held up', () => {
  expect(roomFor(undefined, [staying, staying], capacity)).toBe('enough')
})
