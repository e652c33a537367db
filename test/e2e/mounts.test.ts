import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InstanceView } from '../../src/wire/api.ts'
import { canIsolate } from '../fixtures/isolation.ts'
import { Cloud, until } from './cloud.ts'

/** Files beside the manifest, seen by processes at paths of their own. */

const timeout = 120_000

const program = `const { readFileSync, writeFileSync } = require('node:fs')
require('node:http').createServer((request, answer) => {
  const { pathname, searchParams } = new URL(request.url, 'http://any')
  const path = searchParams.get('path') ?? ''
  try {
    if (pathname === '/write') writeFileSync(path, 'written')
    answer.end(path === '' ? 'ok' : readFileSync(path, 'utf8'))
  } catch (error) {
    answer.end(String(error.code))
  }
}).listen(process.env.PORT, process.env.HOST)
`

class Mounting {
  readonly cloud = new Cloud()
  readonly folder = join(this.cloud.folder, 'app')

  async start(isolation: string): Promise<void> {
    await this.cloud.start(['--isolation', isolation])
    mkdirSync(join(this.folder, 'source'), { recursive: true })
    mkdirSync(join(this.folder, 'pages/deep'), { recursive: true })
    writeFileSync(join(this.folder, 'source/server.js'), program)
    writeFileSync(join(this.folder, 'pages/deep/a.html'), 'a page')
    writeFileSync(join(this.folder, 'word'), 'first')
    this.write('/config/word: word')
  }

  write(...mounts: string[]): void {
    const lines = ['/srv/pages: pages', '/config/text: { content: "a text" }', ...mounts]
    writeFileSync(
      join(this.folder, 'roadstead.yaml'),
      `roadstead: v1
app: mounting
services:
  web:
    source: source
    run: node server.js
    health: { http: /, every: 1s }
    route: mounting.localhost
    stop: { drain: 0s, grace: 1s }
    mounts:
${lines.map((line) => `      ${line}\n`).join('')}`,
    )
  }

  async ask(path: string): Promise<string> {
    const headers = { host: 'mounting.localhost' }
    const { body } = await request(`${this.cloud.file.ingress}${path}`, { headers })
    return body.text()
  }

  async running(): Promise<string[]> {
    const { items } = await this.cloud.get<{ items: InstanceView[] }>('/v1/instances?app=mounting')
    return items.filter(({ observed }) => observed?.state === 'ready').map(({ id }) => id)
  }
}

describe.skipIf(!canIsolate())('a process that mounts files', { timeout }, () => {
  const app = new Mounting()
  const { cloud } = app

  beforeAll(() => app.start('auto'))
  afterAll(() => cloud.remove())

  test('sees them at their paths, and can write to none', async () => {
    const { code, output } = await cloud.run('deploy', '-f', app.folder)
    expect(code, output).toBe(0)
    expect(await app.ask('/?path=/config/word')).toBe('first')
    expect(await app.ask('/?path=/config/text')).toBe('a text')
    expect(await app.ask('/?path=/srv/pages/deep/a.html')).toBe('a page')
    for (const path of ['/config/word', '/srv/pages/new', '/config/new']) {
      expect(await app.ask(`/write?path=${path}`), path).toBe('EROFS')
    }
  })

  test('is replaced when one of them changes, and not for what lies beside them', async () => {
    writeFileSync(join(app.folder, 'beside'), 'x')
    expect((await cloud.run('plan', '-f', app.folder)).output).toContain('nothing to do')
    writeFileSync(join(app.folder, 'word'), 'second')
    const { code, output } = await cloud.run('deploy', '-f', app.folder)
    expect(code, output).toBe(0)
    expect(await app.ask('/?path=/config/word')).toBe('second')
  })

  test('has them as they were after a revert, and after destroy and undestroy', async () => {
    expect((await cloud.run('revert', 'mounting')).code).toBe(0)
    expect(await app.ask('/?path=/config/word')).toBe('first')
    const destroyed = await cloud.run('destroy', 'mounting', '--yes')
    expect(destroyed.code, destroyed.output).toBe(0)
    await until(async () => (await app.running()).length === 0, 'nothing of it runs')
    const back = await cloud.run('undestroy', 'mounting')
    expect(back.code, back.output).toBe(0)
    await until(async () => (await app.ask('/?path=/config/word')) === 'first', 'it is back')
  })

  test('gets another in its place when somebody alters them on the node', async () => {
    const [before] = await app.running()
    const artifacts = join(cloud.data, 'agent/artifacts')
    const place = readdirSync(artifacts)
      .map((name) => join(artifacts, name, 'config'))
      .find((one) => readable(one).includes('word'))
    expect(place).toBeDefined()
    chmodSync(place ?? '', 0o755)
    rmSync(join(place ?? '', 'word'))
    writeFileSync(join(place ?? '', 'word'), 'altered')
    await until(async () => {
      const now = await app.running()
      return now.length === 1 && now[0] !== before
    }, 'another runs in its place')
    expect(await app.ask('/?path=/config/word')).toBe('first')
  })

  test('is refused with line and remedy where a file cannot go along', async () => {
    symlinkSync('/etc/passwd', join(app.folder, 'out'))
    writeFileSync(join(app.folder, '.gitignore'), '*.key\n')
    writeFileSync(join(app.folder, 'tls.key'), 'x')
    app.write('/config/a: gone', '/config/b: out', '/config/c: tls.key')
    const { code, output } = await cloud.run('plan', '-f', app.folder)
    expect(code).toBe(1)
    expect(output).toMatch(/roadstead\.yaml:13:18: gone is not there/)
    expect(output).toMatch(/roadstead\.yaml:14:18: out leads out of the manifest's folder/)
    expect(output).toMatch(/roadstead\.yaml:15:18: tls\.key is left out by \.gitignore/)
    expect(output).toContain('3 faults in')
  })
})

test('where nothing is isolated it is refused, and says what helps', { timeout }, async () => {
  const app = new Mounting()
  try {
    await app.start('off')
    const { code, output } = await app.cloud.run('deploy', '-f', app.folder)
    expect(code).toBe(1)
    expect(output).toContain('web mounts files, and on every node processes see the machine')
    expect(output).toContain('install bubblewrap on a node')
  } finally {
    await app.cloud.remove()
  }
})

function readable(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
