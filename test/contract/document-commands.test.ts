import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from '../../scripts/source-files.ts'
import { commandTree, type CommandNode } from '../../src/cli/command-tree.ts'
import { buildProgram } from '../../src/cli/program.ts'

/** What the pages tell people to type exists: each command, and each of its options. */

const tree = await commandTree(buildProgram())
const pages = [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root })]

/** Lines of a page's blocks that run the program, their continuations joined. */
function commandsOf(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8').replaceAll(/\\\n\s*/g, '')
  const blocks = [...text.matchAll(/^```(?:console|sh)\n([\s\S]*?)^```/gm)].map(([, body]) => body)
  return blocks
    .flatMap((body = '') => body.split('\n'))
    .flatMap((line) => /^(?:\$ )?(?:npx )?(roadstead .*)$/.exec(line)?.[1] ?? [])
    .map((line) => line.replace(/\s+#.*$/, ''))
}

/** What is wrong with a command line; undefined: nothing. */
function faultIn(line: string): string | undefined {
  let node: CommandNode = tree
  const known = new Set<string>()
  for (const word of line.split(/\s+/).slice(1)) {
    const next = node.commands.find(({ path }) => path.split(' ').at(-1) === word)
    if (next !== undefined) node = next
    else if (node === tree && !word.startsWith('-')) return `there is no command ${word}`
    for (const { long, short } of node.options) known.add(long).add(short ?? long)
    const option = /^--?[a-z][a-z-]*/.exec(word)?.[0]
    if (option !== undefined && !known.has(option)) return `${node.path} has no option ${option}`
  }
  return undefined
}

describe.each(pages.filter((page) => commandsOf(page).length > 0))('%s', (page) => {
  test.each(commandsOf(page))('%s', (line) => {
    expect(faultIn(line)).toBeUndefined()
  })
})

test('a command or an option that there is not is noticed', () => {
  expect(faultIn('roadstead deplyo')).toBe('there is no command deplyo')
  expect(faultIn('roadstead rollouts cancel ro-1 --now')).toBe(
    'rollouts cancel has no option --now',
  )
})
