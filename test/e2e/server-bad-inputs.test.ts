import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import Type from 'typebox'
import { create, replace } from '../../src/store/port.ts'
import { appKind, releaseKind } from '../../src/parts/apps/records.ts'
import { instanceById, instanceKind } from '../../src/parts/instances/records.ts'
import { route } from '../../src/wire/route.ts'
import { anApp, anIngressReport, anObserved, aPending, aRelease } from '../fixtures/records.ts'
import { aFastClock, sendEndless, sendRaw, sendSlowly } from '../fixtures/raw-http.ts'
import { aRunningServer, type TestRole, type TestServer } from '../fixtures/running-server.ts'

/**
 * What anybody may send: each answer is a typed error, the server lives, and it holds no more
 * memory than before (reliability.md, "REST" and "Agent protocol").
 */

let server: TestServer
let memoryBefore = 0
const answers: string[] = []

/** Takes a streamed body, as the route for artifacts does. */
const upload = route({
  method: 'PUT',
  path: '/v1/uploads/:name',
  rule: { roles: ['operator'] },
  summary: 'Counts the bytes of a stream.',
  tag: 'test',
  bodyKind: 'stream',
  bodyBytesMax: 1024 * 1024,
  answers: { 200: Type.Unknown() },
  async handle({ stream }) {
    let bytes = 0
    for await (const chunk of stream ?? []) bytes += (chunk as Buffer).length
    return { body: { bytes } }
  },
})

const node = {
  protocol: 1,
  incarnation: 'boot',
  version: '0.1.0',
  zone: 'a',
  address: '127.0.0.1',
  capacity: { cpu: 4, memoryBytes: 2 ** 33, diskBytes: 2 ** 36 },
  ports: { from: 21_000, to: 21_999 },
  labels: {},
}

beforeAll(async () => {
  server = await aRunningServer({ clock: aFastClock(20), extraRoutes: [upload] })
  const attribution = { who: 'test', what: 'test.write', why: 'a test' }
  const writes = [
    create(appKind, anApp()),
    create(releaseKind, aRelease()),
    create(instanceKind, aPending({ id: 'i-own' })),
    create(instanceKind, aPending({ id: 'i-other' })),
  ]
  await server.state.commit({ writes, attribution })
  for (const [id, nodeId] of [
    ['i-own', 'node-1'],
    ['i-other', 'node-2'],
  ] as const) {
    const entry = instanceById(server.state.snapshot, id)
    if (entry === undefined) throw new Error(`no ${id}`)
    const placed = { ...entry.value, state: 'placed' as const, placement: { nodeId, port: 1 } }
    await server.state.commit({ writes: [replace(instanceKind, entry, placed)], attribution })
  }
  await post('agent', '/v1/agents/node-1/register', node)
  memoryBefore = process.memoryUsage().rss
})

afterAll(() => server.stop())

interface Answer {
  readonly status: number
  readonly code: string | undefined
  readonly path: string | undefined
  readonly details: Record<string, unknown> | undefined
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text()
  answers.push(text)
  const { error } = (text === '' ? {} : JSON.parse(text)) as { error?: Answer }
  if (response.status >= 400 && error === undefined) throw new Error(`no typed error: ${text}`)
  return {
    status: response.status,
    code: error?.code,
    path: error?.path,
    details: error?.details,
  }
}

function post(role: TestRole, path: string, body: unknown): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return server.call(role, path, { method: 'POST', body: text }).then(read)
}

const scalePath = '/v1/cells/local/default/apps/shop/scale'

