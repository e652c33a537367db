/** One client and all others: what every ingress driver must hold one to (ingress-*.test.ts). */
import { Agent, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { IngressDriver, Shield } from '../../src/parts/ingress/driver.ts'
import { aBackend, anEndpoint, call, callRaw, countsOf, type Answer } from './ingress-bed.ts'
import { anyPort, ingressBed, type OpenIngress } from './ingress-open.ts'
import type { DriverMaker } from './ingress-traits.ts'

/** All of 127.0.0.0/8 is this machine: customers come from the first, whoever attacks from the second. */
const [customer, attacker] = ['127.0.0.1', '127.0.0.2']

export function describeIngressShield(name: string, makeDriver: DriverMaker): void {
  describe(`${name} ingress, shield`, () => {
    const bed = ingressBed(makeDriver)

    async function open(shield: Shield): Promise<OpenIngress> {
      const backend = aBackend({ online: [anEndpoint(await bed.app('i-web'))] })
      return bed.open([backend], { shield, privateAddress: anyPort })
    }

    /** A connection from an address, and whether it was closed by the ingress. */
    function connection(port: number, from: string): { socket: Socket; isClosed: () => boolean } {
      const socket = connect({ host: '127.0.0.1', port, localAddress: from })
      let isClosed = false
      socket.on('error', () => {})
      socket.on('close', () => (isClosed = true))
      socket.resume()
      bed.atEnd(async () => socket.destroy())
      return { socket, isClosed: () => isClosed }
    }

    describe('requests of one address', () => {
      it('are refused beyond its rate, and say when to come again', async () => {
        const { port, driver } = await open({ requestsPerSecond: 2 })
        const answers = await callsFrom(attacker, port, 60)
        const refused = answers.filter(({ status }) => status !== 200)
        // Twenty in ten seconds, and what the seconds of this test add to that.
        expect(answers.length - refused.length).toBeGreaterThanOrEqual(18)
        expect(refused.length).toBeGreaterThanOrEqual(20)
        for (const { status, headers } of refused) {
          expect([status, headers['roadstead-failure']]).toEqual([429, 'shield'])
          expect(Number(headers['retry-after'])).toBeGreaterThan(0)
        }
        const { sent, answered } = await countsOf(driver)
        expect([sent, answered]).toEqual([answers.length - refused.length, sent])
      })

      it('are none of another’s concern', async () => {
        const { port } = await open({ requestsPerSecond: 2 })
        await callsFrom(attacker, port, 60)
        const answers = await callsFrom(customer, port, 10)
        expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200))
      })

      it('are not counted where nobody asks for it', async () => {
        const { port } = await open({})
        const answers = await callsFrom(attacker, port, 200)
        expect(answers.filter(({ status }) => status !== 200)).toEqual([])
      })
    })

    it('answers addresses and networks on its list with 403, and nobody else', async () => {
      const { port, driver } = await open({ deny: ['127.0.0.2', '127.0.1.0/24', '2001:db8::/32'] })
      for (const from of [attacker, '127.0.1.77']) {
        const [answer] = await callsFrom(from, port, 1)
        expect([answer?.status, answer?.headers['roadstead-failure']]).toEqual([403, 'shield'])
      }
      for (const from of [customer, '127.0.0.3', '127.0.2.1']) {
        expect((await callsFrom(from, port, 1))[0]?.status).toBe(200)
      }
      expect((await countsOf(driver)).sent).toBe(3)
    })

    it('refuses to open with a list that it does not understand', async () => {
      for (const entry of ['example.org', '10.0.0.0/33', '10.0.0', '10.0.0.0/8/8', '::/129', '']) {
        const driver: IngressDriver = makeDriver({ answerMs: 1_000, holdMs: 1_000 })
        bed.atEnd(() => driver.close(0))
        const opened = driver.open({ publicAddress: anyPort, shield: { deny: [entry] } })
        await expect(opened).rejects.toMatchObject({ name: 'Refusal', code: 'deny-invalid' })
      }
    })

    it('closes connections beyond those that one address may have', async () => {
      const { port } = await open({ connectionsPerClient: 5 })
      const mine = Array.from({ length: 5 }, () => connection(port, attacker))
      // What has had an answer is counted; a connection is open before the ingress has looked at it.
      for (const { socket } of mine) {
        socket.write('GET / HTTP/1.1\r\nhost: shop.localhost\r\n\r\n')
        await once(socket, 'data')
      }
      expect((await callsFrom(attacker, port, 3)).map(({ status }) => status)).toEqual([0, 0, 0])
      expect(mine.map(({ isClosed }) => isClosed())).toEqual([false, false, false, false, false])
      expect((await callsFrom(customer, port, 3)).map(({ status }) => status)).toEqual([
        200, 200, 200,
      ])
      for (const { socket } of mine) socket.destroy()
      await sleep(50)
      expect((await callsFrom(attacker, port, 1))[0]?.status).toBe(200)
    })

    it('keeps nobody off a private address', async () => {
      const { ports } = await open({ requestsPerSecond: 1, deny: [attacker] })
      const answers = await callsFrom(attacker, ports.privatePort ?? 0, 30)
      // No private route is there: but that is another answer.
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]))
    })

    it('refuses a body that is larger than it may be before reading it', async () => {
      const { port, driver } = await open({ bodyBytesMax: 100_000 })
      const head = 'POST / HTTP/1.1\r\nhost: shop.localhost\r\n'
      const answer = await callRaw(port, `${head}content-length: 100001\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 413 /)
      const fits = await call(port, { method: 'POST', body: Buffer.alloc(100_000) })
      expect(fits.status).toBe(200)
      expect(await countsOf(driver)).toMatchObject({ sent: 1, answered: 1 })
    })

    it('serves customers without a failure through a flood and a slow loris', async () => {
      const { port, driver } = await open({ requestsPerSecond: 5, connectionsPerClient: 200 })
      const lorises = Array.from({ length: 400 }, () => connection(port, attacker))
      for (const { socket } of lorises) socket.write('GET / HTTP/1.1\r\nhost: shop.localhost\r\nx-')
      let isOver = false
      const flood: Answer[] = []
      const floods = Array.from({ length: 4 }, async () => {
        while (!isOver) flood.push(...(await callsFrom('127.0.0.3', port, 25)))
      })
      const answers: Answer[] = []
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      for (let made = 0; made < 45; made++) {
        for (const { socket } of lorises) if (!socket.destroyed) socket.write('a')
        answers.push(await call(port, made % 3 === 0 ? { method: 'POST', body: 'x' } : { agent }))
      }
      isOver = true
      await Promise.all(floods)
      agent.destroy()
      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
      expect(flood.filter(({ status }) => status === 429).length).toBeGreaterThan(0)
      expect(lorises.filter(({ isClosed }) => isClosed()).length).toBeGreaterThanOrEqual(200)
      const { failed } = await countsOf(driver)
      expect(failed).toMatchObject({ noServer: 0, refused: 0, reset: 0, timedOut: 0, cut: 0 })
    })
  })
}

function once(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => socket.once(event, () => resolve()))
}

/** Calls one after the other from an address of this machine; a closed connection is the status 0. */
async function callsFrom(from: string, port: number, count: number): Promise<Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, localAddress: from })
  const answers: Answer[] = []
  for (let made = 0; made < count; made++) {
    answers.push(
      await new Promise((resolve) => {
        const none = (): void => resolve({ status: 0, headers: {}, text: '', piecesAt: [] })
        const options = { host: '127.0.0.1', port, agent, headers: { host: 'shop.localhost' } }
        const req = request({ ...options, localAddress: from })
        req.on('error', none)
        req.on('response', (res) => {
          res.resume().on('error', none)
          res.on('end', () => {
            const { statusCode: status = 0, headers } = res
            resolve({ status, headers, text: '', piecesAt: [] })
          })
        })
        req.end()
      }),
    )
  }
  agent.destroy()
  return answers
}
