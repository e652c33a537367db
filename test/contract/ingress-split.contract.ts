/** How customers are divided while a rollout compares versions; run by each ingress driver. */
import { Agent } from 'node:http'
import { describe, expect, it } from 'vitest'
import type { Backend, SplitGroup } from '../../src/parts/ingress/model.ts'
import {
  aBackend,
  anEndpoint,
  call,
  countsOf,
  type Answer,
  type App,
  type CallOptions,
} from './ingress-bed.ts'
import { ingressBed } from './ingress-open.ts'
import type { DriverMaker } from './ingress-traits.ts'
import { deadPort, freePort } from '../fixtures/free-port.ts'

/** So many requests that five standard deviations are a small part of them. */
const requestsMany = 2_000

/** By chance alone, one run in a million is further from its share than so many of them. */
const deviations = 5

export function describeIngressSplit(name: string, makeDriver: DriverMaker): void {
  describe(`${name} ingress, split`, () => {
    const bed = ingressBed(makeDriver)

    /** Calls at once from a few clients, and counts who served. */
    async function servedBy(
      port: number,
      count: number,
      options: CallOptions = {},
    ): Promise<{ by: Record<string, number>; answers: Answer[] }> {
      const by: Record<string, number> = {}
      const answers: Answer[] = []
      const clients = Array.from({ length: 8 }, async (_, client) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 })
        for (let made = client; made < count; made += 8) {
          const answer = await call(port, { agent, ...options })
          answers.push(answer)
          const who = String(answer.headers['x-served-by'] ?? answer.status)
          by[who] = (by[who] ?? 0) + 1
        }
        agent.destroy()
      })
      await Promise.all(clients)
      return { by, answers }
    }

    async function fourApps(): Promise<{ apps: App[]; backend: Backend }> {
      const ids = ['i-old-1', 'i-old-2', 'i-canary', 'i-baseline']
      const apps = await Promise.all(ids.map((id) => bed.app(id)))
      return { apps, backend: aBackend({ online: apps.map((app) => anEndpoint(app)) }) }
    }

    it('gives each group its share of the requests, and the rest what is left', async () => {
      const { backend } = await fourApps()
      const split = aSplit([canary(0.2), baseline(0.1)])
      const { port, driver } = await bed.open([{ ...backend, split }])
      const { by } = await servedBy(port, requestsMany)
      expectShare(by['i-canary'], 0.2)
      expectShare(by['i-baseline'], 0.1)
      expectShare((by['i-old-1'] ?? 0) + (by['i-old-2'] ?? 0), 0.7)
      const total = await countsOf(driver)
      expect(total).toMatchObject({ sent: requestsMany, answered: requestsMany, retried: 0 })
      for (const [id, count] of Object.entries(by)) {
        expect(await countsOf(driver, 'online', id)).toMatchObject({ sent: count, answered: count })
      }
    })

    it('divides what services send each other just the same', async () => {
      const { backend } = await fourApps()
      const listener = { port: await freePort(), maintenancePort: await freePort() }
      await bed.open([{ ...backend, listener, split: aSplit([canary(0.5)]) }])
      const { by, answers } = await servedBy(listener.port, requestsMany)
      expect(answers.every(({ status }) => status === 200)).toBe(true)
      expectShare(by['i-canary'], 0.5)
    })

    it('sends a group without a share nothing, and one that has all everything', async () => {
      const { backend } = await fourApps()
      const { port, change } = await bed.open([{ ...backend, split: aSplit([canary(0)]) }])
      expect((await servedBy(port, 200)).by).not.toHaveProperty('i-canary')
      await change({ ...backend, split: aSplit([canary(1)]) })
      expect((await servedBy(port, 200)).by).toEqual({ 'i-canary': 200 })
      await change({ ...backend, split: aSplit([canary(0.75), baseline(0.25)]) })
      expect(Object.keys((await servedBy(port, 200)).by).toSorted()).toEqual([
        'i-baseline',
        'i-canary',
      ])
    })

    it('shares out among all again once the split is over', async () => {
      const { backend } = await fourApps()
      const { port, change } = await bed.open([{ ...backend, split: aSplit([canary(0)]) }])
      await change(backend)
      expect(Object.keys((await servedBy(port, 80)).by)).toHaveLength(4)
    })

    it('gives a group’s share to the others while none of its instances can be used', async () => {
      const { apps, backend } = await fourApps()
      const dead = anEndpoint({ id: 'i-dead', port: deadPort })
      const refusing = {
        ...backend,
        online: [...backend.online, dead],
        split: aSplit([{ name: 'canary', share: 1, instanceIds: ['i-dead'] }]),
      }
      const { port, change } = await bed.open([refusing])
      const refused = await servedBy(port, 100)
      expect(refused.answers.every(({ status }) => status === 200)).toBe(true)
      await change({
        ...backend,
        online: apps.map((app) => anEndpoint(app, { ready: app.id !== 'i-canary' })),
        split: aSplit([canary(1)]),
      })
      const { by } = await servedBy(port, 100)
      expect(by).not.toHaveProperty('i-canary')
      await change({ ...backend, split: aSplit([{ name: 'canary', share: 1, instanceIds: [] }]) })
      expect((await servedBy(port, 20)).answers.every(({ status }) => status === 200)).toBe(true)
    })

    it('fails nobody when a group loses its instances under load', async () => {
      const { apps, backend } = await fourApps()
      const split = aSplit([canary(0.5)])
      const { port, driver, change } = await bed.open([{ ...backend, split }])
      let isOver = false
      const answers: Answer[] = []
      const clients = Array.from({ length: 8 }, async (_, client) => {
        const method = client % 2 === 0 ? 'GET' : 'POST'
        while (!isOver) answers.push(await call(port, { method }))
      })
      const without = apps.filter(({ id }) => id !== 'i-canary').map((app) => anEndpoint(app))
      for (let round = 0; round < 20; round++) {
        await servedBy(port, 10)
        const online = round % 2 === 0 ? without : backend.online
        await change({ ...backend, online, split })
      }
      isOver = true
      await Promise.all(clients)
      expect(answers.length).toBeGreaterThan(20)
      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
      const total = await countsOf(driver)
      expect(total.answered).toBe(answers.length + 200)
      let answered = 0
      for (const { id } of apps) answered += (await countsOf(driver, 'online', id)).answered
      expect(answered).toBe(total.answered)
    })

    it('repeats elsewhere what a group’s only instance broke off', async () => {
      const { apps, backend } = await fourApps()
      const { port, driver } = await bed.open([{ ...backend, split: aSplit([canary(1)]) }])
      expect((await servedBy(port, 4)).by).toEqual({ 'i-canary': 4 })
      await apps[2]?.kill()
      const { answers } = await servedBy(port, 40)
      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
      expect(await countsOf(driver)).toMatchObject({ sent: 44, answered: 44 })
    })

    describe('sticky', () => {
      it('keeps a customer on the side where he came first', async () => {
        const { backend } = await fourApps()
        const { port } = await bed.open([{ ...backend, split: aSplit([canary(0.5)], true) }])
        const { answers } = await servedBy(port, 100)
        const sides = new Set<string>()
        for (const first of answers) {
          const [cookie, ...attributes] = onlyCookie(first).split(/;\s*/)
          const served = first.headers['x-served-by']
          expect(cookie).toBe(`roadstead-side=${served === 'i-canary' ? 'canary' : 'rest'}`)
          expect(attributes.map((text) => text.toLowerCase()).toSorted()).toEqual([
            'httponly',
            'path=/',
            'samesite=lax',
          ])
          sides.add(cookie ?? '')
        }
        expect(sides.size).toBe(2)
        const kept = { headers: { cookie: 'a=b; roadstead-side=canary; c=d' } }
        const back = await servedBy(port, 40, kept)
        expect(back.by).toEqual({ 'i-canary': 40 })
        expect(back.answers.some(({ headers }) => headers['set-cookie'] !== undefined)).toBe(false)
        const rest = await servedBy(port, 40, { headers: { cookie: 'roadstead-side=rest' } })
        expect(rest.by).not.toHaveProperty('i-canary')
      })

      it('draws anew for a side that is none, or has no share any more', async () => {
        const { backend } = await fourApps()
        const { port } = await bed.open([{ ...backend, split: aSplit([canary(1)], true) }])
        for (const side of ['rest', 'baseline', 'x', '']) {
          const headers = { cookie: `roadstead-side=${side}` }
          const answer = await call(port, { headers })
          expect([side, answer.headers['x-served-by']]).toEqual([side, 'i-canary'])
          expect(onlyCookie(answer)).toMatch(/^roadstead-side=canary;/)
        }
      })

      it('takes no notice of the cookie, and sets none, in a split that is not sticky', async () => {
        const { backend } = await fourApps()
        const { port, change } = await bed.open([{ ...backend, split: aSplit([canary(0)]) }])
        const headers = { cookie: 'roadstead-side=canary' }
        const { by, answers } = await servedBy(port, 40, { headers })
        expect(by).not.toHaveProperty('i-canary')
        expect(answers.some((answer) => answer.headers['set-cookie'] !== undefined)).toBe(false)
        await change(backend)
        const over = await servedBy(port, 40, { headers })
        expect(Object.keys(over.by).length).toBe(4)
      })

      it('serves a customer elsewhere while nobody on his side can, and leaves him his side', async () => {
        const { apps, backend } = await fourApps()
        const online = apps.filter(({ id }) => id !== 'i-canary').map((app) => anEndpoint(app))
        const { port, change } = await bed.open([
          { ...backend, online, split: aSplit([canary(0.5)], true) },
        ])
        const headers = { cookie: 'roadstead-side=canary' }
        const away = await call(port, { headers })
        expect(away.status).toBe(200)
        expect(away.headers['set-cookie']).toBeUndefined()
        await change({ ...backend, split: aSplit([canary(0.5)], true) })
        expect((await servedBy(port, 20, { headers })).by).toEqual({ 'i-canary': 20 })
      })
    })
  })
}

function aSplit(groups: SplitGroup[], sticky = false): NonNullable<Backend['split']> {
  return { groups, sticky }
}

function canary(share: number): SplitGroup {
  return { name: 'canary', share, instanceIds: ['i-canary'] }
}

function baseline(share: number): SplitGroup {
  return { name: 'baseline', share, instanceIds: ['i-baseline'] }
}

function onlyCookie({ headers }: Answer): string {
  expect(headers['set-cookie']).toHaveLength(1)
  return headers['set-cookie']?.[0] ?? ''
}

/** Holds the count of many requests to a share, within what chance allows. */
function expectShare(count: number | undefined, share: number): void {
  const allowed = deviations * Math.sqrt(requestsMany * share * (1 - share))
  expect(count).toBeGreaterThan(requestsMany * share - allowed)
  expect(count).toBeLessThan(requestsMany * share + allowed)
}
