import { expect } from 'vitest'
import { get, invalid, post, type Answer, type BadInput } from './bad-input.ts'
import type { Target } from './target.ts'

/** What anybody may send to the API: broken bodies, paths with a second spelling, forged headers. */

const app = '/v1/cells/local/default/apps/shop'
const scale = `${app}/scale`

export const rest: readonly BadInput[] = [
  // Bodies: how much, how fast, how broken.
  {
    name: 'a gigabyte that is announced',
    send: (target) => target.raw(target.head('POST', scale, ['Content-Length: 1000000000'])),
    answer: { status: 413, code: 'body-too-large', details: { limitBytes: 1_048_576 } },
  },
  {
    name: 'a gigabyte that is streamed',
    send: async (target) => {
      const piece = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`)
      const head = target.head('POST', scale, ['Transfer-Encoding: chunked'])
      const { bytesSent, ...answer } = await target.endlessly(head, piece)
      expect(bytesSent).toBeLessThan(32 * 1024 * 1024)
      return answer
    },
    answer: { status: 413, code: 'body-too-large' },
  },
  {
    name: 'a body at a byte a second',
    send: (target) => target.slowly(target.head('POST', scale, ['Content-Length: 10000'])),
    answer: { status: 408, code: 'body-too-slow' },
    isSlow: true,
  },
  {
    name: 'headers at a byte a second',
    send: (target) => target.slowly('GET /v1/health HTTP/1.1\r\nHost: '),
    answer: { status: 408, code: 'headers-too-slow' },
    isSlow: true,
  },
  {
    name: 'half a body, and then nobody',
    send: async (target) => {
      await target.raw(`${target.head('POST', scale, ['Content-Length: 50'])}{"service":`, 200)
      return target.call(null, 'GET', '/v1/health')
    },
    answer: { status: 200 },
  },
  body('no JSON', '{', 'json-invalid'),
  body('JSON and more', '{}{}', 'json-invalid'),
  body('a prototype', '{"__proto__":{"service":"web"}}', 'json-invalid'),
  body('a constructor’s prototype', '{"constructor":{"prototype":{}}}', 'json-invalid'),
  body('nothing', '', 'body-missing'),
  body('null', 'null', 'input-invalid'),
  body('a list', '[]', 'input-invalid'),
  body('a text', '"web"', 'input-invalid'),
  body('100,000 open levels', '['.repeat(100_000), 'json-invalid'),
  body('100,000 closed levels', `${'['.repeat(1e5)}${']'.repeat(1e5)}`, 'input-invalid'),
  body(
    'levels inside of a member',
    `{"service":${'{"a":'.repeat(2e4)}1${'}'.repeat(2e4)}}`,
    'input-invalid',
    '',
  ),
  body('an infinite number', '{"service":"web","instances":1e400}', 'input-invalid', '/instances'),
  body('NaN', '{"service":"web","instances":NaN}', 'json-invalid'),
  body(
    'a member twice, the last one wrong',
    '{"service":"web","instances":1,"instances":-1}',
    'input-invalid',
    '/instances',
  ),
  ...['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'x'].map(
    (type) => ({
      name: `a body of type ${type}`,
      send: (target: Target) =>
        target.call('operator', 'POST', scale, {
          body: '{"service":"web","instances":1}',
          headers: { 'content-type': type },
        }),
      answer: { status: 415, code: 'media-type-unsupported' },
    }),
  ),
  ...[-1, 1e9, 2.5, '3', null, true, 1e308, {}].map((instances) => ({
    name: `${JSON.stringify(instances)} instances`,
    send: post('operator', scale, { service: 'web', instances }),
    answer: invalid('/body/instances'),
  })),
  ...['../x', 'a;b', '--help', '\u202eweb', '__proto__', 'constructor', 'x'.repeat(10_000)].map(
    (service) => ({
      name: `a service called ${JSON.stringify(service.slice(0, 20))}`,
      send: post('operator', scale, { service, instances: 1 }),
      answer: { status: 404, code: 'service-unknown' },
    }),
  ),

  // Broken HTTP.
  http('no HTTP at all', 'GARBAGE\r\n\r\n', 400, 'http-invalid'),
  http('a TLS greeting', '\x16\x03\x01\x02\x00', 400, 'http-invalid'),
  http('two lengths', bareHead('Content-Length: 1', 'Content-Length: 2'), 400, 'http-invalid'),
  http(
    'a length and chunks',
    bareHead('Content-Length: 1', 'Transfer-Encoding: chunked'),
    400,
    'http-invalid',
  ),
  http('a length below zero', bareHead('Content-Length: -1'), 400, 'http-invalid'),
  http(
    'headers without an end',
    `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(70_000)}`,
    431,
    'headers-too-large',
  ),
  http(
    '10,000 headers',
    `GET /v1/health HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(10_000)}\r\n`,
    431,
    'headers-too-large',
  ),
  http('no host', 'GET /v1/health HTTP/1.1\r\n\r\n', 400, undefined),

  // Paths with a second spelling: refused alike with a token and without.
  ...[
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
  ].flatMap((path) => [spelling(path, true), spelling(path, false)]),
  ...['..%252f', 'a;b', '--help', 'A', '%E2%80%AEshop', '%F0%9F%92%A9', 'a'.repeat(41)].map(
    (name) => ({
      name: `an app called ${name}`,
      send: get('operator', `/v1/cells/local/default/apps/${name}`),
      answer: appAnswer(name),
    }),
  ),
  {
    name: 'an app called by 300 letters',
    send: get('operator', `/v1/cells/local/default/apps/${'a'.repeat(300)}`),
    answer: { status: 414, code: 'url-too-long' },
  },
  {
    name: 'a URL of 10 kB',
    send: get('operator', `/v1/events?key=${'a'.repeat(1e4)}`),
    answer: { status: 414, code: 'url-too-long' },
  },

  // Queries.
  ...[
    '/v1/instances?limit=0',
    '/v1/instances?limit=-1',
    '/v1/instances?limit=1e9',
    '/v1/instances?limit=2.5',
    '/v1/instances?limit=3;drop',
    '/v1/instances?limit=1&limit=2',
    '/v1/instances?limit=0x10',
    '/v1/instances?limit=',
    '/v1/instances?ended=1',
    '/v1/events?after=-1',
    '/v1/events?before=0',
    '/v1/rollouts?limit=99999',
    '/v1/runs?limit=201',
    '/v1/plans?limit=x',
    '/v1/watch?after=now',
    `/v1/instances?app=${'a'.repeat(41)}`,
  ].map((path) => ({
    name: path,
    send: get('operator', path),
    answer: invalid(`/query/${/\?(\w+)/.exec(path)?.[1]}`),
  })),
  ...['__proto__', 'aap', 'Limit', 'x'.repeat(60)].map((name) => ({
    name: `a parameter that there is not, ${name.slice(0, 20)}`,
    send: get('operator', `/v1/instances?${name}=shop`),
    answer: { status: 400, code: 'query-unknown', path: `/query/${name}` },
  })),
  ...['x', 'YzE', 'c1%3Ax', '%22%3E%3Cscript%3E', 'a'.repeat(500)].map((cursor) => ({
    name: `the forged cursor ${cursor.slice(0, 20)}`,
    send: get('operator', `/v1/nodes?cursor=${cursor}`),
    answer: { status: 400, code: 'cursor-invalid', path: '/query/cursor' },
  })),

  // Revisions and keys.
  ...['abc', '-1', '1e99', '1.5', 'Infinity'].map((revision) => ({
    name: `a read at the revision ${revision}`,
    send: get('operator', '/v1/apps', { 'roadstead-revision': revision }),
    answer: invalid('/headers/roadstead-revision'),
  })),
  {
    name: 'a read at a revision that never comes',
    send: get('operator', '/v1/apps', { 'roadstead-revision': '1000000' }),
    answer: { status: 409, code: 'revision-late', details: { revision: expect.any(Number) } },
    isSlow: true,
  },
  {
    name: 'an idempotency key with another body',
    send: async (target) => {
      const keyed = (instances: number): Promise<Answer> =>
        target.call('operator', 'POST', scale, {
          body: { service: 'web', instances },
          headers: { 'idempotency-key': 'scale-1' },
        })
      expect((await keyed(1)).status).toBe(202)
      return keyed(2)
    },
    answer: { status: 422, code: 'idempotency-mismatch' },
  },
  {
    name: 'an idempotency key on another path',
    send: (target) =>
      target.call('operator', 'POST', `${app}/stop`, {
        body: {},
        headers: { 'idempotency-key': 'scale-1' },
      }),
    answer: { status: 422, code: 'idempotency-mismatch' },
  },
  ...['', 'a b', 'x'.repeat(129)].map((key) => ({
    name: `an idempotency key spelt ${JSON.stringify(key.slice(0, 10))}`,
    send: (target: Target) =>
      target.call('operator', 'POST', scale, {
        body: { service: 'web', instances: 1 },
        headers: { 'idempotency-key': key },
      }),
    answer: invalid('/headers/idempotency-key'),
  })),

  // Tokens.
  token('of another scheme', 'Basic b3BlcmF0b3I6eA=='),
  token('of nothing', 'Bearer '),
  token('of 8 kB', `Bearer ${'a'.repeat(8_000)}`),
  token('of odd letters', 'Bearer a b\tc;--'),
  token('that is a hash', `Bearer sha256:${'0'.repeat(64)}`),
]

function body(what: string, text: string, code: string, at = ''): BadInput {
  return {
    name: `a body of ${what}`,
    send: post('operator', scale, text),
    answer: { status: 400, code, path: `/body${at}` },
  }
}

function http(what: string, text: string, status: number, code: string | undefined): BadInput {
  return {
    name: what,
    send: (target) => target.raw(text),
    answer: { status, ...(code === undefined ? {} : { code }) },
  }
}

function spelling(path: string, hasToken: boolean): BadInput {
  return {
    name: `${path}, ${hasToken ? 'with a token' : 'without one'}`,
    send: (target) => {
      const token = hasToken ? `Authorization: Bearer ${target.token('operator')}\r\n` : ''
      return target.raw(`GET ${path} HTTP/1.1\r\nHost: x\r\n${token}Connection: close\r\n\r\n`)
    },
    answer: { status: 400, code: 'path-not-canonical' },
  }
}

function appAnswer(name: string) {
  if (name.includes('%25')) return { status: 400, code: 'path-not-canonical' }
  const isName = /^[a-z0-9-]{1,40}$/.test(name)
  return isName ? { status: 404, code: 'app-unknown' } : invalid('/params/app')
}

function token(what: string, authorization: string): BadInput {
  return {
    name: `a token ${what}`,
    send: async (target) => {
      const answer = await target.call(null, 'GET', '/v1/apps', { headers: { authorization } })
      expect(answer.headers['www-authenticate']).toContain('Bearer')
      return answer
    },
    answer: { status: 401, code: 'token-invalid' },
  }
}

function bareHead(...headers: string[]): string {
  return `POST /v1/session HTTP/1.1\r\nHost: x\r\n${headers.join('\r\n')}\r\n\r\n`
}
