/** Passes with which testers meet a release before customers do; run by each ingress driver. */
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { IngressDriver } from '../../src/parts/ingress/driver.ts'
import type { Backend, TestPass } from '../../src/parts/ingress/model.ts'
import {
  aBackend,
  anEndpoint,
  call,
  countsOf,
  until,
  type App,
  type CallOptions,
} from './ingress-bed.ts'
import { ingressBed } from './ingress-open.ts'
import type { DriverMaker } from './ingress-traits.ts'
import { freePort } from '../fixtures/free-port.ts'

const token = 'rt_3q2-7_wXyZ'
const byHeader = { headers: { 'roadstead-release': token } }
const byCookie = { headers: { cookie: `a=b; roadstead-release=${token}; c=d` } }

export function describeIngressPasses(name: string, makeDriver: DriverMaker): void {
  describe(`${name} ingress, passes`, () => {
    const bed = ingressBed(makeDriver)

    /** An old release online, the new one in maintenance, and a pass for the new one. */
    async function twoReleases(): Promise<{ old: App; new: App; backend: Backend }> {
      const [old, fresh] = [await bed.app('i-old'), await bed.app('i-new')]
      const backend = aBackend({
        online: [anEndpoint(old)],
        maintenance: [anEndpoint(fresh, { releaseId: 'rel-2' })],
        passes: [aPass()],
      })
      return { old, new: fresh, backend }
    }

    const served = async (port: number, options: CallOptions = {}): Promise<string> => {
      const { headers, status } = await call(port, options)
      return String(headers['x-served-by'] ?? `${status} ${headers['roadstead-failure']}`)
    }

    it('leads whoever has one to the release in maintenance, and nobody else', async () => {
      const { backend } = await twoReleases()
      const { port, driver } = await bed.open([backend])
      expect(await served(port)).toBe('i-old')
      expect(await served(port, byHeader)).toBe('i-new')
      expect(await served(port, byCookie)).toBe('i-new')
      expect(await served(port, { ...byHeader, method: 'POST', body: 'x' })).toBe('i-new')
      // The proof of zero is about customers: testers are not counted among them.
      expect(await countsOf(driver)).toMatchObject({ sent: 1, answered: 1 })
      expect(await countsOf(driver, 'maintenance')).toMatchObject({ sent: 3, answered: 3 })
      expect(await countsOf(driver, 'maintenance', 'i-new')).toMatchObject({ sent: 3, answered: 3 })
    })

    it('follows the release to the online pool, whatever its share there', async () => {
      const { old, new: fresh, backend } = await twoReleases()
      const { port, driver, change } = await bed.open([backend])
      const online = [anEndpoint(old), anEndpoint(fresh, { releaseId: 'rel-2' })]
      const groups = [{ name: 'canary' as const, share: 0, instanceIds: ['i-new'] }]
      await change({ ...backend, online, maintenance: [], split: { groups, sticky: false } })
      for (let count = 0; count < 10; count++) {
        expect(await served(port, byHeader)).toBe('i-new')
        expect(await served(port)).toBe('i-old')
      }
      expect(await countsOf(driver)).toMatchObject({ sent: 20, answered: 20 })
    })

    it('shows what customers see where the release has no instance', async () => {
      const { backend } = await twoReleases()
      const { port, driver } = await bed.open([{ ...backend, maintenance: [] }])
      expect(await served(port, byHeader)).toBe('i-old')
      expect(await countsOf(driver)).toMatchObject({ sent: 1, answered: 1 })
    })

    it('tells the instance the token in the header when it came as a cookie', async () => {
      const { backend } = await twoReleases()
      const { port } = await bed.open([backend])
      for (const options of [byCookie, byHeader]) {
        const seen = JSON.parse((await call(port, options)).text) as { raw: string[] }
        const names = seen.raw.filter((_, index) => index % 2 === 0)
        const at = names.findIndex((header) => header.toLowerCase() === 'roadstead-release')
        expect(seen.raw[at * 2 + 1]).toBe(token)
        expect(names.filter((header) => header.toLowerCase() === 'roadstead-release')).toHaveLength(
          1,
        )
      }
      const cookies = JSON.parse((await call(port, byCookie)).text) as { raw: string[] }
      expect(cookies.raw.join('\n')).toMatch(/a=b/)
    })

    it('refuses a token that nobody knows, or whose time is over', async () => {
      const { backend } = await twoReleases()
      const { port, driver, change } = await bed.open([backend])
      const unknown = [
        { headers: { 'roadstead-release': 'other' } },
        { headers: { 'roadstead-release': '' } },
        { headers: { cookie: 'roadstead-release=other' } },
      ]
      for (const options of unknown) {
        const answer = await call(port, options)
        expect([answer.status, answer.headers['roadstead-failure']]).toEqual([403, 'release-pass'])
        expect(answer.text).toContain('expired')
      }
      await change({ ...backend, passes: [aPass({ until: Date.now() - 1_000 })] })
      expect(await served(port, byHeader)).toBe('403 release-pass')
      await change({ ...backend, passes: [] })
      expect(await served(port, byCookie)).toBe('403 release-pass')
      expect((await countsOf(driver)).sent).toBe(0)
      expect((await countsOf(driver, 'maintenance')).sent).toBe(0)
    })

    it('ends a pass when its time comes, without a new table', async () => {
      const { backend } = await twoReleases()
      const { port } = await bed.open([
        { ...backend, passes: [aPass({ until: Date.now() + 1_500 })] },
      ])
      expect(await served(port, byHeader)).toBe('i-new')
      await until(
        async () => (await served(port, byHeader)) === '403 release-pass',
        'the pass has expired',
      )
    })

    it('takes a token that another service of the host knows for good', async () => {
      const { backend } = await twoReleases()
      const api = aBackend({
        id: 'local/default/shop/api',
        route: { host: 'shop.localhost', path: '/api', expose: 'public' },
        online: [anEndpoint(await bed.app('i-api'))],
      })
      const { port } = await bed.open([backend, api])
      expect(await served(port, { path: '/api', ...byHeader })).toBe('i-api')
    })

    describe('between services', () => {
      it('leads on to the release, and takes no notice of tokens of other apps', async () => {
        const { backend } = await twoReleases()
        const listener = { port: await freePort(), maintenancePort: await freePort() }
        const { driver } = await bed.open([{ ...backend, listener }])
        expect(await served(listener.port, byHeader)).toBe('i-new')
        expect(await served(listener.port)).toBe('i-old')
        const other = { headers: { 'roadstead-release': 'other' } }
        expect(await served(listener.port, other)).toBe('i-old')
        const seen = JSON.parse((await call(listener.port, other)).text) as { raw: string[] }
        expect(seen.raw.map((text) => text.toLowerCase())).toContain('roadstead-release')
        expect((await countsOf(driver)).sent).toBe(3)
      })

      it('leaves the maintenance port what it is', async () => {
        const { backend } = await twoReleases()
        const listener = { port: await freePort(), maintenancePort: await freePort() }
        await bed.open([{ ...backend, listener }])
        const other = { headers: { 'roadstead-release': 'other' } }
        expect(await served(listener.maintenancePort, other)).toBe('i-new')
      })
    })

    it('fails no tester while the release moves between the pools', async () => {
      const { old, new: fresh, backend } = await twoReleases()
      const { port, driver, change } = await bed.open([backend])
      const moved = anEndpoint(fresh, { releaseId: 'rel-2' })
      const at = { maintenance: backend, online: { ...backend, online: [anEndpoint(old), moved] } }
      const answers: string[] = []
      let isOver = false
      const testers = Array.from({ length: 4 }, async () => {
        while (!isOver) answers.push(await served(port, byHeader))
      })
      for (let round = 0; round < 20; round++) {
        await served(port)
        await change(round % 2 === 0 ? { ...at.online, maintenance: [] } : at.maintenance)
      }
      isOver = true
      await Promise.all(testers)
      expect(answers.length).toBeGreaterThan(20)
      expect([...new Set(answers)]).toEqual(['i-new'])
      const sum = (await sentOf(driver, 'online')) + (await sentOf(driver, 'maintenance'))
      expect(sum).toBe(answers.length + 20)
    })

    describe('the tester’s link', () => {
      const link = (word: string): CallOptions => ({ path: `/.roadstead/test/${word}` })

      it('gives the browser the token, for as long as the pass is good', async () => {
        const { backend, new: fresh } = await twoReleases()
        const { port } = await bed.open([backend])
        const answer = await call(port, link(token))
        expect([answer.status, answer.headers.location]).toEqual([302, '/'])
        const [pair, ...attributes] = (answer.headers['set-cookie']?.[0] ?? '').split(/;\s*/)
        expect(pair).toBe(`roadstead-release=${token}`)
        const known = new Map(
          attributes.map((text) => text.toLowerCase().split('=') as [string, string]),
        )
        expect([...known.keys()].toSorted()).toEqual(['httponly', 'max-age', 'path', 'samesite'])
        expect([known.get('path'), known.get('samesite')]).toEqual(['/', 'lax'])
        expect(Number(known.get('max-age'))).toBeGreaterThan(500)
        expect(Number(known.get('max-age'))).toBeLessThanOrEqual(600)
        expect(fresh.arrivals).toEqual([])
      })

      it('refuses a token that is good for nothing', async () => {
        const { backend } = await twoReleases()
        const { port } = await bed.open([backend])
        for (const word of ['other', '', 'a%0d%0ab', 'x'.repeat(300)]) {
          const answer = await call(port, link(word))
          expect([answer.status, answer.headers['roadstead-failure']]).toEqual([
            403,
            'release-pass',
          ])
          expect(answer.headers['set-cookie']).toBeUndefined()
        }
      })

      it('makes a customer of a tester again, also of one whose pass has expired', async () => {
        const { backend } = await twoReleases()
        const { port } = await bed.open([backend])
        const answer = await call(port, {
          ...link('end'),
          headers: { cookie: 'roadstead-release=x' },
        })
        expect([answer.status, answer.headers.location]).toEqual([302, '/'])
        expect(answer.headers['set-cookie']?.[0]).toMatch(/^roadstead-release=;.*max-age=0/i)
      })

      it('is none at a listener between services', async () => {
        const { old, backend } = await twoReleases()
        const listener = { port: await freePort(), maintenancePort: await freePort() }
        await bed.open([{ ...backend, listener }])
        expect((await call(listener.port, link('end'))).status).toBe(200)
        expect(old.arrivals).toEqual(['GET /.roadstead/test/end'])
      })
    })
  })
}

function aPass(parts: Partial<TestPass> = {}): TestPass {
  const digest = createHash('sha256').update(token).digest('hex')
  return { digest, releaseId: 'rel-2', until: Date.now() + 600_000, ...parts }
}

async function sentOf(driver: IngressDriver, pool: 'online' | 'maintenance'): Promise<number> {
  return (await countsOf(driver, pool)).sent
}
