/** HTTP as every ingress driver must carry it; run by each (ingress-*.test.ts beside this file). */
import { randomBytes } from 'node:crypto'
import { createServer, request, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { IngressDriver } from '../../src/parts/ingress/driver.ts'
import type { Backend } from '../../src/parts/ingress/model.ts'
import {
  aBackend,
  anApp,
  anEndpoint,
  aRawApp,
  call,
  callRaw,
  countsOf,
  underWayOf,
  until,
  type App,
} from './ingress-bed.ts'
import { exactTraits, type DriverMaker, type DriverTraits } from './ingress-traits.ts'
import { freePort } from '../fixtures/free-port.ts'

export function describeIngressHttp(
  name: string,
  makeDriver: DriverMaker,
  traits: DriverTraits = exactTraits,
): void {
  describe(`${name} ingress, HTTP`, () => {
    const ends: (() => Promise<unknown>)[] = []
    afterEach(async () => {
      for (const end of ends.splice(0).toReversed()) await end()
    })

    async function open(backend: Backend): Promise<{ driver: IngressDriver; port: number }> {
      const driver = makeDriver({ answerMs: 20_000, holdMs: 500 })
      await driver.apply({ full: true, backends: [backend], removed: [] })
      const publicAddress = { host: '127.0.0.1', port: 0 }
      const { publicPort } = await driver.open({ publicAddress })
      ends.push(() => driver.close(0))
      return { driver, port: publicPort }
    }

    /** The public port of an ingress in front of one app. */
    async function before(app: App): Promise<{ driver: IngressDriver; port: number }> {
      ends.push(() => app.kill())
      return open(aBackend({ online: [anEndpoint(app)] }))
    }

    async function client(port: number): Promise<Socket> {
      const socket = connect(port, '127.0.0.1')
      ends.push(async () => socket.destroy())
      // An ingress that is closed at once may break it off.
      socket.on('error', () => {})
      await new Promise<void>((resolve) => socket.once('connect', resolve))
      return socket
    }

    describe('headers', () => {
      it('keeps those of the connection from going on, both ways', async () => {
        const answer = [
          'HTTP/1.1 200 OK',
          'Connection: x-secret, keep-alive',
          'X-Secret: 1',
          'Keep-Alive: timeout=5',
          'Set-Cookie: a=1',
          'Set-Cookie: b=2',
          'X-Latin: caf\xe9',
          'Content-Length: 2',
        ]
        const app = await aRawApp('i-raw', (socket) => {
          socket.write(`${answer.join('\r\n')}\r\n\r\nok`, 'latin1')
        })
        const { port } = await before(app)
        const text = await callRaw(
          port,
          'GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\n\r\n',
        )
        expect(text).not.toMatch(/x-secret/i)
        expect(text).toMatch(/Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Latin: caf\xe9\r\n/i)
      })

      it('tells the instance the host, the client and an id of the request', async () => {
        const { port } = await before(await anApp('i-web'))
        const seen = await rawHeadersSeen(port, {
          'x-forwarded-for': '6.6.6.6',
          'x-forwarded-proto': 'https',
          forwarded: 'for=6.6.6.6',
          te: 'trailers',
          'proxy-authorization': 'x',
        })
        expect(seen).toMatchObject({
          host: 'shop.localhost',
          'x-forwarded-for': '127.0.0.1',
          'x-forwarded-proto': 'http',
          'x-forwarded-host': 'shop.localhost',
          'x-request-id': expect.stringMatching(/^req-/),
        })
        for (const gone of ['te', 'forwarded', 'proxy-authorization']) {
          expect(seen).not.toHaveProperty(gone)
        }
        const named = await rawHeadersSeen(port, { 'x-request-id': 'mine' })
        expect(named['x-request-id']).toBe('mine')
      })

      it('adds to what the ingress before it said, where services call each other', async () => {
        const app = await anApp('i-web')
        ends.push(() => app.kill())
        const listener = { port: await freePort(), maintenancePort: await freePort() }
        await open(aBackend({ online: [anEndpoint(app)], listener }))
        const seen = await rawHeadersSeen(listener.port, {
          'x-forwarded-for': '1.2.3.4',
          'x-forwarded-host': 'shop.example',
          'x-forwarded-proto': 'https',
        })
        expect(seen).toMatchObject({
          'x-forwarded-for': '1.2.3.4, 127.0.0.1',
          'x-forwarded-host': 'shop.example',
          'x-forwarded-proto': 'https',
        })
      })
    })

    describe('bodies', () => {
      it('carries answers without a body as they are', async () => {
        const { port, driver } = await before(await anApp('i-web'))
        expect((await call(port, { method: 'HEAD' })).headers['content-length']).toBeDefined()
        const empty = await call(port, { headers: { 'x-do': 'empty' } })
        expect([empty.status, empty.text]).toEqual([204, ''])
        const app = await aRawApp('i-304', (socket) => {
          socket.write('HTTP/1.1 304 Not Modified\r\netag: "x"\r\ncontent-length: 10\r\n\r\n')
        })
        ends.push(() => app.kill())
        const backends = [aBackend({ online: [anEndpoint(app)] })]
        await driver.apply({ full: false, backends, removed: [] })
        const unchanged = await call(port)
        expect([unchanged.status, unchanged.headers.etag, unchanged.text]).toEqual([304, '"x"', ''])
      })

      it('carries bytes unchanged, in every size and framing', async () => {
        const app = createServer((req, res) => {
          res.writeHead(200, { 'x-framing': req.headers['transfer-encoding'] ?? 'length' })
          req.pipe(res)
        })
        await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
        ends.push(async () => app.close())
        const { port: appPort } = app.address() as AddressInfo
        const { port } = await open(
          aBackend({ online: [anEndpoint({ id: 'i-echo', port: appPort })] }),
        )
        for (const size of [1, 65_535, 65_536, 65_537, 3_000_000]) {
          const body = randomBytes(size)
          expect((await echo(port, 'POST', body, {})).equals(body)).toBe(true)
          const chunked = { 'transfer-encoding': 'chunked' }
          expect((await echo(port, 'PUT', body, chunked)).equals(body)).toBe(true)
        }
      })

      it('passes on each piece of a stream when it comes', async () => {
        const { port } = await before(await anApp('i-web'))
        const answer = await call(port, { headers: { 'x-do': 'stream' } })
        expect(answer.text).toBe('data: 1\n\ndata: 2\n\ndata: 3\n\n')
        expect(answer.piecesAt.length).toBe(3)
        expect((answer.piecesAt[2] ?? 0) - (answer.piecesAt[0] ?? 0)).toBeGreaterThan(25)
      })

      it('passes on the head of an answer before its body begins', async () => {
        const app = await aRawApp('i-slow', (socket) => {
          socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
        })
        const { port } = await before(app)
        const status = await new Promise<number | undefined>((resolve) => {
          const headers = { host: 'shop.localhost' }
          const req = request({ host: '127.0.0.1', port, headers, agent: false }, (res) => {
            resolve(res.statusCode)
            req.destroy()
          })
          req.on('error', () => {})
          req.end()
        })
        expect(status).toBe(200)
      })

      it('reads no more from an instance than the client takes', async () => {
        let written = 0
        const piece = Buffer.alloc(64 * 1024)
        const app = createServer((_req, res) => {
          const write = (): void => {
            let isTaken = !res.destroyed
            while (isTaken) {
              isTaken = res.write(piece)
              written += piece.length
            }
          }
          res.on('drain', write)
          res.on('error', () => {})
          write()
        })
        await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
        ends.push(
          async () => app.closeAllConnections(),
          async () => app.close(),
        )
        const { port: appPort } = app.address() as AddressInfo
        const { port } = await open(
          aBackend({ online: [anEndpoint({ id: 'i-flood', port: appPort })] }),
        )
        const socket = await client(port)
        socket.pause()
        socket.write('GET / HTTP/1.1\r\nhost: shop.localhost\r\n\r\n')
        await until(() => written > 0, 'it began')
        await sleep(300)
        // What the sockets of both hops hold: some MB, and then it stands still.
        const stood = written
        await sleep(200)
        expect(written).toBe(stood)
        expect(written).toBeLessThan(64 * 1024 * 1024)
      })

      it('asks for a body with 100 Continue only when an instance takes it', async () => {
        const { port } = await before(await anApp('i-web'))
        const invited = await client(port)
        let text = ''
        invited.on('data', (chunk) => {
          text += chunk.toString()
          if (text === 'HTTP/1.1 100 Continue\r\n\r\n') invited.write('hello')
        })
        invited.write(expectContinue('shop.localhost'))
        await until(() => text.includes('"bytes":5'), 'it was answered')
        expect(await callRaw(port, expectContinue('nobody.example'))).toMatch(/^HTTP\/1\.1 404 /)
      })

      it('gives an early answer to a client that is still sending', async () => {
        const app = await aRawApp('i-early', (socket) => {
          socket.write('HTTP/1.1 413 Payload Too Large\r\ncontent-length: 2\r\n\r\nno')
        })
        const { port } = await before(app)
        const socket = await client(port)
        let text = ''
        socket.on('data', (chunk) => (text += chunk.toString()))
        socket.write(
          'POST / HTTP/1.1\r\nhost: shop.localhost\r\ncontent-length: 900000\r\n\r\nbegin',
        )
        await until(() => text.includes('413') && text.endsWith('no'), 'it was answered')
        expect(text.toLowerCase()).toContain('connection: close')
      })

      it('gives up an upload whose client goes away', async () => {
        const { port, driver } = await before(await anApp('i-web'))
        const socket = await client(port)
        socket.write(
          'POST / HTTP/1.1\r\nhost: shop.localhost\r\ncontent-length: 900000\r\n\r\nbegin',
        )
        await until(async () => (await countsOf(driver)).sent === 1, 'it arrived')
        await sleep(20)
        socket.destroy()
        await until(async () => (await countsOf(driver)).clientAborted === 1, 'it was counted')
        expect((await countsOf(driver)).failed).toMatchObject({ reset: 0 })
      })
    })

    describe('tunnels', () => {
      it('carries WebSockets both ways, and counts one when it ends', async () => {
        const http = createServer()
        const sockets = new WebSocketServer({ server: http })
        // An ingress may reset the connection to the instance once the client has closed its own.
        http.on('connection', (socket) => socket.on('error', () => {}))
        sockets.on('connection', (socket) => {
          socket.on('error', () => {})
          socket.on('message', (data) => socket.send(data))
        })
        await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
        ends.push(async () => http.close())
        const { port: appPort } = http.address() as AddressInfo
        const { driver, port } = await open(
          aBackend({ online: [anEndpoint({ id: 'i-ws', port: appPort })] }),
        )
        const headers = { host: 'shop.localhost' }
        const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, { headers })
        await new Promise((resolve) => socket.once('open', resolve))
        for (const size of [1, 100_000, 2_000_000]) {
          const sent = randomBytes(size)
          const echoed = new Promise<Buffer>((resolve) => {
            socket.once('message', (data) => resolve(data as Buffer))
          })
          socket.send(sent)
          expect((await echoed).equals(sent)).toBe(true)
        }
        expect(underWayOf(await countsOf(driver))).toBe(1)
        await driver.apply({ full: true, backends: [aBackend()], removed: [] })
        expect((await driver.observe()).leaving).toEqual({ 'i-ws': 1 })
        socket.close()
        await until(async () => (await countsOf(driver)).answered === 1, 'it was counted')
        expect((await driver.observe()).leaving).toEqual({})
      })

      it('gives the client the answer of an instance that does not agree', async () => {
        const { driver, port } = await before(await anApp('i-web'))
        const text = await callRaw(port, upgradeRequest('x-do: refuse\r\n'))
        expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/)
        expect(text).toMatch(/nono$/)
        expect(await countsOf(driver)).toMatchObject({ sent: 1, answered: 1 })
      })

      it('takes the offer of HTTP/2 for the ordinary request that it is', async () => {
        const { port } = await before(await anApp('i-web'))
        const headers = {
          connection: 'Upgrade, HTTP2-Settings',
          upgrade: 'h2c',
          'http2-settings': 'x',
        }
        expect((await call(port, { headers })).status).toBe(200)
      })

      it('counts a tunnel that its instance breaks as failed, and cut when it was leaving', async () => {
        const app = await anApp('i-web')
        const { driver, port } = await before(app)
        const backend = aBackend({ online: [anEndpoint(app)] })
        for (const cause of ['reset', 'cut'] as const) {
          await driver.apply({ full: true, backends: [backend], removed: [] })
          const socket = await client(port)
          socket.on('error', () => {})
          const agreed = new Promise((resolve) => socket.once('data', resolve))
          socket.write(upgradeRequest(''))
          await agreed
          if (cause === 'cut')
            await driver.apply({ full: true, backends: [aBackend()], removed: [] })
          await app.kill()
          await until(async () => underWayOf(await countsOf(driver)) === 0, 'it has ended')
          expect((await countsOf(driver)).failed[cause]).toBe(1)
          await app.revive()
        }
      })
    })

    describe('the end', () => {
      it('lets requests under way end, and takes nothing new', async () => {
        const { driver, port } = await before(await anApp('i-web'))
        const slow = call(port, { headers: { 'x-do': 'slow' } })
        await until(async () => (await countsOf(driver)).sent === 1, 'it was sent')
        const closing = driver.close(5_000)
        if (!traits.closesAtOnce) await sleep(50)
        expect((await call(port)).status).toBe(0)
        expect((await slow).status).toBe(200)
        expect((await slow).headers.connection).toBe('close')
        await closing
      })

      it('cuts what has not ended in time, and counts it', async () => {
        const { driver, port } = await before(await anApp('i-web'))
        const hanging = call(port, { headers: { 'x-do': 'hang' } })
        await until(async () => (await countsOf(driver)).sent === 1, 'it was sent')
        await driver.close(100)
        expect((await hanging).status).not.toBe(200)
        expect((await countsOf(driver)).failed).toMatchObject({ cut: 1 })
      })
    })
  })
}

