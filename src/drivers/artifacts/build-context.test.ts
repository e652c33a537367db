import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { archiveLimits } from '../../parts/artifacts/driver.ts'
import { packContext, readContext } from './build-context.ts'

/** A build's context is what .dockerignore leaves of a folder, by Docker's rules and not by git's. */

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roadstead-context-'))
  write('Dockerfile', 'FROM scratch\n')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(path: string, text = path): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

async function files(dockerfiles = ['Dockerfile']): Promise<string[]> {
  const entries = await readContext(folder, dockerfiles)
  return entries.filter(({ type }) => type !== 'directory').map(({ path }) => path)
}

test('everything goes along, but for the history and what holds secrets by its name', async () => {
  for (const path of ['src/a.ts', '.git/HEAD', '.env', 'src/.env.local', '.env.example'])
    write(path)
  expect(await files()).toEqual(['.env.example', 'Dockerfile', 'src/a.ts'])
})

test("rules are Docker's: a name means the one at the top, and the last rule decides", async () => {
  for (const path of ['notes.md', 'docs/notes.md', 'docs/a.md', 'b.log', 'x/y/c.log']) write(path)
  write('.dockerignore', 'notes.md\n**/*.log\ndocs\n!docs/a.md\n# no rule\n')
  expect(await files()).toEqual(['.dockerignore', 'Dockerfile', 'docs/a.md'])
})

test('.gitignore says nothing here', async () => {
  write('.gitignore', 'dist\n')
  write('dist/app.js')
  expect(await files()).toContain('dist/app.js')
})

test('a Dockerfile goes along whatever the rules say', async () => {
  write('deploy/web.Dockerfile')
  write('deploy/other')
  write('.dockerignore', '*\n')
  expect(await files(['Dockerfile', 'deploy/web.Dockerfile'])).toEqual([
    'Dockerfile',
    'deploy/web.Dockerfile',
  ])
})

test('folders of which nothing is left do not go along', async () => {
  write('a/b/c.txt')
  write('.dockerignore', 'a\n!keep\n')
  const entries = await readContext(folder, ['Dockerfile'])
  expect(entries.map(({ path }) => path)).toEqual(['.dockerignore', 'Dockerfile'])
})

test('the same files give the same digest, and others another', async () => {
  write('src/a.ts')
  const workplace = mkdtempSync(join(tmpdir(), 'roadstead-context-out-'))
  try {
    const pack = (name: string) => packContext(folder, ['Dockerfile'], join(workplace, name))
    const first = await pack('1')
    expect(await pack('2')).toEqual(first)
    write('src/a.ts', 'changed')
    expect((await pack('3')).digest).not.toBe(first.digest)
  } finally {
    rmSync(workplace, { recursive: true })
  }
})

test.each([
  ['dockerfile-missing', ['web.Dockerfile'], ''],
  ['context-missing', ['Dockerfile'], 'none'],
])('%s', async (code, dockerfiles, below) => {
  await expect(readContext(join(folder, below), dockerfiles)).rejects.toMatchObject({ code })
})

test('what is too large, too many rules, and links that lead out are refused', async () => {
  write('a', 'x'.repeat(100))
  const limits = { ...archiveLimits, unpackedBytesMax: 64 }
  await expect(readContext(folder, ['Dockerfile'], limits)).rejects.toMatchObject({
    code: 'artifact-too-large',
    hint: expect.stringContaining('.dockerignore'),
  })
  symlinkSync('/etc/passwd', join(folder, 'b'))
  await expect(readContext(folder, ['Dockerfile'])).rejects.toMatchObject({
    code: 'archive-unsafe',
  })
  write('.dockerignore', 'b\n'.repeat(1_001))
  await expect(readContext(folder, ['Dockerfile'])).rejects.toMatchObject({ code: 'context-rules' })
})
