import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Parser } from 'tar'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { SecretRef } from '../../src/base/secret-ref.ts'
import { BuiltImages } from '../../src/drivers/builds/built-images.ts'
import { buildImage, type BuilderOptions } from '../../src/drivers/builds/image-builder.ts'
import { Engine } from '../../src/drivers/instances/docker/engine.ts'

/** What the builder asks of an engine, and makes of its answers: an engine of the test's own. */

interface Call {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly files: readonly string[]
}

const order = {
  service: 'web',
  image: 'r.example:5000/shop/web:b-1',
  dockerfile: 'Dockerfile',
  target: 'run',
  args: { WORD: 'a b' },
}

let folder = ''
let server: Server
let calls: Call[] = []
let printed = ''
/** By path; anything else is answered with 200. */
let answers: Record<string, { status?: number; lines: readonly object[]; isCut?: boolean }> = {}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'roadstead-builder-'))
  mkdirSync(join(folder, 'context/src'), { recursive: true })
  writeFileSync(
    join(folder, 'context/Dockerfile'),
    'FROM --platform=linux/amd64 base.example/a:1 AS run\nfrom node\nFROM run\n',
  )
  writeFileSync(join(folder, 'context/src/a.txt'), 'a')
  calls = []
  printed = ''
  answers = {}
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://docker')
    void filesOf(request).then((files) => {
      calls.push({ method: request.method ?? '', url, headers: request.headers, files })
      const { status = 200, lines, isCut = false } = answers[url.pathname] ?? { lines: [] }
      response.writeHead(status)
      for (const line of lines) response.write(`${JSON.stringify(line)}\r\n`)
      if (isCut) setImmediate(() => response.destroy())
      else response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(join(folder, 'engine.sock'), resolve))
})

afterEach(() => {
  server.close()
  server.closeAllConnections()
  rmSync(folder, { recursive: true, force: true })
})

async function filesOf(request: IncomingMessage): Promise<string[]> {
  const files: string[] = []
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      files.push(entry.path)
      entry.resume()
    },
  })
  const isTar = request.headers['content-type'] === 'application/x-tar'
  for await (const chunk of request) if (isTar) parser.write(chunk as Buffer)
  return files.toSorted()
}

function build(): Promise<void> {
  const engine = new Engine(join(folder, 'engine.sock'), systemClock)
  const options: BuilderOptions = {
    engine,
    credentials: (registry) =>
      Promise.resolve({ user: registry, password: new SecretRef('registry/x', 'swordfish') }),
    built: new BuiltImages(join(folder, 'notes'), engine),
    directory: join(folder, 'context'),
    limits: { cpu: 0.5, memoryBytes: 2 ** 30 },
    print: (text) => (printed += text),
  }
  return buildImage(order, options)
}

function decoded(header: unknown): Record<string, unknown> {
  return JSON.parse(Buffer.from(String(header), 'base64url').toString('utf8'))
}

test('the context goes to the engine, under limits, with credentials of the registries it names', async () => {
  const digest = `sha256:${'a'.repeat(64)}`
  answers['/build'] = { lines: [{ stream: 'Step 1/3 : FROM x\n' }] }
  answers['/images/r.example:5000/shop/web/push'] = { lines: [{ aux: { Digest: digest } }] }
  await build()
  const [ping, built, pushed] = calls
  expect(ping?.url.pathname).toBe('/_ping')
  expect(Object.fromEntries(built?.url.searchParams ?? [])).toEqual({
    t: order.image,
    dockerfile: 'Dockerfile',
    target: 'run',
    buildargs: '{"WORD":"a b"}',
    rm: '1',
    forcerm: '1',
    memory: '1073741824',
    memswap: '1073741824',
    cpushares: '512',
  })
  expect(built?.files).toEqual(['./', './Dockerfile', './src/', './src/a.txt'])
  expect(Object.keys(decoded(built?.headers['x-registry-config'])).toSorted()).toEqual([
    'base.example',
    'https://index.docker.io/v1/',
  ])
  expect(pushed?.url.searchParams.get('tag')).toBe('b-1')
  expect(decoded(pushed?.headers['x-registry-auth'])).toEqual({
    username: 'r.example:5000',
    password: 'swordfish',
    serveraddress: 'r.example:5000',
  })
  expect(printed).toContain('Step 1/3 : FROM x\n')
  expect(printed).toContain(`pushed ${order.image}@${digest}`)
  expect(printed).not.toContain('swordfish')
})

test.each([
  ['build-failed', '/build', { lines: [{ stream: 'x\n' }, { error: 'no' }] }, 'no'],
  ['build-failed', '/build', { status: 400, lines: [{ message: 'parse error' }] }, 'parse error'],
  [
    'build-failed',
    '/build',
    { lines: [{ error: 'The command returned a non-zero code: 137' }] },
    'at its memory of 1024 MiB',
  ],
  ['engine-gone', '/build', { lines: [{ stream: 'x\n' }], isCut: true }, 'went away'],
  [
    'push-failed',
    '/images/r.example:5000/shop/web/push',
    { lines: [{ error: 'denied' }] },
    'denied',
  ],
  ['push-failed', '/images/r.example:5000/shop/web/push', { status: 404, lines: [] }, '404'],
] as const)('%s where %s answers otherwise', async (code, path, answer, words) => {
  answers[path] = answer
  await expect(build()).rejects.toMatchObject({ code, message: expect.stringContaining(words) })
})

test('an engine that is not there is told before anything is sent', async () => {
  server.close()
  rmSync(join(folder, 'engine.sock'), { force: true })
  await expect(build()).rejects.toMatchObject({ code: 'engine-gone' })
})

test('the newest twenty stay, and of a build that failed its last layer is known', async () => {
  const notes = join(folder, 'notes')
  mkdirSync(notes)
  for (let index = 0; index < 25; index++) {
    writeFileSync(join(notes, `n${index}`), `r.example/old:${index}`)
    utimesSync(join(notes, `n${index}`), index, index)
  }
  answers['/build'] = {
    lines: [
      { stream: ' ---> 0123456789ab\n' },
      { stream: ' ---> Running in 5\n' },
      { error: 'no' },
    ],
  }
  await expect(build()).rejects.toMatchObject({ code: 'build-failed' })
  const removed = calls.filter(({ method }) => method === 'DELETE').map(({ url }) => url.pathname)
  expect(removed.map(decodeURIComponent).toSorted()).toEqual(
    [0, 1, 2, 3, 4, 5].map((index) => `/images/r.example/old:${index}`),
  )
  expect(readdirSync(notes)).toHaveLength(20)
  answers = {}
  await build()
  expect(readdirSync(notes)).toHaveLength(20)
})