function expectContinue(host: string): string {
  return `POST / HTTP/1.1\r\nhost: ${host}\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n`
}

function upgradeRequest(headers: string): string {
  const fixed = 'host: shop.localhost\r\nconnection: Upgrade\r\nupgrade: echo\r\n'
  return `GET / HTTP/1.1\r\n${fixed}${headers}\r\n`
}

/** The headers that the app saw, by their lower-case names. */
async function rawHeadersSeen(
  port: number,
  headers: Record<string, string>,
): Promise<Record<string, string>> {
  const { raw } = JSON.parse((await call(port, { headers })).text) as { raw: string[] }
  const seen: Record<string, string> = {}
  for (let index = 0; index < raw.length; index += 2) {
    seen[raw[index]?.toLowerCase() ?? ''] = raw[index + 1] ?? ''
  }
  return seen
}

function echo(
  port: number,
  method: string,
  body: Buffer,
  headers: Record<string, string>,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const length = 'transfer-encoding' in headers ? {} : { 'content-length': body.length }
    const all = { host: 'shop.localhost', ...length, ...headers }
    const options = { host: '127.0.0.1', port, method, headers: all, agent: false }
    const req = request(options, (res: IncomingMessage) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.once('error', reject)
      res.once('end', () => resolve(Buffer.concat(chunks)))
    })
    req.on('error', reject)
    req.end(body)
  })
}
