/** HTTP/2 as every ingress driver must carry it; run by each (ingress-*.test.ts beside this file). */
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import {
  aBackend,
  anEndpoint,
  aRawApp,
  callRaw,
  countsOf,
  underWayOf,
  until,
  type App,
} from './ingress-bed.ts'
import { aCertificate, callSecurely, CertificateFolder } from './ingress-certificates.ts'
import { anyPort, ingressBed, type OpenIngress } from './ingress-open.ts'
import { exactTraits, type DriverMaker, type DriverTraits } from './ingress-traits.ts'

const certificate = aCertificate(['shop.localhost'])

interface Answer {
  /** 0: there was none, or it broke off. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export function describeIngressHttp2(
  name: string,
  makeDriver: DriverMaker,
  traits: DriverTraits = exactTraits,
): void {
  describe(`${name} ingress, HTTP/2`, () => {
    const bed = ingressBed(makeDriver)

    async function before(
      app: App,
      bodyBytesMax?: number,
    ): Promise<OpenIngress & { readonly session: ClientHttp2Session }> {
      bed.atEnd(() => app.kill())
      const folder = new CertificateFolder()
      folder.putPem('shop', certificate)
      bed.atEnd(async () => folder.remove())
      const opened = await bed.open([aBackend({ online: [anEndpoint(app)] })], {
        tls: { address: anyPort, certificates: folder.path, redirect: true, hstsSeconds: 60 },
        shield: { bodyBytesMax },
      })
      return { ...opened, session: sessionTo(opened.ports.tlsPort ?? 0) }
    }

    function sessionTo(port: number): ClientHttp2Session {
      const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
      session.on('error', () => {})
      bed.atEnd(async () => session.destroy())
      return session
    }

    it('is what a client gets that asks for it, beside those that do not', async () => {
      const { session, ports } = await before(await bed.app('i-web'))
      const answer = await ask(session)
      expect([answer.status, answer.headers['x-served-by']]).toEqual([200, 'i-web'])
      expect(answer.headers['strict-transport-security']).toBe('max-age=60')
      expect(session.alpnProtocol).toBe('h2')
      expect((await callSecurely(ports.tlsPort ?? 0)).status).toBe(200)
    })

    it('tells the instance what HTTP/1.1 would have told it', async () => {
      const { session } = await before(await bed.app('i-web'))
      const { text } = await ask(session, {
        headers: { cookie: 'a=b; c=d', 'x-forwarded-for': '10.9.8.7', 'x-mine': 'yes' },
      })
      const { raw } = JSON.parse(text) as { raw: string[] }
      const all = (header: string): (string | undefined)[] =>
        raw.flatMap((part, index) =>
          index % 2 === 0 && part.toLowerCase() === header ? [raw[index + 1]] : [],
        )
      expect(all('host')).toEqual(['shop.localhost'])
      expect(all('cookie')).toEqual(['a=b; c=d'])
      expect(all('x-mine')).toEqual(['yes'])
      expect(all('x-forwarded-proto')).toEqual(['https'])
      expect(all('x-forwarded-for')).toEqual(['127.0.0.1'])
      expect(raw.filter((part) => part.startsWith(':'))).toEqual([])
    })

    it('gives the client every header of an answer but those of the connection', async () => {
      const head =
        'HTTP/1.1 200 Fine\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n' +
        'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Two: 1\r\nX-Two: 2\r\nContent-Length: 2\r\n\r\nok'
      const app = await aRawApp('i-raw', (socket) => void socket.write(head))
      const { session } = await before(app)
      const { headers, text } = await ask(session)
      expect([headers['set-cookie'], headers['x-two'], text]).toEqual([
        ['a=1', 'b=2'],
        '1, 2',
        'ok',
      ])
      expect(headers).not.toHaveProperty('connection')
      expect(headers).not.toHaveProperty('keep-alive')
    })

    it('carries bodies of every size both ways, whether their length is told or not', async () => {
      const { session, driver } = await before(await bed.app('i-web'))
      let sent = 0
      for (const size of [0, 1, 10_000, 65_536, 65_537, 1_000_000]) {
        for (const told of [true, false]) {
          const headers: Record<string, string> = told ? { 'content-length': String(size) } : {}
          const body = Buffer.alloc(size, 'x')
          const { status, text } = await ask(session, { method: 'POST', body, headers })
          expect([status, JSON.parse(text)]).toMatchObject([200, { bytes: size }])
          sent++
        }
      }
      const big = await ask(session, { headers: { 'x-do': 'big' } })
      expect(big.text.length).toBe(8 * 1024 * 1024)
      expect(await countsOf(driver)).toMatchObject({ sent: sent + 1, answered: sent + 1 })
    })

    it('carries answers without a body', async () => {
      const { session, driver } = await before(await bed.app('i-web'))
      const head = await ask(session, { method: 'HEAD' })
      expect([head.status, head.text]).toEqual([200, ''])
      expect(Number(head.headers['content-length'])).toBeGreaterThan(0)
      expect((await ask(session, { headers: { 'x-do': 'empty' } })).status).toBe(204)
      const lost = await ask(session, { method: 'HEAD', host: 'other.example' })
      expect(lost.status).toBe(404)
      expect(await countsOf(driver)).toMatchObject({ sent: 2, answered: 2 })
    })

    it('carries many requests at a time on one connection, through every change', async () => {
      const [a, b] = [await bed.app('i-a'), await bed.app('i-b')]
      const { session, driver, change } = await before(a)
      const answers: Promise<Answer>[] = []
      for (let round = 0; round < 20; round++) {
        for (let count = 0; count < 10; count++) {
          const post = { method: 'POST', body: Buffer.alloc(count * 10_000) }
          answers.push(ask(session, count % 2 === 0 ? {} : post))
        }
        await change(aBackend({ online: [anEndpoint(round % 2 === 0 ? b : a)] }))
      }
      const all = await Promise.all(answers)
      expect(all.filter(({ status }) => status !== 200)).toEqual([])
      expect(await countsOf(driver)).toMatchObject({ sent: 200, answered: 200 })
    })

    it('breaks off an answer that broke off, and keeps the connection', async () => {
      const { session, driver } = await before(await bed.app('i-web'))
      expect((await ask(session, { headers: { 'x-do': 'midway' } })).status).toBe(0)
      expect((await countsOf(driver)).failed).toMatchObject({ reset: 1 })
      expect((await ask(session)).status).toBe(200)
    })

    it('counts a request that its client cancels as nobody’s failure', async () => {
      const { session, driver } = await before(await bed.app('i-web'))
      const stream = session.request(pathOf({ headers: { 'x-do': 'hang' } }))
      stream.on('error', () => {})
      await until(async () => (await countsOf(driver)).sent === 1, 'it arrived')
      stream.close(constants.NGHTTP2_CANCEL)
      await until(async () => (await countsOf(driver)).clientAborted === 1, 'it was counted')
      expect(underWayOf(await countsOf(driver))).toBe(0)
      const midAnswer = session.request(pathOf({ headers: { 'x-do': 'big' } }))
      midAnswer.on('error', () => {})
      await new Promise<void>((resolve) => midAnswer.once('response', () => resolve()))
      midAnswer.close(constants.NGHTTP2_CANCEL)
      await until(async () => (await countsOf(driver)).clientAborted === 2, 'it was counted')
      expect((await countsOf(driver)).answered).toBe(0)
    })

    it('counts each request once, whenever its client breaks off', async () => {
      const { session, driver } = await before(await bed.app('i-web'))
      const moods = ['answer', 'slow', 'fail', 'reset', 'midway', 'empty', 'big', 'stream']
      const whole: Promise<boolean>[] = []
      for (let count = 0; count < 240; count++) {
        const mood = moods[count % moods.length] ?? ''
        const stream = session.request(pathOf({ headers: { 'x-do': mood } }))
        stream.on('error', () => {}).resume()
        const ends = new Promise<boolean>((resolve) =>
          stream.on('close', () => resolve(stream.rstCode === constants.NGHTTP2_NO_ERROR)),
        )
        whole.push(ends)
        if (count % 3 === 0) await sleep(count % 7)
        if (count % 4 === 0) stream.close(constants.NGHTTP2_CANCEL)
      }
      const seen = (await Promise.all(whole)).filter(Boolean).length
      await until(async () => underWayOf(await countsOf(driver)) === 0, 'nothing is under way')
      const { sent, answered, clientAborted } = await countsOf(driver)
      expect(sent).toBeLessThanOrEqual(240)
      expect(clientAborted).toBeGreaterThan(0)
      // An answer of ours to a broken instance (502) is whole for its client, and no answer here.
      expect(answered).toBeGreaterThanOrEqual(seen - 30)
      expect((await ask(session)).status).toBe(200)
    })

    it('refuses a body that is larger than it may be', async () => {
      const { session, driver } = await before(await bed.app('i-web'), 100_000)
      const headers = { 'content-length': '100001' }
      const stream = session.request({ ...pathOf({ headers }), ':method': 'POST' })
      stream.on('error', () => {})
      const status = await new Promise((resolve) =>
        stream.once('response', (answer) => resolve(answer[':status'])),
      )
      expect(status).toBe(413)
      stream.close(constants.NGHTTP2_CANCEL)
      expect((await ask(session)).status).toBe(200)
      expect(await countsOf(driver)).toMatchObject({ sent: 1, answered: 1 })
    })

    it('refuses what two readers could read differently', async () => {
      const web = await bed.app('i-web')
      const { session } = await before(web)
      const bad = [
        ...(traits.isStrictOnTargets ? [] : [{ headers: { host: 'other.example' } }]),
        { method: 'OPTIONS', path: '*' },
        ...(traits.answersLargeHeaders ? [{ headers: { 'x-large': 'x'.repeat(40_000) } }] : []),
      ]
      for (const options of bad) {
        const { status } = await ask(session, options)
        expect([options, [0, 400, 431].includes(status)]).toEqual([options, true])
      }
      expect(web.arrivals).toEqual([])
      expect((await ask(session)).status).toBe(200)
    })

    it('gives no instance headers that are too large', async () => {
      const web = await bed.app('i-web')
      const { session } = await before(web)
      const { status } = await ask(session, { headers: { 'x-large': 'x'.repeat(40_000) } })
      expect(status).toBe(traits.answersLargeHeaders ? 431 : 0)
      expect(web.arrivals).toEqual([])
    })

    it('is not spoken without TLS', async () => {
      const { port } = await before(await bed.app('i-web'))
      const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
      expect(await callRaw(port, preface)).not.toMatch(/^HTTP\/1\.1 200/)
    })

    it('lets streams under way end when the ingress does', async () => {
      const web = await bed.app('i-web')
      const { session, driver } = await before(web)
      const slow = ask(session, { headers: { 'x-do': 'slow' } })
      await until(() => web.arrivals.length === 1, 'it arrived')
      const closed = driver.close(5_000)
      expect((await slow).status).toBe(200)
      await closed
      expect(underWayOf(await countsOf(driver))).toBe(0)
    })
  })
}

interface Question {
  readonly method?: string
  readonly path?: string
  readonly host?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

function pathOf({ method = 'GET', path = '/', host, headers }: Question): Record<string, string> {
  return { ':method': method, ':path': path, ':authority': host ?? 'shop.localhost', ...headers }
}

/** Makes one request; never rejects: an answer that is not whole has the status 0. */
function ask(session: ClientHttp2Session, question: Question = {}): Promise<Answer> {
  return new Promise((resolve) => {
    const none = { status: 0, headers: {}, text: '' }
    let headers: IncomingHttpHeaders = {}
    const chunks: Buffer[] = []
    const stream = session.request(pathOf(question), { endStream: question.body === undefined })
    stream.on('error', () => resolve(none))
    stream.on('response', (answer) => (headers = answer))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('close', () => {
      if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) return resolve(none)
      const status = Number(headers[':status'] ?? 0)
      resolve({ status, headers, text: Buffer.concat(chunks).toString() })
    })
    if (question.body !== undefined) stream.end(question.body)
  })
}
