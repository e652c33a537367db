import { spawn, type ChildProcess } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readUpFile } from '../../src/cli/api/settings.ts'
import { program, root, until } from './cloud.ts'

/** `roadstead dev`, used as a developer would: started once, and then files are saved. */

describe('roadstead dev', () => {
  let folder = ''
  let dev: ChildProcess
  let output = ''
  let ended: Promise<number | null>

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'roadstead-dev-'))
    cpSync(join(root, 'examples/hello'), folder, { recursive: true })
    mkdirSync(join(folder, 'lib/deep'), { recursive: true })
    mkdirSync(join(folder, 'out'))
    writeFileSync(join(folder, '.gitignore'), 'out/\n')
    writeFileSync(join(folder, 'lib/deep/word.js'), "export const word = 'one'\n")
    const imported = "import { word } from './lib/deep/word.js'\n"
    save('server.js', (text) => imported + text.replace("'Hello from Roadstead\\n'", 'word'))
    dev = spawn(process.execPath, [program, 'dev'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    })
    for (const stream of [dev.stdout, dev.stderr]) {
      stream?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    }
    ended = new Promise((resolve) => dev.once('close', resolve))
    await until(() => output.includes('release 1 is online'), 'the first release is online')
  })

  afterAll(() => {
    dev.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  function save(file: string, change: (text: string) => string): void {
    const path = join(folder, file)
    writeFileSync(path, change(readFileSync(path, 'utf8')))
  }

  async function page(): Promise<string> {
    const { ingress = '' } = readUpFile(join(folder, '.roadstead')) ?? {}
    const { body } = await request(ingress, { headers: { host: 'hello.localhost' } })
    return body.text()
  }

  test('starts a cloud, and says where the app is and what it prints', async () => {
    expect(output).toContain('all of it runs')
    await until(() => output.includes('web  http://hello.localhost:'), 'its address')
    await until(() => /web i-\w+ +hello listens on port/.test(output), 'a line of its log')
  })

  test('carries out what is saved, wherever it lies', async () => {
    save('lib/deep/word.js', () => "export const word = 'two'\n")
    await until(async () => (await page()) === 'two', 'the second text')
    await until(() => output.includes('release 2 is online'), 'the second release')
    expect(output).toMatch(/release 2 .*is online in local\/default/)
  })

  test('says what is wrong with a manifest, and goes on when it is mended', async () => {
    save('roadstead.yaml', (text) => text.replace('services:', 'servces:'))
    await until(() => output.includes('waits for the next save'), 'the fault')
    expect(output).toMatch(/roadstead\.yaml:3:1: .*servces/)
    save('roadstead.yaml', (text) => text.replace('servces:', 'services:'))
    save('lib/deep/word.js', () => "export const word = 'three'\n")
    await until(async () => (await page()) === 'three', 'the third text')
  })

  test('keeps what runs when a save does not start', async () => {
    save('server.js', (text) => `throw new Error('a slip')\n${text}`)
    await until(() => output.includes('a slip'), 'the error is in the log')
    expect(await page()).toBe('three')
    save('server.js', (text) => text.replace("throw new Error('a slip')\n", ''))
    save('lib/deep/word.js', () => "export const word = 'four'\n")
    await until(async () => (await page()) === 'four', 'the fourth text')
  })

  test('ends all of it at Ctrl-C', async () => {
    const { roles = {} } = readUpFile(join(folder, '.roadstead')) ?? {}
    expect(Object.keys(roles)).toHaveLength(3)
    dev.kill('SIGINT')
    await ended
    expect(output).toContain('all has ended')
    for (const { pid } of Object.values(roles)) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })
})