/** The head of a POST to `path`, ready for a body. */
function head(path: string, ...headers: string[]): string {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'Host: roadstead',
    `Authorization: Bearer ${server.tokens.operator}`,
    'Content-Type: application/json',
    ...headers,
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

describe('bodies', () => {
  test('a gigabyte that is announced is refused before a byte of it came', async () => {
    const answer = await sendRaw(server.port, head(scalePath, 'Content-Length: 1000000000'))
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('"body-too-large"')
    expect(answer).toContain('"limitBytes":1048576')
  })

  test('a gigabyte that is streamed is cut off at the limit, with an answer', async () => {
    // At the machine's own time: a client that sends gets a second to read the answer.
    const unhurried = await aRunningServer()
    const piece = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`)
    const start = head(scalePath, 'Transfer-Encoding: chunked').replace(
      server.tokens.operator,
      unhurried.tokens.operator,
    )
    const { answer, bytesSent } = await sendEndless(unhurried.port, start, piece)
    await unhurried.stop()
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(bytesSent).toBeLessThan(32 * 1024 * 1024)
  })

  test('a byte a second is ended with 408', async () => {
    const answer = await sendSlowly(server.port, head(scalePath, 'Content-Length: 1000'), 50)
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toContain('"body-too-slow"')
  })

  test('a streamed upload at a byte a second is ended with 408', async () => {
    const start = head('/v1/uploads/x', 'Content-Length: 1000').replace('POST', 'PUT')
    const answer = await sendSlowly(server.port, start, 50)
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('headers that come too slowly are ended with 408', async () => {
    const answer = await sendSlowly(server.port, 'GET /v1/health HTTP/1.1\r\nHost: ', 300)
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toContain('"headers-too-slow"')
  })

  test('an upload that breaks off harms nobody', async () => {
    await sendRaw(server.port, `${head(scalePath, 'Content-Length: 50')}{"service":`, 200)
    const start = head('/v1/uploads/x', 'Content-Length: 50').replace('POST', 'PUT')
    await sendRaw(server.port, `${start}half`, 200)
    expect((await server.call(null, '/v1/health')).status).toBe(200)
  })

  test.each([
    ['no JSON', '{', 400, 'json-invalid'],
    ['JSON and more', '{}{}', 400, 'json-invalid'],
    ['a prototype', '{"__proto__":{"service":"web"}}', 400, 'json-invalid'],
    ['a constructor’s prototype', '{"constructor":{"prototype":{}}}', 400, 'json-invalid'],
    ['nothing', '', 400, 'body-missing'],
    ['null', 'null', 400, 'input-invalid'],
    ['a list', '[]', 400, 'input-invalid'],
    ['a text', '"web"', 400, 'input-invalid'],
    ['100,000 levels', '['.repeat(100_000), 400, 'json-invalid'],
    ['100,000 closed levels', `${'['.repeat(1e5)}${']'.repeat(1e5)}`, 400, 'input-invalid'],
    ['an infinite number', '{"service":"web","instances":1e400}', 400, 'input-invalid'],
    ['NaN', '{"service":"web","instances":NaN}', 400, 'json-invalid'],
  ])('%s: refused', async (_name, body, status, code) => {
    expect(await post('operator', scalePath, body)).toMatchObject({ status, code })
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'x'])(
    'of type %s: 415',
    async (type) => {
      const response = await server.call('operator', scalePath, {
        method: 'POST',
        headers: { 'content-type': type },
        body: '{"service":"web","instances":1}',
      })
      expect(await read(response)).toMatchObject({ status: 415, code: 'media-type-unsupported' })
    },
  )

  test.each([-1, 1e9, 2.5, '3', null, true, 1e308, {}])(
    '%j instances: refused with the place',
    async (instances) => {
      const answer = await post('operator', scalePath, { service: 'web', instances })
      expect(answer).toMatchObject({ status: 400, code: 'input-invalid', path: '/body/instances' })
    },
  )
})

describe('broken HTTP', () => {
  test.each([
    ['no HTTP at all', 'GARBAGE\r\n\r\n', 400],
    ['a TLS greeting', '\x16\x03\x01\x02\x00', 400],
    ['two lengths', bareHead('Content-Length: 1', 'Content-Length: 2'), 400],
    ['a length and chunks', bareHead('Content-Length: 1', 'Transfer-Encoding: chunked'), 400],
    ['a length below zero', bareHead('Content-Length: -1'), 400],
    ['headers without an end', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(70_000)}`, 431],
    ['no host', 'GET /v1/health HTTP/1.1\r\n\r\n', 400],
  ])('%s: refused', async (_name, text, status) => {
    const answer = await sendRaw(server.port, text)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).not.toContain(' at ')
  })
})

