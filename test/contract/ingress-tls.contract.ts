/** HTTPS as every ingress driver must offer it; run by each (ingress-*.test.ts beside this file). */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { IngressDriver, TlsSettings } from '../../src/parts/ingress/driver.ts'
import { aBackend, anEndpoint, call, countsOf, until } from './ingress-bed.ts'
import { aCertificate, callSecurely, CertificateFolder, type Pem } from './ingress-certificates.ts'
import { anyPort, ingressBed, type OpenIngress } from './ingress-open.ts'
import type { DriverMaker } from './ingress-traits.ts'

/** Made once: a key takes a while. */
const shop = aCertificate(['shop.localhost'])
const wild = aCertificate(['*.wild.example', 'wild.example'])

/** A new state of the folder is in use within its interval of 10 s, and some patience. */
const reloadMsMax = 30_000

export function describeIngressTls(name: string, makeDriver: DriverMaker): void {
  describe(`${name} ingress, TLS`, () => {
    const bed = ingressBed(makeDriver)

    function aFolder(certificates: Readonly<Record<string, Pem>>): CertificateFolder {
      const folder = new CertificateFolder()
      bed.atEnd(async () => folder.remove())
      for (const [file, pem] of Object.entries(certificates)) folder.putPem(file, pem)
      return folder
    }

    function settings(folder: string, parts: Partial<TlsSettings> = {}): { tls: TlsSettings } {
      const tls = { address: anyPort, certificates: folder, redirect: false, hstsSeconds: 0 }
      return { tls: { ...tls, ...parts } }
    }

    async function open(
      folder: CertificateFolder,
      parts: Partial<TlsSettings> = {},
    ): Promise<OpenIngress & { readonly tlsPort: number }> {
      const web = await bed.app('i-web')
      const backend = aBackend({ online: [anEndpoint(web)] })
      const passes = [{ digest: sha256('token'), releaseId: 'rel-1', until: Date.now() + 60_000 }]
      const opened = await bed.open([{ ...backend, passes }], {
        ...settings(folder.path, parts),
        defaultHost: 'shop.localhost',
      })
      return { ...opened, tlsPort: opened.ports.tlsPort ?? 0 }
    }

    it('shows each host its certificate, and any other host the first one', async () => {
      const { tlsPort } = await open(aFolder({ 'a-shop': shop, 'b-wild': wild }))
      const shown = async (host: string) => (await callSecurely(tlsPort, { host })).shown
      expect(await shown('shop.localhost')).toBe('DNS:shop.localhost')
      expect(await shown('SHOP.localhost')).toBe('DNS:shop.localhost')
      for (const host of ['a.wild.example', 'wild.example']) {
        expect(await shown(host)).toContain('DNS:*.wild.example')
      }
      for (const host of ['a.b.wild.example', 'other.example']) {
        expect(await shown(host)).toBe('DNS:shop.localhost')
      }
    })

    it('takes a certificate and its key from two files as well', async () => {
      const folder = aFolder({})
      folder.put('shop.crt', shop.cert)
      folder.put('shop.key', shop.key)
      const { tlsPort } = await open(folder)
      expect((await callSecurely(tlsPort)).status).toBe(200)
    })

    it('tells the instance by which protocol its client came', async () => {
      const { tlsPort, port, driver } = await open(aFolder({ shop }))
      const protoOf = (text: string): string | undefined => {
        const { raw } = JSON.parse(text) as { raw: string[] }
        return raw[raw.findIndex((header) => header.toLowerCase() === 'x-forwarded-proto') + 1]
      }
      const secure = await callSecurely(tlsPort, { headers: { 'x-forwarded-proto': 'http' } })
      expect(protoOf(secure.text)).toBe('https')
      const plain = await call(port, { headers: { 'x-forwarded-proto': 'https' } })
      expect(protoOf(plain.text)).toBe('http')
      const post = await callSecurely(tlsPort, { method: 'POST', body: Buffer.alloc(300_000, 'x') })
      expect(JSON.parse(post.text)).toMatchObject({ bytes: 300_000 })
      expect(await countsOf(driver)).toMatchObject({ sent: 3, answered: 3 })
    })

    it('sends whoever comes without TLS to the same place with it', async () => {
      const { port, tlsPort, driver } = await open(aFolder({ shop }), { redirect: true })
      const answer = await call(port, { path: '/a?b=c%20d', method: 'POST', body: 'x' })
      expect(answer.status).toBe(308)
      expect(answer.headers.location).toBe(`https://shop.localhost:${tlsPort}/a?b=c%20d`)
      expect((await callSecurely(tlsPort)).status).toBe(200)
      expect((await countsOf(driver)).sent).toBe(1)
    })

    it('asks browsers to stay with TLS, over TLS only and in every answer', async () => {
      const { port, tlsPort } = await open(aFolder({ shop }), { hstsSeconds: 3_600 })
      const header = 'strict-transport-security'
      expect((await callSecurely(tlsPort)).headers[header]).toBe('max-age=3600')
      const refused = await callSecurely(tlsPort, { headers: { 'roadstead-release': 'x' } })
      expect([refused.status, refused.headers[header]]).toEqual([403, 'max-age=3600'])
      expect((await call(port)).headers).not.toHaveProperty(header)
    })

    it('asks for nothing of the kind unless it is told to', async () => {
      const { tlsPort } = await open(aFolder({ shop }))
      expect((await callSecurely(tlsPort)).headers).not.toHaveProperty('strict-transport-security')
    })

    it('marks its cookies as secure', async () => {
      const { tlsPort } = await open(aFolder({ shop }))
      const answer = await callSecurely(tlsPort, { path: '/.roadstead/test/token' })
      expect(answer.status).toBe(302)
      expect(answer.headers['set-cookie']?.[0]).toMatch(/;\s*secure/i)
    })

    it('carries WebSockets', async () => {
      const server = createServer()
      new WebSocketServer({ server }).on('connection', (socket) => {
        socket.on('message', (data) => socket.send(data))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      bed.atEnd(async () => server.closeAllConnections())
      const { port } = server.address() as AddressInfo
      const backend = aBackend({ online: [anEndpoint({ id: 'i-ws', port })] })
      const { ports } = await bed.open([backend], settings(aFolder({ shop }).path))
      const url = `wss://127.0.0.1:${ports.tlsPort}`
      const options = { rejectUnauthorized: false, headers: { host: 'shop.localhost' } }
      const socket = new WebSocket(url, options)
      const echo = await new Promise((resolve, reject) => {
        socket.on('error', reject)
        socket.on('open', () => socket.send('hello'))
        socket.on('message', (data) => resolve(String(data)))
      })
      socket.close()
      expect(echo).toBe('hello')
    })

    it('uses a renewed certificate soon, and goes on with the last when a renewal is broken', async () => {
      const folder = aFolder({ shop })
      const { tlsPort } = await open(folder)
      const renewed = aCertificate(['shop.localhost', 'new.localhost'])
      folder.putPem('shop', renewed)
      const shown = async () => (await callSecurely(tlsPort)).shown
      await until(
        async () => (await shown()).includes('new.localhost'),
        'it is in use',
        reloadMsMax,
      )
      folder.put('shop.pem', renewed.cert + shop.key)
      folder.putPem('wild', wild)
      // Two looks at the folder later it still shows what was good.
      await new Promise((resolve) => setTimeout(resolve, 12_000))
      expect(await shown()).toContain('new.localhost')
    })

    describe('refuses to open', () => {
      const refusalOf = async (folder: string): Promise<unknown> => {
        const driver: IngressDriver = makeDriver({ answerMs: 1_000, holdMs: 1_000 })
        bed.atEnd(() => driver.close(0))
        const opened = driver.open({ publicAddress: anyPort, ...settings(folder) })
        return opened.then(
          () => 'opened',
          (error: unknown) => error,
        )
      }

      it('with a key that is another certificate’s', async () => {
        const folder = aFolder({ shop, mixed: { cert: shop.cert, key: wild.key } })
        expect(await refusalOf(folder.path)).toMatchObject({
          name: 'Refusal',
          code: 'certificate-mismatch',
          path: expect.stringContaining('mixed.pem'),
        })
      })

      it('with what is no certificate, has no key, or is nowhere', async () => {
        const garbage = aFolder({ shop })
        garbage.put('x.pem', shop.cert.replace(/[A-Z]{4}/g, 'AAAA') + shop.key)
        const keyless = aFolder({})
        keyless.put('x.pem', shop.cert)
        const empty = aFolder({})
        for (const folder of [garbage.path, keyless.path, empty.path, '/no/such/folder']) {
          expect(await refusalOf(folder)).toMatchObject({
            name: 'Refusal',
            code: 'certificate-unreadable',
          })
        }
      })
    })

    it('serves with a certificate that has expired: that is the browser’s to refuse', async () => {
      const { tlsPort } = await open(aFolder({ shop: aCertificate(['shop.localhost'], -1) }))
      expect((await callSecurely(tlsPort)).status).toBe(200)
    })
  })
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
