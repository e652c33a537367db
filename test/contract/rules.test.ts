import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root, sourceFiles } from '../../scripts/source-files.ts'

/** docs/reference/rules.md says where each rule is kept; here it is held to that. */

interface Rule {
  readonly number: number
  readonly keptIn: readonly string[]
  readonly tests: readonly string[]
}

const rules: Rule[] = readFileSync(join(root, 'docs/reference/rules.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, rule = '', keptIn = '', tests = ''] = line.split('|')
    const number = /^ \*\*(\d+)\*\* /.exec(rule)?.[1]
    if (number === undefined) return []
    return [{ number: Number(number), keptIn: filesIn(keptIn), tests: filesIn(tests) }]
  })

function filesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path)
}

/** `rule 5 of docs/reference/rules.md`, also `rules 8 and 12 of` and with line breaks of comments. */
function rulesNamedIn(text: string): Set<number> {
  const plain = text.replaceAll(/\s*\n\s*(?:\*|\/\/)?\s*/g, ' ')
  const named = [...plain.matchAll(/[rR]ules? ([\d, and]+) of docs\/reference\/rules\.md/g)]
  return new Set(
    named
      .flatMap(([, numbers = '']) => numbers.match(/\d+/g) ?? [])
      .values()
      .map(Number),
  )
}

test('every rule that is ours to keep has its line', () => {
  const wanted = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16]
  expect(rules.map(({ number }) => number)).toEqual(wanted)
})

describe.each(rules)('rule $number', ({ number, keptIn, tests }) => {
  test('is named in each file that keeps it', () => {
    expect(keptIn.length).toBeGreaterThan(0)
    const silent = keptIn.filter((path) => !isNamedIn(path, number))
    expect(silent).toEqual([])
  })

  test('has a test', () => {
    expect(tests.length).toBeGreaterThan(0)
    expect(tests.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})

function isNamedIn(path: string, number: number): boolean {
  const file = join(root, path)
  return existsSync(file) && rulesNamedIn(readFileSync(file, 'utf8')).has(number)
}

test('a file that names a rule stands on the page', () => {
  const missing = sourceFiles('src').flatMap(({ path, text }) =>
    [...rulesNamedIn(text)]
      .filter(
        (number) => !rules.some((rule) => rule.number === number && rule.keptIn.includes(path)),
      )
      .map((number) => `${path}: rule ${number}`),
  )
  expect(missing).toEqual([])
})