describe('paths', () => {
  const spellings = [
    '//evil/x',
    '//v1/apps',
    '/v1//apps',
    '/v1/./apps',
    '/v1/x/../apps',
    '/v1/%2e%2e/v1/apps',
    '/v1/%2E/apps',
    '/v1%2fapps',
    '/v1\\apps',
    '/v1/apps%00',
    'http://evil.example/v1/apps',
    '/v1/%zz',
    '/v1/apps/%c0%ae%c0%ae',
  ]
  test.each(spellings)('%s is refused, with a token and without', async (path) => {
    for (const token of ['', `Authorization: Bearer ${server.tokens.operator}\r\n`]) {
      const request = `GET ${path} HTTP/1.1\r\nHost: x\r\n${token}Connection: close\r\n\r\n`
      const answer = await sendRaw(server.port, request)
      expect(answer).toMatch(/^HTTP\/1\.1 (400|404) /)
      expect(answer).not.toContain('"items"')
    }
  })

  test.each(['..%252f', 'a;b', '--help', 'A', '\u202eshop', '%F0%9F%92%A9', 'a'.repeat(41)])(
    'an app named %s does not exist, and nothing breaks',
    async (name) => {
      const path = `/v1/cells/local/default/apps/${name}`
      const answer = await read(await server.call('operator', path))
      expect([400, 404]).toContain(answer.status)
      expect(answer.code).not.toBe('internal-error')
    },
  )

  test('a URL of 10 kB is refused with 414', async () => {
    const answer = await read(await server.call('operator', `/v1/events?key=${'a'.repeat(1e4)}`))
    expect(answer).toMatchObject({ status: 414, code: 'url-too-long' })
  })
})

describe('queries and headers', () => {
  test.each([
    ['/v1/instances?limit=0', '/query/limit'],
    ['/v1/instances?limit=-1', '/query/limit'],
    ['/v1/instances?limit=1e9', '/query/limit'],
    ['/v1/instances?limit=2.5', '/query/limit'],
    ['/v1/instances?limit=3;drop', '/query/limit'],
    ['/v1/instances?limit=1&limit=2', '/query/limit'],
    ['/v1/instances?limit=0x10', '/query/limit'],
    ['/v1/instances?limit=', '/query/limit'],
    ['/v1/instances?ended=1', '/query/ended'],
    ['/v1/events?after=-1', '/query/after'],
    ['/v1/events?before=0', '/query/before'],
    ['/v1/rollouts?limit=99999', '/query/limit'],
    ['/v1/plans?limit=x', '/query/limit'],
    ['/v1/watch?after=now', '/query/after'],
    [`/v1/instances?app=${'a'.repeat(41)}`, '/query/app'],
  ])('%s: refused with the place', async (path, place) => {
    const answer = await read(await server.call('operator', path))
    expect(answer).toMatchObject({ status: 400, code: 'input-invalid', path: place })
  })

  test.each(['x', 'YzE', 'c1%3Ax', '%22%3E%3Cscript%3E', 'a'.repeat(500)])(
    'the forged cursor %s: refused',
    async (cursor) => {
      const answer = await read(await server.call('operator', `/v1/nodes?cursor=${cursor}`))
      expect(answer).toMatchObject({ status: 400, code: 'cursor-invalid' })
    },
  )

  test.each(['abc', '-1', '1e99', '1.5', 'Infinity'])(
    'the revision %s: refused',
    async (revision) => {
      const headers = { 'roadstead-revision': revision }
      const answer = await read(await server.call('operator', '/v1/apps', { headers }))
      expect(answer).toMatchObject({ status: 400, code: 'input-invalid' })
    },
  )

  test('a revision that never comes: 409 with the current one', async () => {
    const headers = { 'roadstead-revision': '1000000' }
    const answer = await read(await server.call('operator', '/v1/apps', { headers }))
    expect(answer).toMatchObject({ status: 409, code: 'revision-late' })
    expect(answer.details).toMatchObject({ revision: server.state.snapshot.revision })
  })

  test.each([
    ['of another scheme', 'Basic b3BlcmF0b3I6eA=='],
    ['of nothing', 'Bearer '],
    ['of 8 kB', `Bearer ${'a'.repeat(8_000)}`],
    ['of odd letters', 'Bearer a b\tc;--'],
    ['that is a hash', `Bearer sha256:${'0'.repeat(64)}`],
  ])('a token %s: 401 with a hint', async (_name, authorization) => {
    const response = await server.call(null, '/v1/apps', { headers: { authorization } })
    expect(response.headers.get('www-authenticate')).toContain('Bearer')
    expect(await read(response)).toMatchObject({ status: 401, code: 'token-invalid' })
  })
})

