import { expect, test } from 'vitest'
import type { ManifestFault } from './faults.ts'
import { formatFaults } from './format.ts'

function aFault(more: Partial<ManifestFault>): ManifestFault {
  return {
    file: 'roadstead.yaml',
    line: 1,
    column: 9,
    words: '256MB',
    message: 'no',
    hint: 'did you mean 256MiB?',
    path: '/memory',
    code: 'wrong-unit',
    ...more,
  }
}

function formatFault(fault: ManifestFault, source: string): string {
  return formatFaults([fault], () => source).join()
}

test('a fault shows its line, with carets under the words at fault', () => {
  expect(formatFault(aFault({}), 'memory: 256MB # x\n')).toBe(
    [
      'roadstead.yaml:1:9: no',
      '1 | memory: 256MB # x',
      '            ^^^^^',
      '  = did you mean 256MiB?',
    ].join('\n'),
  )
})

test('a long line is shown where the fault is, without control characters', () => {
  const source = `${'x'.repeat(500)}: \u001b[31m256MB`
  const shown = formatFault(aFault({ column: 508 }), source)
  const [, line = '', carets = ''] = shown.split('\n')
  expect(line).not.toContain('\u001b')
  expect(line.slice(carets.indexOf('^'))).toBe('256MB')
  expect(Math.max(...shown.split('\n').map((text) => text.length))).toBeLessThanOrEqual(100)
})

test('a line that is not there, or may hold a secret, is left out', () => {
  expect(formatFault(aFault({ line: 7 }), 'a')).toBe(
    'roadstead.yaml:7:9: no\n  = did you mean 256MiB?',
  )
  expect(formatFault(aFault({ code: 'secret-value' }), 'secret: hunter2')).not.toContain('hunter2')
})

test('a line that holds a secret is hidden for its other faults too, in that file alone', () => {
  const secret = aFault({ code: 'secret-value', column: 20 })
  const elsewhere = aFault({ file: 'platform.yaml' })
  const source = 'memory: 256MB # and hunter2'
  const [first, second, third] = formatFaults([aFault({}), secret, elsewhere], () => source)
  expect(first).toBe(
    'roadstead.yaml:1:9: no\n1 | (not shown: it may hold a secret)\n  = did you mean 256MiB?',
  )
  expect(second).not.toContain('hunter2')
  expect(third).toContain('hunter2')
})
