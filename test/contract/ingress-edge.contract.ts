/** The edges of the company: who comes in where, and how; run by each ingress driver. */
import { describe, expect, it } from 'vitest'
import { aBackend, anEndpoint, call } from './ingress-bed.ts'
import { anyPort, ingressBed } from './ingress-open.ts'
import type { DriverMaker } from './ingress-traits.ts'

export function describeIngressEdge(name: string, makeDriver: DriverMaker): void {
  describe(`${name} ingress, edge`, () => {
    const bed = ingressBed(makeDriver)

    describe('exposures', () => {
      /** The same host and path at each address, and a backend of its own behind each. */
      async function threeApps() {
        const exposures = ['public', 'private', 'admin']
        const backends = await Promise.all(
          exposures.map(async (expose) =>
            aBackend({
              id: `local/default/shop/${expose}`,
              route: { host: 'shop.localhost', path: '/', expose },
              online: [anEndpoint(await bed.app(`i-${expose}`))],
            }),
          ),
        )
        return bed.open(backends, { privateAddress: anyPort, adminAddress: anyPort })
      }

      it('serves each route at the address of its exposure, and nowhere else', async () => {
        const { ports, driver } = await threeApps()
        const { publicPort, privatePort = 0, adminPort = 0 } = ports
        expect(new Set([publicPort, privatePort, adminPort, 0]).size).toBe(4)
        const all = [
          [publicPort, 'i-public'],
          [privatePort, 'i-private'],
          [adminPort, 'i-admin'],
        ] as const
        for (const [port, id] of all) {
          expect((await call(port)).headers['x-served-by']).toBe(id)
          expect((await call(port, { method: 'POST' })).headers['x-served-by']).toBe(id)
        }
        await driver.apply({
          full: false,
          backends: [],
          removed: ['local/default/shop/private', 'local/default/shop/admin'],
        })
        expect((await call(privatePort)).status).toBe(404)
        expect((await call(adminPort)).status).toBe(404)
        expect((await call(publicPort)).status).toBe(200)
      })

      it('follows a route whose exposure changes', async () => {
        const backend = aBackend({ online: [anEndpoint(await bed.app('i-web'))] })
        const route = { host: 'shop.localhost', path: '/', expose: 'private' }
        const { ports, change } = await bed.open([backend], { privateAddress: anyPort })
        const statuses = async (): Promise<number[]> => [
          (await call(ports.publicPort)).status,
          (await call(ports.privatePort ?? 0)).status,
        ]
        expect(await statuses()).toEqual([200, 404])
        await change({ ...backend, route })
        expect(await statuses()).toEqual([404, 200])
      })

      it('lets nobody name himself at a private address', async () => {
        const { ports } = await threeApps()
        const headers = { 'x-forwarded-for': '10.0.0.1', 'x-forwarded-proto': 'https' }
        const answer = await call(ports.privatePort ?? 0, { headers })
        const { raw } = JSON.parse(answer.text) as { raw: string[] }
        expect(raw).not.toContain('10.0.0.1')
        expect(raw).not.toContain('https')
      })
    })
  })
}
