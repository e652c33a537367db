import { expect, test } from 'vitest'
import { bytes, cores, duration, latency, plural, rate } from './numbers.ts'
import { asSentence, capitalised } from './sentences.ts'
import { ago } from './times.ts'

test('rates keep one digit below ten, and none where there is nothing', () => {
  expect([0, 0.25, 9.94, 9.96, 182.4, 8_412].map(rate)).toEqual([
    '0',
    '0.3',
    '9.9',
    '10',
    '182',
    '8,412',
  ])
})

test('durations and latencies change their unit', () => {
  expect([-5, 4_230, 59_900, 125_000, 4_320_000].map(duration)).toEqual([
    '0.0 s',
    '4.2 s',
    '59 s',
    '2 min 5 s',
    '1 h 12 min',
  ])
  expect([null, 0.81, 21.4, 1_240].map(latency)).toEqual(['–', '0.8 ms', '21 ms', '1.2 s'])
})

test('sizes are in binary units and cores in shares', () => {
  expect(bytes(256 * 2 ** 20)).toBe('256 MiB')
  expect(bytes(7.6 * 2 ** 30)).toBe('7.6 GiB')
  expect(bytes(12_800 * 2 ** 30)).toBe('12.5 TiB')
  expect([2, 0.25, 0.5].map(cores)).toEqual(['2', '0.25', '0.5'])
})

test('one is told from many', () => {
  expect([plural(1, 'node'), plural(2_000, 'node')]).toEqual(['1 node', '2,000 nodes'])
})

test('a time of a clock that runs ahead is now, not the future', () => {
  expect(ago(9_000, 1_000)).toBe('just now')
  expect(ago(1_000, 13_500)).toBe('12 s ago')
  expect(ago(0, 3 * 3_600_000)).toBe('3 h ago')
})

test('what begins with a name keeps its letters', () => {
  expect(asSentence('storefront: ready')).toBe('storefront: ready.')
  expect(asSentence('shop ro-7k3m9q2x: all steps are done')).toMatch(/^shop /)
  expect(asSentence('web i-0yce35wc goes to n1')).toMatch(/^web /)
  expect(asSentence('ro-vj801nwd counts what comes after')).toMatch(/^ro-/)
  expect(asSentence('the test: exit code 0')).toMatch(/^The test/)
})

test('what the server tells becomes a sentence, once', () => {
  expect(asSentence('scaled api to 4')).toBe('Scaled api to 4.')
  expect(asSentence('Done!')).toBe('Done!')
  expect([asSentence(''), capitalised('')]).toEqual(['', ''])
})
