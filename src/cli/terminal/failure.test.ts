import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Bug, Fault, Refusal } from '../../base/errors.ts'
import { unreachableCode } from '../api/transport.ts'
import { Exit, exitCodeOf, failureLines } from './failure.ts'

describe('the exit code', () => {
  test.each([
    ['a refusal', new Refusal('x', 'no'), 1],
    ['no server', new Fault(unreachableCode, 'away'), 3],
    ['a fault of the server', new Fault('store-full', 'full'), 4],
    ['a defect', new Bug('oh'), 70],
    ['something thrown by accident', new TypeError('undefined is not a function'), 70],
    ['an interruption', new DOMException('aborted', 'AbortError'), 130],
    ['what the command says itself', new Exit(17), 17],
  ])('of %s', (_what, error, code) => {
    expect(exitCodeOf(error)).toBe(code)
  })
})

describe('the words', () => {
  const wordsOf = (error: unknown): string[] => failureLines(error).map(stripVTControlCharacters)

  test('of a refusal are its sentence, its place and its hint', () => {
    const refusal = new Refusal('x', 'no such app', { path: '--cell', hint: 'look at status' })
    expect(wordsOf(refusal)).toEqual(['error: no such app', '  at --cell', 'hint: look at status'])
  })

  test('of a refusal without a hint are its sentence alone', () => {
    expect(wordsOf(new Refusal('x', 'no'))).toEqual(['error: no'])
  })

  test('when no server answers say how to start one', () => {
    const lines = wordsOf(new Fault(unreachableCode, 'no server answers at http://h:1'))
    expect(lines[0]).toContain('http://h:1')
    expect(lines[1]).toContain('npx roadstead up')
  })

  test('of a defect hold the stack, for the report', () => {
    expect(wordsOf(new Bug('broken'))[1]).toContain('failure.test.ts')
  })

  test('are none where all has been said', () => {
    expect(wordsOf(new Exit(1))).toEqual([])
  })
})
