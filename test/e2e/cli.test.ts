import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const cli = join(import.meta.dirname, '../../src/cli/main.ts')

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

let folder: string
let server: Server | undefined
let asked: { request: string; headers: IncomingMessage['headers']; body: string }[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roadstead-cli-'))
  asked = []
})

afterEach(async () => {
  await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)))
  server = undefined
  rmSync(folder, { recursive: true, force: true })
})

function roadstead(...parameters: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const environment = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('ROADSTEAD')),
    )
    const options = { cwd: folder, env: { ...environment, NO_COLOR: '1' } }
    const run = [cli, ...parameters]
    execFile(process.execPath, run, options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err })
    })
  })
}

/** An API that answers by "METHOD /path"; whatever else is asked is refused as unknown. */
async function anApi(answers: Record<string, unknown>): Promise<string> {
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const path = `${request.method} ${request.url?.split('?')[0]}`
      const body = Buffer.concat(chunks).toString()
      asked.push({ request: `${request.method} ${request.url}`, headers: request.headers, body })
      const answer = answers[path]
      response.statusCode = answer === undefined ? 404 : 200
      response.end(JSON.stringify(answer ?? unknownRoute))
    })
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const unknownRoute = {
  error: { code: 'route-unknown', message: 'there is no such route', hint: 'look', requestId: 'r' },
}

const at = { tenant: 'default', environment: 'local', app: 'shop' }

const shop = {
  at,
  health: 'ok',
  releaseId: 'rel-2',
  releaseNumber: 2,
  version: 'v2',
  services: [
    {
      name: 'storefront',
      worker: false,
      wanted: 2,
      ready: 2,
      maintenance: 0,
      draining: 0,
      stopped: false,
      needs: [],
      url: 'http://shop.localhost:8080/',
      traffic: null,
    },
  ],
  rolloutId: null,
  drift: [],
  traffic: null,
}

describe('a command line that is wrong', () => {
  test('ends with 2 and says what is missing', async () => {
    const { code, err } = await roadstead('scale', 'storefront')
    expect(code).toBe(2)
    expect(err).toContain("missing required argument 'instances'")
  })

  test('ends with 2 and suggests the command that was meant', async () => {
    const { code, err } = await roadstead('statsu')
    expect(code).toBe(2)
    expect(err).toContain('Did you mean status?')
  })

  test('names a cell that is none', async () => {
    const { code, err } = await roadstead('ps', '--cell', 'prod')
    expect(code).toBe(1)
    expect(err).toContain('hint: a cell is written environment/tenant')
  })
})

describe('a server', () => {
  test('that does not answer: 3, the address, and how to start one', async () => {
    const { code, err } = await roadstead('status', '--server', 'http://127.0.0.1:1')
    expect(code).toBe(3)
    expect(err).toContain('no server answers at http://127.0.0.1:1')
    expect(err).toContain('hint: start it with `npx roadstead up`')
  })

  test('that refuses: 1, its sentence and its hint', async () => {
    const { code, err } = await roadstead('nodes', '--server', await anApi({}))
    expect(code).toBe(1)
    expect(err).toBe('error: there is no such route\nhint: look\n')
  })

  test('is found by the up.json of a folder above, with its token', async () => {
    const url = await anApi({ 'GET /v1/apps': { items: [shop] } })
    const port = Number(new URL(url).port)
    const range = { from: 20_000, to: 20_998 }
    const up = { pid: 1, server: url, serverPort: port, ingressPort: port }
    mkdirSync(join(folder, '.roadstead', 'tokens'), { recursive: true })
    const noted = { ...up, listenerPorts: range, instancePorts: range }
    writeFileSync(join(folder, '.roadstead', 'up.json'), JSON.stringify(noted))
    writeFileSync(join(folder, '.roadstead', 'tokens', 'operator'), 'the-token\n')
    folder = join(folder, 'deep', 'down')
    mkdirSync(folder, { recursive: true })
    const { code, out } = await roadstead('status')
    expect(code).toBe(0)
    expect(out).toContain('shop in local/default · release 2 (v2) · ok')
    expect(asked[0]?.headers.authorization).toBe('Bearer the-token')
  })
})

describe('what is printed', () => {
  test('of a list is a table in columns', async () => {
    const url = await anApi({ 'GET /v1/apps': { items: [shop] } })
    const { out } = await roadstead('status', 'shop', '--server', url)
    const lines = out.split('\n')
    expect(lines[1]).toMatch(/^SERVICE +READY +MAINTENANCE/)
    expect(lines[2]).toMatch(/^storefront +2\/2 +- .* http:\/\/shop\.localhost:8080\/$/)
    expect(lines[1]?.indexOf('URL')).toBe(lines[2]?.indexOf('http'))
  })

  test("with --json is the API's data", async () => {
    const url = await anApi({ 'GET /v1/nodes': { items: [{ id: 'one' }] } })
    const { out } = await roadstead('nodes', '--json', '--server', url)
    expect(JSON.parse(out)).toEqual([{ id: 'one' }])
  })

  test('of an empty list is a remark, and nothing for a pipe', async () => {
    const url = await anApi({ 'GET /v1/nodes': { items: [] } })
    const { code, out, err } = await roadstead('nodes', '--server', url)
    expect([code, out, err]).toEqual([0, '', 'no node has registered yet\n'])
  })
})

