/** What every ingress driver must do; run by each implementation (ingress-*.test.ts beside this). */
import { createServer as createRawServer, connect } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { TableChange } from '../../src/parts/ingress/driver.ts'
import type { Backend } from '../../src/parts/ingress/model.ts'
import {
  aBackend,
  anEndpoint,
  call,
  callRaw,
  countsOf,
  underWayOf,
  until,
  type App,
} from './ingress-bed.ts'
import { exactTraits, type DriverMaker, type DriverTraits } from './ingress-traits.ts'
import { ingressBed } from './ingress-open.ts'
import { freePort } from '../fixtures/free-port.ts'

export function describeIngressDriver(
  name: string,
  makeDriver: DriverMaker,
  traits: DriverTraits = exactTraits,
): void {
  describe(`${name} ingress`, () => {
    const bed = ingressBed(makeDriver)
    const { open, app, keepAlive } = bed

    describe('routes', () => {
      it('leads a host and path to the longest route that is a prefix by segments', async () => {
        const [web, api] = [await app('i-web'), await app('i-api')]
        const { port } = await open([
          aBackend({ online: [anEndpoint(web)] }),
          aBackend({
            id: 'local/default/shop/api',
            route: { host: 'shop.localhost', path: '/api', expose: 'public' },
            online: [anEndpoint(api)],
          }),
        ])
        const served = async (path: string): Promise<unknown> =>
          (await call(port, { path })).headers['x-served-by']
        for (const path of ['/api', '/api/', '/api/x', '/api?y', '//api', '/./api', '/%61pi']) {
          expect([path, await served(path)]).toEqual([path, 'i-api'])
        }
        for (const path of ['/x/../api/y', '/x/%2e%2e/api', '/x\\..\\api', '/x/%2E./api']) {
          expect([path, await served(path)]).toEqual([path, 'i-api'])
        }
        for (const path of ['/', '/apis', '/x/api', '/api/../x', '/%2fapi', '/api%2fx']) {
          expect([path, await served(path)]).toEqual([path, 'i-web'])
        }
      })

      it('forwards the path as the client wrote it', async () => {
        const web = await app('i-web')
        const { port } = await open([aBackend({ online: [anEndpoint(web)] })])
        const path = traits.isStrictOnTargets ? '/a//b/%2e%2e/c?q=%20' : '/a//b/%2e%2e/c?q=%20#'
        await call(port, { path })
        expect(web.arrivals).toEqual([`GET ${path}`])
      })

      it('knows a host in any case, with a port and with a trailing dot', async () => {
        const web = await app('i-web')
        const { port } = await open([aBackend({ online: [anEndpoint(web)] })])
        for (const host of ['SHOP.localhost', 'shop.localhost:8080', 'shop.localhost.']) {
          expect((await call(port, { host })).status).toBe(200)
        }
      })

      it('says so in plain text when no app has the host', async () => {
        const { port, driver } = await open([aBackend()])
        const answer = await call(port, { host: 'other.example' })
        expect(answer.status).toBe(404)
        expect(answer.headers['content-type']).toContain('text/plain')
        expect(answer.text).toContain('no app has a route for the host other.example')
        expect((await countsOf(driver)).sent).toBe(0)
      })

      it('serves unknown hosts as the default host', async () => {
        const web = await app('i-web')
        const backend = aBackend({ online: [anEndpoint(web)] })
        const { port } = await open([backend], { defaultHost: 'shop.localhost' })
        expect((await call(port, { host: '127.0.0.1:8080' })).status).toBe(200)
      })

      it('keeps private routes off the public port', async () => {
        const web = await app('i-web')
        const route = { host: 'shop.localhost', path: '/', expose: 'private' }
        const { port } = await open([aBackend({ route, online: [anEndpoint(web)] })])
        expect((await call(port)).status).toBe(404)
      })

      it('refuses what two readers could read differently', async () => {
        const web = await app('i-web')
        const { port } = await open([aBackend({ online: [anEndpoint(web)] })])
        const bad = [
          'GET / HTTP/1.1\r\nhost: shop.localhost\r\nhost: b\r\n\r\n',
          'GET / HTTP/1.1\r\n\r\n',
          'GET / HTTP/1.1\r\nhost : shop.localhost\r\n\r\n',
          'POST / HTTP/1.1\r\nhost: shop.localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na',
          'POST / HTTP/1.1\r\nhost: shop.localhost\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n',
          'OPTIONS * HTTP/1.1\r\nhost: shop.localhost\r\n\r\n',
        ]
        for (const bytes of bad) expect(await callRaw(port, bytes)).toMatch(/^HTTP\/1\.1 400 /)
        expect(web.arrivals).toEqual([])
      })

      it('does not let the length of a chunked request be read in two ways', async () => {
        const web = await app('i-web')
        const { port } = await open([aBackend({ online: [anEndpoint(web)] })])
        const both =
          'POST / HTTP/1.1\r\nhost: shop.localhost\r\ncontent-length: 4\r\n' +
          'transfer-encoding: chunked\r\n\r\n0\r\n\r\n'
        const answer = await callRaw(port, both)
        if (!traits.mendsFraming) {
          expect(answer).toMatch(/^HTTP\/1\.1 400 /)
          return expect(web.arrivals).toEqual([])
        }
        // That the answer ended says that the connection was closed: nothing can hide behind it.
        expect(answer).toMatch(/^HTTP\/1\.1 200 /)
        expect(answer.slice(answer.indexOf('{')).toLowerCase()).not.toContain('content-length')
      })

      it('takes a whole URL as target for what it says', async () => {
        const web = await app('i-web')
        const { port } = await open([aBackend({ online: [anEndpoint(web)] })])
        const ask = (host: string): Promise<string> =>
          callRaw(
            port,
            `GET http://shop.localhost/abs?x HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
          )
        expect(await ask('shop.localhost')).toMatch(/^HTTP\/1\.1 200 /)
        expect(await ask('b')).toMatch(traits.isStrictOnTargets ? /^HTTP\/1\.1 400 / : / 200 /)
        const served = traits.isStrictOnTargets ? 1 : 2
        expect(web.arrivals).toEqual(Array.from({ length: served }, () => 'GET /abs?x'))
      })

      it('refuses headers that are too large', async () => {
        const web = await app('i-web')
        const { port } = await open([aBackend({ online: [anEndpoint(web)] })])
        expect((await call(port, { headers: { x: 'y'.repeat(20_000) } })).status).toBe(200)
        expect((await call(port, { headers: { x: 'y'.repeat(40_000) } })).status).toBe(
          traits.answersLargeHeaders ? 431 : 400,
        )
      })
    })

    describe('pools', () => {
      it('gives customers the online pool, and each listener port its own', async () => {
        const [online, maintenance] = [await app('i-online'), await app('i-maintenance')]
        const [first, second] = [await freePort(), await freePort()]
        const { port, driver } = await open([
          aBackend({
            online: [anEndpoint(online)],
            maintenance: [anEndpoint(maintenance)],
            listener: { port: first, maintenancePort: second },
          }),
        ])
        expect((await call(port)).headers['x-served-by']).toBe('i-online')
        expect((await call(first, { host: 'any' })).headers['x-served-by']).toBe('i-online')
        expect((await call(second)).headers['x-served-by']).toBe('i-maintenance')
        expect((await countsOf(driver)).sent).toBe(2)
        expect((await countsOf(driver, 'maintenance')).sent).toBe(1)
        expect((await countsOf(driver, 'maintenance', 'i-maintenance')).answered).toBe(1)
      })

      it('shares requests out among ready instances, and leaves the others alone', async () => {
        const apps = await Promise.all(['i-a', 'i-b', 'i-c'].map((id) => app(id)))
        const [a, b, c] = apps as [App, App, App]
        const online = [anEndpoint(a), anEndpoint(b), anEndpoint(c, { ready: false })]
        const { port } = await open([aBackend({ online })])
        for (let count = 0; count < 20; count++) await call(port)
        expect(a.arrivals.length + b.arrivals.length).toBe(20)
        expect(Math.abs(a.arrivals.length - 10)).toBeLessThanOrEqual(traits.unevenBy)
        expect(c.arrivals).toEqual([])
      })

      it('prefers the instance with the least under way', async () => {
        const [a, b] = [await app('i-a'), await app('i-b')]
        const { port } = await open([aBackend({ online: [anEndpoint(a), anEndpoint(b)] })])
        const slow = call(port, { headers: { 'x-do': 'slow' } })
        await until(() => a.arrivals.length + b.arrivals.length === 1, 'the slow one arrived')
        const busy = a.arrivals.length === 1 ? a : b
        for (let count = 0; count < 6; count++) await call(port)
        expect(busy.arrivals.length).toBe(1)
        await slow
      })

      it('uses instances that are not ready when no other is left', async () => {
        const web = await app('i-web')
        const online = [anEndpoint(web, { ready: false })]
        const { port } = await open([aBackend({ online })])
        expect((await call(port)).status).toBe(200)
      })

      it('opens and closes listeners as the table says, and tells of a port in use', async () => {
        const web = await app('i-web')
        const squatter = createRawServer()
        await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
        const taken = (squatter.address() as { port: number }).port
        const free = await freePort()
        const listener = { port: taken, maintenancePort: free }
        const backend = aBackend({ online: [anEndpoint(web)], listener })
        const { driver } = await open([backend])
        const { troubles } = await driver.observe()
        expect(troubles).toEqual([{ port: taken, because: expect.stringContaining('taken') }])
        await new Promise((resolve) => squatter.close(resolve))
        await until(
          async () => (await driver.observe()).troubles.length === 0,
          'it was tried again',
        )
        expect((await call(taken)).status).toBe(200)
        await driver.apply(part([{ ...backend, listener: null }]))
        expect((await call(taken)).status).toBe(0)
      })
    })

    describe('changes', () => {
      it('sends an instance that left its pool nothing more, from the instant of apply', async () => {
        const [a, b] = [await app('i-a'), await app('i-b')]
        const backend = aBackend({ online: [anEndpoint(a)] })
        const { driver, port } = await open([backend])
        const agents = Array.from({ length: 8 }, keepAlive)
        const over = new AbortController()
        const clients = agents.map(async (agent) => {
          while (!over.signal.aborted) expect((await call(port, { agent })).status).toBe(200)
        })
        for (let round = 0; round < 30; round++) {
          const [from, to] = round % 2 === 0 ? [a, b] : [b, a]
          await sleep(2)
          await driver.apply(part([{ ...backend, online: [anEndpoint(to)] }]))
          // What was written before the change may still be on its way through the loopback.
          await until(async () => !(from.id in (await driver.observe()).leaving), 'it is idle')
          const arrived = from.arrivals.length
          await sleep(3)
          expect(from.arrivals.length).toBe(arrived)
        }
        over.abort()
        await Promise.all(clients)
      })

      it.runIf(traits.movesUnsent)(
        'moves a request that waits for its connection when its instance leaves',
        async () => {
          const [a, b] = [await app('i-a'), await app('i-b')]
          const backend = aBackend({ online: [anEndpoint(a)] })
          const { driver, port } = await open([backend])
          for (let round = 1; round <= 10; round++) {
            await driver.apply(part([aBackend({ online: [anEndpoint(a)] })]))
            const sent = call(port, { method: 'POST', body: Buffer.alloc(100_000) })
            // The request is in; its connection needs at least one more turn of the loop.
            while ((await countsOf(driver)).sent < round) await nextTurn()
            await driver.apply(part([{ ...backend, online: [anEndpoint(b)] }]))
            expect((await sent).headers['x-served-by']).toBe('i-b')
          }
          expect(a.arrivals).toEqual([])
          expect((await countsOf(driver)).retried).toBe(0)
        },
      )

      it('lets requests under way end, tells how many, and says when there are none', async () => {
        const [a, b] = [await app('i-a'), await app('i-b')]
        const backend = aBackend({ online: [anEndpoint(a)] })
        const { driver, port } = await open([backend])
        const slow = call(port, { headers: { 'x-do': 'slow' } })
        await until(() => a.arrivals.length === 1, 'it arrived')
        let news = 0
        driver.onNews(() => news++)
        await driver.apply(part([{ ...backend, online: [anEndpoint(b)] }]))
        expect((await driver.observe()).leaving).toEqual({ 'i-a': 1 })
        expect(news).toBe(0)
        expect((await slow).headers['x-served-by']).toBe('i-a')
        await until(() => news === 1, 'the instance is idle')
        expect((await driver.observe()).leaving).toEqual({})
      })

      it('keeps the connections of clients through every change', async () => {
        const [a, b] = [await app('i-a'), await app('i-b')]
        const backend = aBackend({ online: [anEndpoint(a)] })
        const { driver, port } = await open([backend])
        const socket = connect(port, '127.0.0.1')
        bed.atEnd(async () => socket.destroy())
        const ask = async (): Promise<string> => {
          const answered = new Promise<string>((resolve) =>
            socket.once('data', (chunk) => resolve(chunk.toString())),
          )
          socket.write('GET / HTTP/1.1\r\nhost: shop.localhost\r\n\r\n')
          return answered
        }
        for (const to of [a, b, a]) {
          await driver.apply(full([{ ...backend, online: [anEndpoint(to)] }]))
          expect(await ask()).toContain(`x-served-by: ${to.id}`)
        }
        await driver.apply(full([]))
        expect(await ask()).toContain('404')
      })

      it('forgets what is removed, and what a full table does not name', async () => {
        const web = await app('i-web')
        const one = aBackend({ online: [anEndpoint(web)] })
        const other = aBackend({
          id: 'local/default/blog/web',
          route: { host: 'blog.localhost', path: '/', expose: 'public' },
          online: [anEndpoint({ id: 'i-other', port: web.port })],
        })
        const { driver, port } = await open([one, other])
        await driver.apply({ full: false, backends: [], removed: [one.id] })
        expect((await call(port)).status).toBe(404)
        expect((await call(port, { host: 'blog.localhost' })).status).toBe(200)
        await driver.apply(full([one]))
        expect((await call(port)).status).toBe(200)
        expect((await call(port, { host: 'blog.localhost' })).status).toBe(404)
      })
    })

    describe('counts', () => {
      it("counts the app's own 5xx as answered", async () => {
        const web = await app('i-web')
        const { driver, port } = await open([aBackend({ online: [anEndpoint(web)] })])
        expect((await call(port, { headers: { 'x-do': 'fail' } })).status).toBe(500)
        expect(await countsOf(driver)).toMatchObject({ sent: 1, answered: 1, appErrors: 1 })
      })

      it('counts a client that goes away as nobody’s failure, and gives its instance free', async () => {
        const web = await app('i-web')
        const { driver, port } = await open([aBackend({ online: [anEndpoint(web)] })])
        await call(port, { headers: { 'x-do': 'hang' }, leaveAfterMs: 50 })
        await until(async () => (await countsOf(driver)).clientAborted === 1, 'it was counted')
        expect(underWayOf(await countsOf(driver))).toBe(0)
        await driver.apply(part([aBackend()]))
        expect((await driver.observe()).leaving).toEqual({})
      })

      it('records the latency of each answer once', async () => {
        const web = await app('i-web')
        const { driver, port } = await open([aBackend({ online: [anEndpoint(web)] })])
        await call(port, { headers: { 'x-do': 'slow' } })
        await call(port)
        const { latency } = await countsOf(driver)
        expect(latency.reduce((sum, count) => sum + count, 0)).toBe(2)
        // 200 ms lies in the buckets from 0.2 x 1.15^49 on.
        expect(latency.slice(48, 56).reduce((sum, count) => sum + count, 0)).toBe(1)
      })
    })
  })
}

function full(backends: readonly Backend[]): TableChange {
  return { full: true, backends, removed: [] }
}

function part(backends: readonly Backend[]): TableChange {
  return { full: false, backends, removed: [] }
}
