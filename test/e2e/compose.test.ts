import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { program } from './cloud.ts'

/** Compose files on the command line, as people use them; no server is asked. */

const fixtures = join(import.meta.dirname, '../fixtures/compose')

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roadstead-import-'))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function roadstead(...parameters: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    // Nobody listens at port 9 of this machine.
    const own = { NO_COLOR: '1', ROADSTEAD_SERVER: 'http://127.0.0.1:9', PATH: process.env['PATH'] }
    const options = { cwd: folder, env: own }
    execFile(process.execPath, [program, ...parameters], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

function take(name: string): void {
  cpSync(join(fixtures, name), folder, { recursive: true })
}

describe('roadstead import', () => {
  test('writes a manifest that is valid, and a report', async () => {
    take('notes')
    const imported = await roadstead('import')
    expect(imported).toMatchObject({ code: 0 })
    expect(imported.out).toContain('wrote roadstead.yaml')
    expect(imported.err).toContain('   47 = services.store.image: postgres:17')
    expect(imported.err).toMatch(
      /37 ! services\.interface\.environment\.DEBUG: .*\n {8}→ set DEBUG/,
    )
    expect(imported.err).toMatch(/\d+ carried over \(=\) · .* for you to decide \(!\)/)
    expect(await roadstead('validate')).toMatchObject({ code: 0 })
  })

  test('never writes over a manifest unless it is told to', async () => {
    take('notes')
    writeFileSync(join(folder, 'roadstead.yaml'), 'mine')
    const refused = await roadstead('import', 'compose.yaml')
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.err).toContain('there is a roadstead.yaml already')
    expect(refused.err).toContain('--force')
    expect(readFileSync(join(folder, 'roadstead.yaml'), 'utf8')).toBe('mine')
    expect(await roadstead('import', '--force')).toMatchObject({ code: 0 })
    expect(readFileSync(join(folder, 'roadstead.yaml'), 'utf8')).toContain('app: notes-board')
  })

  test('prints the manifest alone where it is asked to, and takes the options', async () => {
    take('notes')
    const options = ['--profile', 'debug', '--registry', 'registry.example/x', '--app', 'other']
    const { out, code } = await roadstead('import', '--out', '-', ...options)
    expect(code).toBe(0)
    expect(out).toMatch(/^# Imported from compose\.yaml/)
    expect(out).toContain('app: other\n')
    expect(out).toContain('image: registry.example/x/other/interface')
    expect(out).toContain('  console:\n')
    expect(existsSync(join(folder, 'roadstead.yaml'))).toBe(false)
  })

  test('gives manifest, lines and counts as data', async () => {
    take('modular')
    const { out, err } = await roadstead('import', '--json', '--out', '-')
    const answer = JSON.parse(out) as { manifest: string; counts: object; lines: object[] }
    expect(answer.manifest).toContain('app: roadstead-import-')
    expect(answer.counts).toMatchObject({ open: 0, fault: 0 })
    expect(answer.lines).toContainEqual({
      file: 'parts/store.yaml',
      line: 3,
      path: 'services.cache.image',
      outcome: 'carried',
      said: 'redis:8, by its digest at each deploy',
      advice: '',
    })
    expect(err).toBe('')
  })

  test('writes nothing of a file that is wrong, tells all of it, and fails', async () => {
    take('hostile')
    const { code, err } = await roadstead('import')
    expect(code).toBe(1)
    expect(err).toContain('    3 ✗ include: ../../secrets.yaml lies outside')
    expect(err).toContain('    7 ! services.ruler.privileged')
    expect(err).toContain('   20 ! services.ruler.volumes.1: /var/run/docker.sock')
    expect(existsSync(join(folder, 'roadstead.yaml'))).toBe(false)
  })

  test('says that there is none', async () => {
    expect((await roadstead('import')).err).toContain('there is no compose file')
    expect((await roadstead('import', 'none.yml')).err).toContain('none.yml is not there')
  })

  test('lays the override over it as compose does, unless it is told not to', async () => {
    take('modular')
    const over = 'services:\n  web:\n    image: registry.example/modular/web:4\n'
    writeFileSync(join(folder, 'compose.override.yaml'), over)
    const { out, err } = await roadstead('import', '--out', '-')
    expect(out).toContain('image: registry.example/modular/web:4\n')
    expect(err).toContain('compose.override.yaml\n    1 = compose.override.yaml is laid over')
    expect(err).toContain('    3 = services.web.image: registry.example/modular/web:4')
    const without = await roadstead('import', '--no-override', '--out', '-')
    expect(without.out).toContain('image: registry.example/modular/web:3\n')
  })

  test('lays the files over one another that -f names, and no others', async () => {
    take('modular')
    const over = (tag: number): string =>
      `services:\n  web:\n    image: registry.example/modular/web:${tag}\n`
    writeFileSync(join(folder, 'compose.override.yaml'), over(4))
    writeFileSync(join(folder, 'prod.yaml'), over(5))
    const files = ['-f', 'compose.yaml', '-f', 'prod.yaml']
    const { out } = await roadstead('import', ...files, '--out', '-')
    expect(out).toContain('image: registry.example/modular/web:5\n')
    const twice = await roadstead('import', 'compose.yaml', '-f', 'prod.yaml')
    expect(twice).toMatchObject({ code: 1 })
    expect(twice.err).toContain('both compose.yaml and --file prod.yaml are named')
    const missing = await roadstead('plan', '-f', 'compose.yaml', '-f', 'none.yaml')
    expect(missing.err).toContain('none.yaml is not there')
    mkdirSync(join(folder, 'other'))
    writeFileSync(join(folder, 'other/prod.yaml'), over(6))
    const elsewhere = await roadstead('deploy', '-f', 'compose.yaml', '-f', 'other/prod.yaml')
    expect(elsewhere.err).toContain('other/prod.yaml lies in another folder')
  })
})

describe('roadstead deploy compose.yaml', () => {
  test('stops at what cannot be carried, and goes on when that is accepted', async () => {
    take('notes')
    const stopped = await roadstead('deploy', 'compose.yaml')
    expect(stopped).toMatchObject({ code: 1 })
    expect(stopped.err).toContain('37 ! services.interface.environment.DEBUG')
    expect(stopped.err).toContain('error: 2 lines of compose.yaml cannot be carried')
    expect(stopped.err).toContain('--accept')
    const accepted = await roadstead('deploy', '--file', 'compose.yaml', '--accept')
    // As far as the server that is not there.
    expect(accepted).toMatchObject({ code: 3 })
    expect(existsSync(join(folder, 'roadstead.yaml'))).toBe(false)
  })

  test('stops at what is wrong, whatever is accepted', async () => {
    take('hostile')
    const stopped = await roadstead('plan', '--file', 'compose.yaml', '--accept')
    expect(stopped).toMatchObject({ code: 1 })
    expect(stopped.err).toContain('error: compose.yaml:3: ../../secrets.yaml lies outside')
  })

  test('a manifest that is missing is looked for by its name, and import is named', async () => {
    expect((await roadstead('deploy')).err).toContain('roadstead import')
  })
})