describe('a change', () => {
  test('is asked for once, with a key, in the app that the name stands for', async () => {
    const url = await anApi({
      'GET /v1/apps': { items: [shop] },
      'POST /v1/cells/local/default/apps/shop/scale': { revision: 7 },
      'GET /v1/cells/local/default/apps/shop': shop,
    })
    const { code, out } = await roadstead('scale', 'storefront', '2', '--server', url)
    expect(code).toBe(0)
    expect(out).toContain('shop/storefront has 2 instances')
    const write = asked.find(({ request }) => request.startsWith('POST'))
    expect(JSON.parse(write?.body ?? '')).toEqual({ service: 'storefront', instances: 2 })
    expect(write?.headers['idempotency-key']).toMatch(/^[0-9a-f]{32}$/)
  })

  test('to a number that is none is not even asked for', async () => {
    const { code, err } = await roadstead('scale', 'storefront', '-1')
    expect(code).toBe(2)
    expect(err).toContain("'-1'")
  })

  test('that cannot be taken back is refused where nobody can be asked', async () => {
    const url = await anApi({ 'GET /v1/apps': { items: [shop] } })
    const { code, err } = await roadstead('destroy', 'shop', '--server', url)
    expect(code).toBe(1)
    expect(err).toContain('hint: say --yes')
    expect(asked.every(({ request }) => request.startsWith('GET'))).toBe(true)
  })
})

describe('init', () => {
  test('writes a manifest from what lies in the folder', async () => {
    writeFileSync(join(folder, 'package.json'), '{"scripts":{"start":"node web.js --fast"}}')
    const { code } = await roadstead('init', 'hello')
    expect(code).toBe(0)
    const manifest = readFileSync(join(folder, 'roadstead.yaml'), 'utf8')
    expect(manifest).toContain('app: hello\n')
    expect(manifest).toContain('    run: node web.js --fast')
  })

  test('writes what validates', async () => {
    await roadstead('init', 'hello')
    const { code, out } = await roadstead('validate')
    expect([code, out]).toEqual([0, '✓ roadstead.yaml is valid in local/default\n'])
  })

  test('never overwrites one', async () => {
    writeFileSync(join(folder, 'roadstead.yaml'), 'mine')
    const { code, err } = await roadstead('init', 'hello')
    expect(code).toBe(1)
    expect(err).toContain('there is a roadstead.yaml here already')
    expect(readFileSync(join(folder, 'roadstead.yaml'), 'utf8')).toBe('mine')
  })
})

describe('a broken manifest', () => {
  beforeEach(() => {
    const services = '  web:\n    run: node server.js\n    instancs: 2\n'
    writeFileSync(
      join(folder, 'roadstead.yaml'),
      `roadstead: v1\napp: hello\nservices:\n${services}`,
    )
  })

  const told = [
    'error: roadstead.yaml:6:5: `web` has no key `instancs`',
    '6 |     instancs: 2',
    '        ^^^^^^^^',
    'hint: did you mean `instances`?',
  ].join('\n')

  test.each([['validate'], ['render'], ['deploy', '--server', 'http://127.0.0.1:1']])(
    'is shown by %s with its line, and what would be right',
    async (...parameters) => {
      const { code, err } = await roadstead(...parameters)
      expect(code).toBe(1)
      expect(err).toContain(told)
    },
  )

  test('is data with --json', async () => {
    const { code, out } = await roadstead('validate', '--json')
    expect(code).toBe(1)
    const fault = { line: 6, column: 5, words: 'instancs', code: 'unknown-key' }
    expect(JSON.parse(out)).toMatchObject({ valid: false, faults: [fault] })
  })
})

test('a rendered cell says of each line where it comes from', async () => {
  await roadstead('init', 'hello')
  const { out } = await roadstead('render', 'local/default', '--explain')
  expect(out).toMatch(/run: node server\.js +# app, roadstead\.yaml:6/)
  expect(out).toMatch(/instances: 1 +# default/)
})

describe('help', () => {
  test('lists every command with its sentence', async () => {
    const { code, out } = await roadstead('--help')
    expect(code).toBe(0)
    for (const command of ['up', 'deploy', 'logs', 'why', 'completion']) {
      expect(out).toMatch(new RegExp(`^  ${command} .*[a-z]`, 'm'))
    }
  })

  test('of a command has an example', async () => {
    const { out } = await roadstead('help', 'logs')
    expect(out).toContain('$ roadstead logs -f shop/checkout')
  })
})
