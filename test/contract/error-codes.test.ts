import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root, sourceFiles } from '../../scripts/source-files.ts'

const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
const documented = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code = '']) => code)
const files = sourceFiles('src').filter(({ path }) => !path.endsWith('.test.ts'))

it('every code that is thrown stands in docs/errors.md', () => {
  const missing = new Set<string>()
  for (const { text } of files) {
    for (const [, code = ''] of text.matchAll(/new (?:Refusal|Fault)\(\s*'([a-z-]+)'/g)) {
      if (!documented.includes(code)) missing.add(code)
    }
  }
  expect([...missing]).toEqual([])
})

it('every code of docs/errors.md stands in the source, once in the list', () => {
  expect(documented.length).toBeGreaterThan(50)
  expect(new Set(documented).size).toBe(documented.length)
  const isUsed = (code: string): boolean => files.some(({ text }) => text.includes(`'${code}'`))
  expect(documented.filter((code) => !isUsed(code))).toEqual([])
})
