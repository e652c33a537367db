import { describe, expect, test } from 'vitest'
import { stepAfter, type FailedAttempt } from './retry-rules.ts'

function anAttempt(parts: Partial<FailedAttempt>): FailedAttempt {
  return {
    failure: 'broken',
    method: 'GET',
    attempts: 1,
    isReplayable: true,
    isAnswering: false,
    isLeaving: false,
    ...parts,
  }
}

describe('after a failed attempt', () => {
  test.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])('%s is repeated', (method) => {
    expect(stepAfter(anAttempt({ method }))).toBe('again')
  })

  test.each(['POST', 'PATCH', 'LINK'])('%s is not repeated once it was sent', (method) => {
    expect(stepAfter(anAttempt({ method }))).toBe('reset')
    expect(stepAfter(anAttempt({ method, failure: 'unconnected', attempts: 0 }))).toBe('again')
    expect(stepAfter(anAttempt({ method, failure: 'moved', attempts: 0 }))).toBe('again')
  })

  test('nothing is repeated whose answer has begun, whose body is spent, or a fourth time', () => {
    expect(stepAfter(anAttempt({ isAnswering: true }))).toBe('reset')
    expect(stepAfter(anAttempt({ isReplayable: false }))).toBe('reset')
    expect(stepAfter(anAttempt({ attempts: 2 }))).toBe('again')
    expect(stepAfter(anAttempt({ attempts: 3 }))).toBe('reset')
  })

  test('what breaks at an instance that leaves is cut', () => {
    expect(stepAfter(anAttempt({ method: 'POST', isLeaving: true }))).toBe('cut')
    expect(stepAfter(anAttempt({ isLeaving: true }))).toBe('again')
  })

  test('an instance that is late is not followed by another that would be as late', () => {
    expect(stepAfter(anAttempt({ failure: 'timedOut' }))).toBe('timedOut')
  })

  test('what cannot be sent is not tried again', () => {
    expect(stepAfter(anAttempt({ failure: 'unsendable', attempts: 0 }))).toBe('reset')
  })
})
