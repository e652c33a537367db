import { expect, test } from 'vitest'
import { isAtLeast, levelOf } from './log-level.ts'

test.each([
  ['{"level":"warn","msg":"slow"}', 'warning'],
  ['{"time":1,"level":50,"msg":"x"}', 'error'],
  ['{"level":20,"msg":"x"}', 'debug'],
  ['{"severity":"CRITICAL"}', 'error'],
  ['2026-11-21T10:00:00Z ERROR no route', 'error'],
  ['2026-11-21 10:00:00 [warn] slow', 'warning'],
  ['time=1 level=debug msg=x', 'debug'],
  ['\u001b[31mERROR\u001b[0m it broke', 'error'],
  ['TypeError: x is not a function', 'error'],
  ['warning: deprecated', 'warning'],
  ['no error was found in 12 files', 'info'],
  ['GET /errors 200', 'info'],
  ['', 'info'],
] as const)('%j is %s', (text, level) => {
  expect(levelOf(text)).toBe(level)
})

test('levels are ordered', () => {
  expect(isAtLeast('error', 'warning')).toBe(true)
  expect(isAtLeast('info', 'warning')).toBe(false)
  expect(isAtLeast('debug', 'debug')).toBe(true)
})
