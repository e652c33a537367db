/** What an ingress driver does when instances fail behind it (run by ingress-*.test.ts). */
import { type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { TableChange } from '../../src/parts/ingress/driver.ts'
import type { Backend } from '../../src/parts/ingress/model.ts'
import { aBackend, anEndpoint, call, countsOf, until } from './ingress-bed.ts'
import { exactTraits, type DriverMaker, type DriverTraits } from './ingress-traits.ts'
import { ingressBed } from './ingress-open.ts'
import { deadPort } from '../fixtures/free-port.ts'

export function describeIngressTrouble(
  name: string,
  makeDriver: DriverMaker,
  traits: DriverTraits = exactTraits,
): void {
  describe(`${name} ingress, trouble behind it`, () => {
    const { open, app, rawApp, keepAlive } = ingressBed(makeDriver)

    it('takes a request of any method elsewhere when no connection comes about', async () => {
      const web = await app('i-web')
      const dead = { id: 'i-dead', port: deadPort }
      const { driver, port } = await open([
        aBackend({ online: [anEndpoint(dead), anEndpoint(web)] }),
      ])
      for (const size of [0, 10, 1_000_000]) {
        const body = Buffer.alloc(size, 'x')
        const answer = await call(port, { method: 'POST', body })
        expect(answer.status).toBe(200)
        expect(JSON.parse(answer.text)).toMatchObject({ bytes: size })
      }
      const counts = await countsOf(driver)
      expect(counts).toMatchObject({ sent: 3, answered: 3 })
      // Once it had refused, it was passed over.
      expect(counts.retried).toBeLessThanOrEqual(1)
    })

    it('repeats what may be repeated when a connection breaks before the answer', async () => {
      const web = await app('i-web')
      const resets = await rawApp('i-resets', (socket) => socket.resetAndDestroy())
      const online = [anEndpoint(resets), anEndpoint(web)]
      const { driver, port } = await open([aBackend({ online })])
      for (let count = 0; count < 6; count++) expect((await call(port)).status).toBe(200)
      expect(await countsOf(driver)).toMatchObject({ sent: 6, answered: 6 })
      expect(resets.arrivals.length).toBeGreaterThan(0)
    })

    it('never repeats a POST that an instance may have read', async () => {
      const resets = await rawApp('i-resets', (socket) => socket.resetAndDestroy())
      const { driver, port } = await open([aBackend({ online: [anEndpoint(resets)] })])
      const answer = await call(port, { method: 'POST', body: 'pay' })
      expect(answer.status).toBe(502)
      expect(answer.headers['roadstead-failure']).toBe('reset')
      expect(resets.arrivals.length).toBe(1)
      expect((await countsOf(driver)).failed).toMatchObject({ reset: 1 })
      expect((await countsOf(driver, 'online', 'i-resets')).failed).toMatchObject({ reset: 1 })
    })

    it('gives up after a few attempts', async () => {
      const resets = await rawApp('i-resets', (socket) => socket.resetAndDestroy())
      const { port } = await open([aBackend({ online: [anEndpoint(resets)] })])
      expect((await call(port)).status).toBe(502)
      expect(resets.arrivals.length).toBe(traits.attempts)
    })

    it('breaks off an answer that broke off, and counts it', async () => {
      const web = await app('i-web')
      const { driver, port } = await open([aBackend({ online: [anEndpoint(web)] })])
      expect((await call(port, { headers: { 'x-do': 'midway' } })).status).toBe(0)
      expect(await countsOf(driver)).toMatchObject({ sent: 1, answered: 0, retried: 0 })
      expect((await countsOf(driver)).failed).toMatchObject({ reset: 1 })
    })

    it('fails no request of an app that closes each connection without a word', async () => {
      const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
      const rude = await rawApp('i-rude', (socket) => socket.end(answer))
      const { driver, port } = await open([aBackend({ online: [anEndpoint(rude)] })])
      const clients = Array.from({ length: 8 }, async (_, client) => {
        const agent = keepAlive()
        for (let count = 0; count < 40; count++) {
          const request = (client + count) % 2 === 0 ? {} : { method: 'POST', body: 'x' }
          expect((await call(port, { agent, ...request })).status).toBe(200)
        }
      })
      await Promise.all(clients)
      expect(await countsOf(driver)).toMatchObject({ sent: 320, answered: 320 })
    })

    it('fails no request of an app that keeps connections for a moment only', async () => {
      const answer = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
      const hasty = await rawApp('i-hasty', (socket) => {
        socket.write(answer)
        setTimeout(() => socket.destroy(), 5)
      })
      const { port } = await open([aBackend({ online: [anEndpoint(hasty)] })])
      const agent = keepAlive()
      for (let count = 0; count < 40; count++) {
        const request = count % 2 === 0 ? {} : { method: 'POST', body: 'x' }
        expect((await call(port, { agent, ...request })).status).toBe(200)
        await sleep(count % 10)
      }
    })

    it('never sends a POST over a connection that its instance may be closing', async () => {
      const used = new Set<Socket>()
      const once = await rawApp('i-once', (socket) => {
        // Closed as soon as idle: whatever comes over it a second time finds nobody.
        if (used.has(socket)) return void socket.resetAndDestroy()
        used.add(socket)
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
      })
      const { port } = await open([aBackend({ online: [anEndpoint(once)] })])
      for (let count = 0; count < 10; count++) {
        const request = count % 2 === 0 ? {} : { method: 'POST', body: 'x' }
        expect((await call(port, request)).status).toBe(200)
      }
    })

    it.runIf(traits.reusesWhenTold)(
      'reuses a connection for a POST when its instance says how long it keeps one',
      async () => {
        const used = new Set<Socket>()
        const keeps = await rawApp('i-keeps', (socket) => {
          used.add(socket)
          socket.write('HTTP/1.1 200 OK\r\nkeep-alive: timeout=5\r\ncontent-length: 2\r\n\r\nok')
        })
        const { port } = await open([aBackend({ online: [anEndpoint(keeps)] })])
        for (let count = 0; count < 10; count++) {
          expect((await call(port, { method: 'POST', body: 'x' })).status).toBe(200)
        }
        // The first was sent before the instance had said anything.
        expect(used.size).toBe(2)
      },
    )

    it('lets requests wait while the only instance is started again', async () => {
      const web = await app('i-web')
      const { driver, port } = await open([aBackend({ online: [anEndpoint(web)] })])
      expect((await call(port)).status).toBe(200)
      await web.kill()
      const held = Array.from({ length: 10 }, (_, count) =>
        call(port, count % 2 === 0 ? {} : { method: 'POST', body: 'x' }),
      )
      await sleep(400)
      await web.revive()
      for (const answer of await Promise.all(held)) expect(answer.status).toBe(200)
      expect(await countsOf(driver)).toMatchObject({ sent: 11, answered: 11 })
    })

    it('lets requests wait while the pool is empty, and goes on as soon as it is not', async () => {
      const web = await app('i-web')
      const { driver, port } = await open([aBackend()])
      const held = call(port, { method: 'POST', body: 'x' })
      await until(async () => (await countsOf(driver)).sent === 1, 'it waits')
      await driver.apply(part([aBackend({ online: [anEndpoint(web)] })]))
      expect((await held).status).toBe(200)
    })

    it('answers 503 with Retry-After when nobody comes', async () => {
      const dead = { id: 'i-dead', port: deadPort }
      const { driver, port } = await open([aBackend()], { holdMs: 100 })
      const none = await call(port)
      expect([none.status, none.headers['retry-after']]).toEqual([503, '1'])
      expect(none.headers['roadstead-failure']).toBe('noServer')
      await driver.apply(part([aBackend({ online: [anEndpoint(dead)] })]))
      const refused = await call(port)
      expect(refused.status).toBe(503)
      expect(refused.headers['roadstead-failure']).toBe('refused')
      expect((await countsOf(driver)).failed).toMatchObject({ noServer: 1, refused: 1 })
    })

    it('gives an instance that says nothing up after its time, and does not ask another', async () => {
      const [a, b] = [await app('i-a'), await app('i-b')]
      const online = [anEndpoint(a), anEndpoint(b)]
      const { driver, port } = await open([aBackend({ online })], { answerMs: 1_500 })
      const answer = await call(port, { headers: { 'x-do': 'hang' } })
      expect(answer.status).toBe(504)
      expect(a.arrivals.length + b.arrivals.length).toBe(1)
      expect((await countsOf(driver)).failed).toMatchObject({ timedOut: 1 })
    })

    it('counts what breaks because a leaving instance was stopped as cut', async () => {
      const [a, b] = [await app('i-a'), await app('i-b')]
      const backend = aBackend({ online: [anEndpoint(a)] })
      const { driver, port } = await open([backend])
      const post = call(port, { method: 'POST', headers: { 'x-do': 'slow' } })
      await until(() => a.arrivals.length === 1, 'it arrived')
      await driver.apply(part([{ ...backend, online: [anEndpoint(b)] }]))
      await a.kill()
      expect((await post).headers['roadstead-failure']).toBe('cut')
      expect((await countsOf(driver)).failed).toMatchObject({ cut: 1, reset: 0 })
    })
  })
}

function part(backends: readonly Backend[]): TableChange {
  return { full: false, backends, removed: [] }
}
