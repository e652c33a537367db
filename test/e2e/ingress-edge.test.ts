import { afterEach, beforeEach, expect, test } from 'vitest'
import { aBackend, anApp, anEndpoint, call, until, type App } from '../contract/ingress-bed.ts'
import { aCertificate, callSecurely, CertificateFolder } from '../contract/ingress-certificates.ts'
import { FakeServer, IngressPlace } from './ingress-world.ts'

/** The options with which an operator puts the ingress at the edge of his network. */

let server: FakeServer
let place: IngressPlace
let folder: CertificateFolder
let web: App

beforeEach(async () => {
  server = new FakeServer()
  await server.start()
  place = await IngressPlace.make()
  folder = new CertificateFolder()
  web = await anApp('i-web')
  server.setTable([aBackend({ online: [anEndpoint(web)] })])
})

afterEach(async () => {
  await place.remove()
  await server.stop()
  folder.remove()
  await web.kill()
})

const tls = (): string[] => ['--tls-listen=127.0.0.1:0', `--certificates=${folder.path}`]

test('it serves by HTTPS, sends others there, and ends in order with TLS requests under way', async () => {
  folder.putPem('shop', aCertificate(['shop.localhost']))
  const { child, port, ports } = await place.start({ server, more: [...tls(), '--hsts=60'] })
  await server.applied(1)
  const { tlsPort = 0 } = ports
  const answer = await callSecurely(tlsPort)
  expect([answer.status, answer.headers['strict-transport-security']]).toEqual([200, 'max-age=60'])
  expect((await call(port)).headers.location).toBe(`https://shop.localhost:${tlsPort}/`)
  const slow = callSecurely(tlsPort, { headers: { 'x-do': 'slow' } })
  await until(() => web.arrivals.length === 2, 'it arrived')
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  expect((await slow).status).toBe(200)
  expect(await ended).toBe(0)
})

test('what cannot be served by HTTPS is refused at the start, with what to do', async () => {
  const [one, other] = [aCertificate(['shop.localhost']), aCertificate(['shop.localhost'])]
  folder.put('shop.pem', one.cert + other.key)
  const mixed = await place.start({ server, more: tls() })
  expect(mixed.exit).toBe(1)
  expect(mixed.errors).toContain("another certificate's")
  const half = await place.start({ server, more: ['--tls-listen=127.0.0.1:0'] })
  expect(half.errors).toContain('--certificates')
  const deny = await place.start({ server, more: ['--deny', '10.0.0.0/99'] })
  expect(deny.errors).toContain('neither an address nor a network')
})

test('it holds each client to what the options say', async () => {
  const more = ['--rate-limit=1/s', '--connections-per-client=50', '--body-limit=1KiB']
  const { port } = await place.start({ server, more: [...more, '--deny', '10.0.0.0/8', '::1'] })
  await server.applied(1)
  const body = Buffer.alloc(1_025)
  expect((await call(port, { method: 'POST', body })).status).toBe(413)
  const answers = await Promise.all(Array.from({ length: 30 }, () => call(port)))
  expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThan(10)
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(5)
})
