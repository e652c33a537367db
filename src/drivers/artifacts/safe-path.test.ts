import * as fc from 'fast-check'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { linkFault, pathFault, plainPath } from './safe-path.ts'

describe('names in an archive', () => {
  test.each([
    ['', 'has an empty name'],
    ['/etc/passwd', 'is absolute'],
    ['..', 'leads out of the archive'],
    ['a/../../b', 'leads out of the archive'],
    ['a\0b', 'has a NUL in its name'],
    ['a\uFFFDb', 'has a name that is not UTF-8'],
    ['é'.repeat(600), 'is longer than 1024 bytes'],
  ])('%j is refused', (path, fault) => {
    expect(pathFault(path)).toBe(fault)
  })

  test.each(['a', 'a/b.txt', '..a', 'a..', '...', 'č/ř', 'a b', '-rf'])('%j is fine', (path) => {
    expect(pathFault(path)).toBeUndefined()
  })

  test('what other tools put around a path is taken off', () => {
    expect(['./a/b/', '././a', 'a//', './/a'].map(plainPath)).toEqual(['a/b', 'a', 'a', 'a'])
  })
})

describe('links in an archive', () => {
  test.each([
    ['a', '/etc', 'points to the absolute path /etc'],
    ['a', '..', 'points to .., outside'],
    ['a/b', '../../c', 'points to ../../c, outside'],
    ['a', 'b/../c', 'points to b/../c, up again after down'],
    ['a', '', 'points nowhere'],
    ['a', 'b\0', 'has a NUL in its target'],
  ])('%s to %j is refused', (path, target, fault) => {
    expect(linkFault(path, target)).toBe(fault)
  })

  test.each([
    ['a', 'b/c'],
    ['node_modules/.bin/vite', '../vite/bin/vite.js'],
    ['a/b/c', '../..'],
    ['a', './b'],
  ])('%s to %s is fine', (path, target) => {
    expect(linkFault(path, target)).toBeUndefined()
  })

  test('no chain of links that are each fine leads outside', () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
    const target = fc
      .array(fc.constantFrom('a', 'b', 'c', '..', '.'), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join('/'))
    const links = fc.uniqueArray(fc.tuple(path, target), { selector: ([of]) => of, maxLength: 5 })
    const check = fc.check(
      fc.property(links, path, (all, start) => {
        const safe = new Map(all.filter(([of, to]) => linkFault(of, to) === undefined))
        return resolved(start, safe, 50)
      }),
      { numRuns: 3_000 },
    )
    expect(check.counterexample).toBeNull()
  })
})

/** Walks a path as a kernel does; false when it leaves the root. Endless chains end inside. */
function resolved(path: string, links: ReadonlyMap<string, string>, most: number): boolean {
  const todo = path.split('/')
  const at: string[] = []
  for (let steps = 0; todo.length > 0 && steps < most; steps++) {
    const part = todo.shift()!
    if (part === '.') continue
    if (part === '..') {
      if (at.pop() === undefined) return false
      continue
    }
    const target = links.get(posix.join(...at, part))
    if (target === undefined) at.push(part)
    else todo.unshift(...target.split('/'))
  }
  return true
}
