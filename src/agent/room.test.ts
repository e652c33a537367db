import { expect, test } from 'vitest'
import { roomFor } from './room.ts'

const capacity = { cpu: 1, memoryBytes: 100, diskBytes: 100 }
const half = { cpu: 0.5, memoryBytes: 50, diskBytes: 0 }
const wanted = { resources: half, port: null }
const staying = { resources: half, port: null, isWanted: true }
const ending = { resources: half, port: null, isWanted: false }

test('what fits beside all that runs may start', () => {
  expect(roomFor(wanted, [staying], capacity)).toBe('enough')
  const tenth = { ...staying, resources: { ...half, cpu: 0.1, memoryBytes: 1 } }
  expect(roomFor(tenth, Array(9).fill(tenth), capacity)).toBe('enough')
})

test('what fits only once something has ended waits for that', () => {
  expect(roomFor(wanted, [staying, ending], capacity)).toBe('awaited')
})

test('what does not fit beside what stays has no room, whichever resource it is', () => {
  expect(roomFor(wanted, [staying, staying], capacity)).toBe('none')
  expect(roomFor({ ...wanted, resources: { ...half, diskBytes: 101 } }, [], capacity)).toBe('none')
})

test('what says nothing of its resources is not held up', () => {
  expect(roomFor({ resources: undefined, port: 21_000 }, [staying, staying], capacity)).toBe(
    'enough',
  )
})

test('a port is waited for while its holder ends, and not shared with one that stays', () => {
  const small = { resources: undefined, port: 21_003 }
  expect(roomFor(small, [{ ...small, isWanted: false }], capacity)).toBe('awaited')
  expect(roomFor(small, [{ ...small, isWanted: true }], capacity)).toBe('none')
  expect(roomFor(small, [{ ...small, port: 21_004, isWanted: true }], capacity)).toBe('enough')
})