describe('the agent protocol', () => {
  const report = {
    incarnation: 'boot',
    sequence: 1,
    portsTaken: [],
    full: true,
    instances: [] as unknown[],
  }

  test.each([99, 0, -1, 2])('protocol %i: 426 with the range', async (protocol) => {
    const answer = await post('agent', '/v1/agents/node-9/register', { protocol, anything: true })
    expect(answer).toMatchObject({
      status: 426,
      code: 'protocol-unsupported',
      details: { oldest: 1, newest: 1 },
    })
  })

  test.each([
    ['capacity 1e308', { capacity: { ...node.capacity, cpu: 1e308 } }, 422],
    ['memory of 2^53', { capacity: { ...node.capacity, memoryBytes: 2 ** 53 } }, 422],
    ['a disk below zero', { capacity: { ...node.capacity, diskBytes: -1 } }, 400],
    ['no capacity', { capacity: null }, 400],
    ['ports the wrong way round', { ports: { from: 2, to: 1 } }, 422],
    ['port 0', { ports: { from: 0, to: 1 } }, 400],
    ['port 70000', { ports: { from: 1, to: 70_000 } }, 400],
    ['an address that is a URL', { address: 'evil.example/x?' }, 422],
    ['an address with a line break', { address: 'a\r\nb' }, 422],
    ['an incarnation of 1 kB', { incarnation: 'a'.repeat(1_000) }, 400],
    ['a thousand labels', { labels: labels(1_000) }, 400],
  ])('%s: refused, and no node comes of it', async (_name, parts, status) => {
    const answer = await post('agent', '/v1/agents/node-9/register', { ...node, ...parts })
    expect(answer.status).toBe(status)
    const nodes = await server.call('operator', '/v1/nodes')
    expect(await nodes.text()).not.toContain('node-9')
  })

  test('a node that has not registered: 404', async () => {
    const answer = await post('agent', '/v1/agents/node-404/report', report)
    expect(answer).toMatchObject({ status: 404, code: 'node-unknown' })
    const poll = await server.call('agent', '/v1/agents/node-404/assignment')
    expect(await read(poll)).toMatchObject({ status: 404, code: 'node-unknown' })
  })

  test('another node’s instance: 403, and nothing of the report is believed', async () => {
    const instances = [
      anObserved({ instanceId: 'i-own' }),
      anObserved({ instanceId: 'i-other', state: 'exited' }),
    ]
    const answer = await post('agent', '/v1/agents/node-1/report', { ...report, instances })
    expect(answer).toMatchObject({ status: 403, code: 'instance-foreign' })
    expect(server.observed.instance('i-other')).toBeUndefined()
    expect(server.observed.instance('i-own')).toBeUndefined()
  })

  test('100,000 instances in one report: refused', async () => {
    const instances = Array.from({ length: 100_000 }, (_, index) => ({ instanceId: `i-${index}` }))
    const answer = await post('agent', '/v1/agents/node-1/report', { ...report, instances })
    expect(answer).toMatchObject({ status: 400, code: 'input-invalid' })
  })

  test('a report of 20 MB: 413', async () => {
    const instances = [anObserved({ because: 'x'.repeat(20_000_000) })]
    const body = JSON.stringify({ ...report, instances })
    const start =
      head('/v1/agents/node-1/report', `Content-Length: ${body.length}`).replace(
        server.tokens.operator,
        server.tokens.agent,
      ) + body.slice(0, 1_000)
    expect(await sendRaw(server.port, start)).toMatch(/^HTTP\/1\.1 413 /)
  })

  test.each([
    ['an unknown state', [{ ...anObserved({ instanceId: 'i-own' }), state: 'happy' }]],
    ['a reason of 2 kB', [anObserved({ instanceId: 'i-own', because: 'x'.repeat(2_000) })]],
    ['runs below zero', [anObserved({ instanceId: 'i-own', runs: -1 })]],
  ])('%s: refused', async (_name, instances) => {
    const answer = await post('agent', '/v1/agents/node-1/report', { ...report, instances })
    expect(answer).toMatchObject({ status: 400, code: 'input-invalid' })
  })

  test('log lines under another tenant’s name: 403, none is stored', async () => {
    const batch = {
      instanceId: 'i-own',
      at: { tenant: 'victim', environment: 'local', app: 'shop' },
      service: 'web',
      releaseId: 'rel-1',
      offset: 0,
      lost: 0,
      lines: [{ at: 0, stream: 'stdout', text: 'forged' }],
    }
    const send = (change: object): Promise<Answer> =>
      post('agent', '/v1/agents/node-1/logs', { batches: [{ ...batch, ...change }] })
    expect(await send({})).toMatchObject({ status: 403, code: 'instance-foreign' })
    expect((await send({ instanceId: 'i-other' })).status).toBe(403)
    expect((await send({ instanceId: 'i-unknown' })).status).toBe(204)
    expect(server.appended).toEqual([])
    expect((await send({ at: { ...batch.at, tenant: 'default' } })).status).toBe(204)
    expect(server.appended).toHaveLength(1)
  })

  test.each(['after=-1', 'waitMs=30001', 'waitMs=-1', 'waitMs=forever'])(
    'a long poll with %s: refused',
    async (query) => {
      const path = `/v1/agents/node-1/assignment?${query}`
      expect((await read(await server.call('agent', path))).status).toBe(400)
    },
  )
})

