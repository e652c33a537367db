import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { renderCliReference } from '../../scripts/cli-reference.ts'
import { commandTree, type CommandNode } from '../../src/cli/command-tree.ts'
import { buildProgram } from '../../src/cli/program.ts'

const tree = await commandTree(buildProgram())

function flat(node: CommandNode): CommandNode[] {
  return [node, ...node.commands.flatMap(flat)]
}

describe('the reference of commands', () => {
  test('is what docs/reference/cli.md says', () => {
    const written = readFileSync(join(import.meta.dirname, '../../docs/reference/cli.md'), 'utf8')
    // When this fails: node scripts/generate-cli-reference.ts
    expect(renderCliReference(tree)).toBe(written)
  })

  test('is the same on every machine', () => {
    expect(renderCliReference(tree)).not.toContain(`\`${hostname()}\``)
    expect(renderCliReference(tree)).not.toContain(process.cwd())
  })

  test('has the options of the roles, and no command that is hidden', () => {
    const paths = flat(tree).map(({ path }) => path)
    expect(paths).toContain('rollouts cancel')
    expect(paths).not.toContain('completion-names')
    const agent = flat(tree).find(({ path }) => path === 'agent')
    expect(agent?.options.map(({ long }) => long)).toContain('--zone')
  })
})

describe('every command', () => {
  const commands = flat(tree).filter(({ path }) => path !== '' && path !== 'help')
  test.each(commands)('$path says what it does', ({ description }) => {
    expect(description).toMatch(/\w/)
  })
})
