import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { digestOf } from '../../src/base/digest.ts'
import { SecretRef } from '../../src/base/secret-ref.ts'
import { VirtualClock } from '../../src/base/virtual-clock.ts'
import { noCredentials, type CredentialsOf } from '../../src/base/registry-credentials.ts'
import { openRegistry } from '../../src/drivers/registry/registry-client.ts'

/** Registries that behave as the distribution specification lets them, and as it does not. */

const manifest = JSON.stringify({ schemaVersion: 2 })
const digest = digestOf(manifest)
const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

type Handler = (request: IncomingMessage, answer: ServerResponse, host: string) => void

async function serve(handler: Handler): Promise<string> {
  let host = ''
  const server = createServer((request, answer) => handler(request, answer, host))
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return host
}

const alice: CredentialsOf = () =>
  Promise.resolve({ user: 'alice', password: new SecretRef('registry/test', 'open sesame') })
const basic = `Basic ${Buffer.from('alice:open sesame').toString('base64')}`

function ask(image: string, credentials = noCredentials): Promise<string> {
  return openRegistry({ clock: systemClock, credentials }).resolve(image)
}

const plain: Handler = (request, answer) => {
  if (request.url !== '/v2/shop/web/manifests/v1') return void answer.writeHead(404).end()
  answer.writeHead(200, { 'docker-content-digest': digest }).end()
}

test('a tag is resolved by one HEAD', async () => {
  const asked: string[] = []
  const host = await serve((request, answer, own) => {
    asked.push(request.method ?? '')
    plain(request, answer, own)
  })
  expect(await ask(`${host}/shop/web:v1`)).toBe(digest)
  expect(asked).toEqual(['HEAD'])
})

test('where no digest is named the manifest itself is fetched and digested', async () => {
  const host = await serve((request, answer) => {
    answer.writeHead(200).end(request.method === 'GET' ? manifest : undefined)
  })
  expect(await ask(`${host}/shop/web:v1`)).toBe(digest)
})

test('a missing image and a name that is none are refused, each with what would help', async () => {
  const host = await serve(plain)
  const unknown = await ask(`${host}/shop/web:v2`).catch((error) => error)
  expect(unknown).toMatchObject({ code: 'image-unknown', status: 422 })
  expect(unknown.hint).toContain('push it first')
  await expect(ask(`${host}/Shop`)).rejects.toMatchObject({ code: 'image-invalid' })
})

test('basic credentials are sent when they are asked for, and to nobody else', async () => {
  const seen: (string | undefined)[] = []
  const host = await serve((request, answer, own) => {
    const { authorization } = request.headers
    seen.push(authorization)
    if (authorization === basic) return plain(request, answer, own)
    answer.writeHead(401, { 'www-authenticate': 'Basic realm="registry"' }).end()
  })
  expect(await ask(`${host}/shop/web:v1`, alice)).toBe(digest)
  expect(seen).toEqual([undefined, basic])
  const refused = await ask(`${host}/shop/web:v1`).catch((error) => error)
  expect(refused).toMatchObject({ code: 'registry-unauthorized', status: 422 })
})

test('a token is fetched with the credentials, for reading this repository alone', async () => {
  let scope: string | null = null
  const host = await serve((request, answer, own) => {
    const url = new URL(request.url ?? '', `http://${own}`)
    if (url.pathname === '/token') {
      scope = url.searchParams.get('scope')
      if (request.headers.authorization !== basic) return void answer.writeHead(401).end()
      return void answer.end(JSON.stringify({ token: 'abc.def' }))
    }
    if (request.headers.authorization === 'Bearer abc.def') return plain(request, answer, own)
    const challenge = `Bearer realm="http://${own}/token",service="test"`
    answer.writeHead(401, { 'www-authenticate': challenge }).end()
  })
  expect(await ask(`${host}/shop/web:v1`, alice)).toBe(digest)
  expect(scope).toBe('repository:shop/web:pull')
  await expect(ask(`${host}/shop/web:v1`)).rejects.toMatchObject({ code: 'registry-unauthorized' })
})

test('wrong credentials are told as such, and never shown', async () => {
  const host = await serve((_request, answer) => {
    answer.writeHead(401, { 'www-authenticate': 'Basic realm="registry"' }).end('open sesame')
  })
  const refused = await ask(`${host}/shop/web:v1`, alice).catch((error) => error)
  expect(refused).toMatchObject({ code: 'registry-unauthorized' })
  expect(JSON.stringify([refused.message, refused.hint, refused.details])).not.toContain('sesame')
})

test('credentials are not sent in the clear to another host, nor after a redirect', async () => {
  const host = await serve((request, answer) => {
    if (request.url?.includes('moved') === true) {
      return void answer.writeHead(307, { location: 'http://registry.example/v2/' }).end()
    }
    const challenge = 'Bearer realm="http://tokens.example/token"'
    answer.writeHead(401, { 'www-authenticate': challenge }).end()
  })
  const clear = ask(`${host}/shop/web:v1`, alice)
  await expect(clear).rejects.toMatchObject({ code: 'registry-failed' })
  await expect(clear).rejects.toThrow('in the clear')
  await expect(ask(`${host}/moved:v1`, alice)).rejects.toThrow('answered 307')
})

test('what a registry sends is held against the digest that was asked for', async () => {
  const host = await serve((request, answer) => {
    const said = request.url?.includes('lying') === true ? digestOf('another') : undefined
    const headers = said === undefined ? {} : { 'docker-content-digest': said }
    answer.writeHead(200, headers).end(request.method === 'GET' ? manifest : undefined)
  })
  expect(await ask(`${host}/shop/web@${digest}`)).toBe(digest)
  const other = ask(`${host}/shop/web@${digestOf('another')}`)
  await expect(other).rejects.toMatchObject({ code: 'digest-mismatch', status: 422 })
  const lying = ask(`${host}/shop/lying@${digest}`)
  await expect(lying).rejects.toMatchObject({ code: 'digest-mismatch' })
})

test('a registry that hangs is given up, one that is gone or floods is told', async () => {
  let asked = false
  const host = await serve(() => (asked = true))
  const clock = new VirtualClock()
  const registry = openRegistry({ clock, credentials: noCredentials })
  const hanging = registry.resolve(`${host}/shop/web:v1`).catch((error) => error)
  while (!asked) await systemClock.sleep(5)
  await clock.advance(10_000)
  const silent = await hanging
  expect(silent).toMatchObject({ code: 'registry-silent', status: 424 })
  expect(silent.hint).toContain('can be reached')
  const flooding = await serve((request, answer) => {
    answer.writeHead(200).end(request.method === 'GET' ? Buffer.alloc(5_000_000) : undefined)
  })
  await expect(ask(`${flooding}/shop/web:v1`)).rejects.toThrow('over 4 MiB')
  await expect(ask('127.0.0.1:1/shop/web:v1')).rejects.toMatchObject({ code: 'registry-failed' })
})