describe('the ingress protocol', () => {
  test.each([
    ['counts as texts', { series: [{ backendId: 'x', counters: '1' }] }],
    ['a sequence of 1.5', { sequence: 1.5 }],
    ['leaving of texts', { leaving: { 'i-1': 'many' } }],
    ['no incarnation', { incarnation: undefined }],
  ])('%s: refused', async (_name, parts) => {
    const body = { ...anIngressReport(), ...parts }
    const answer = await post('ingress', '/v1/ingresses/ingress-1/report', body)
    expect(answer).toMatchObject({ status: 400, code: 'input-invalid' })
  })
})

describe('after all of this', () => {
  test('the server lives, has grown by little, and has told nobody of its insides', async () => {
    expect((await server.call(null, '/v1/health')).status).toBe(200)
    const telling = answers.filter((answer) => /\n\s+at |node_modules|\.ts:\d/.test(answer))
    expect(telling).toEqual([])
    // The client's own buffers live in this process too, gigabytes of them went through it.
    const grown = process.memoryUsage().rss - memoryBefore
    expect(grown).toBeLessThan(256 * 1024 * 1024)
  })
})

function bareHead(...headers: string[]): string {
  return `POST /v1/session HTTP/1.1\r\nHost: x\r\n${headers.join('\r\n')}\r\n\r\n`
}

function labels(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`l${index}`, 'x']))
}
