import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../../scripts/source-files.ts'

const pages = [
  ...globSync('*.md', { cwd: root }),
  ...globSync('docs/**/*.md', { cwd: root }),
  ...globSync('examples/*/*.md', { cwd: root }),
].toSorted()

/** Paths of the repository that a page names in backquotes, and those that it links to. */
function pathsOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8')
  const named = [...text.matchAll(/`((?:src|test|scripts|docs|bench|examples|console)\/[^`\s]+)`/g)]
  const linked = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
  return [
    ...named.map(([, path = '']) => join(root, path)),
    ...linked.map(([, path = '']) => join(root, dirname(page), path)),
  ]
}

describe.each(pages)('%s', (page) => {
  it('names only files that are there', () => {
    const missing = pathsOf(page).filter((path) => !isThere(path))
    expect(missing.map((path) => path.slice(root.length + 1))).toEqual([])
  })
})

it('ARCHITECTURE.md can be read in ten minutes', () => {
  expect(readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').split('\n').length).toBeLessThan(300)
  expect(pathsOf('ARCHITECTURE.md').length).toBeGreaterThan(15)
})

/** `src/parts/x/{a,b}` and `plan*.ts` name several; `<part>` stands for any. */
function isThere(path: string): boolean {
  if (/[<>…]|NAME|NNNN/.test(path)) return true
  return /[*{]/.test(path) ? globSync(path).length > 0 : existsSync(path)
}
