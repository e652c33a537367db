import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { whyUnusable } from '../../src/drivers/ingress/haproxy/machine.ts'
import { failedOf, type Backend } from '../../src/parts/ingress/model.ts'
import type { RolloutView } from '../../src/wire/api.ts'
import { aBackend, anApp, anEndpoint, call, until as untilSoon } from '../contract/ingress-bed.ts'
import { Cloud } from './cloud.ts'
import { FakeServer, IngressPlace } from './ingress-world.ts'

/**
 * HAProxy in front of real processes: rollouts of an app that ends at once on SIGTERM, and HAProxy or the
 * ingress killed under load.
 */

const because = process.env['CI'] === undefined ? whyUnusable() : undefined
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/** Ends at once when told to, whoever waits for an answer; answers take 200 ms. */
const unfriendly = `
const { createServer } = require('node:http')
const { VERSION, PORT, HOST } = process.env
process.on('SIGTERM', () => process.exit(0))
createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok')
  setTimeout(() => response.end(VERSION), 200)
}).listen(Number(PORT), HOST)
`

interface Seen {
  calls: number
  whole: number
  readonly wrong: string[]
}

/** Clients of one host without any retrying, with and without kept connections, GET and POST. */
function clients(port: number, host: string, count: number) {
  const seen: Seen = { calls: 0, whole: 0, wrong: [] }
  let isOver = false
  const client = async (number: number): Promise<void> => {
    const agent = number % 4 === 0 ? undefined : new Agent({ keepAlive: true, maxSockets: 1 })
    while (!isOver) {
      seen.calls++
      const method = seen.calls % 3 === 0 ? 'POST' : 'GET'
      const body = method === 'POST' ? { body: 'x'.repeat(500) } : {}
      const { status, text } = await call(port, {
        host,
        method,
        ...body,
        ...(agent === undefined ? {} : { agent }),
      })
      if (status === 200) seen.whole++
      else seen.wrong.push(`${method} ${status} ${text}`)
    }
    agent?.destroy()
  }
  const running = Array.from({ length: count }, (_, number) => client(number))
  return {
    seen,
    async end(): Promise<Seen> {
      isOver = true
      await Promise.all(running)
      return seen
    },
  }
}

describe.skipIf(because !== undefined)(`HAProxy${because ?? ''}`, () => {
  test('rolls an unfriendly app out again and again, and nobody notices', async () => {
    const cloud = new Cloud()
    ends.push(() => cloud.remove())
    await cloud.start(['--ingress', 'haproxy'])
    const folder = join(cloud.folder, 'unfriendly')
    mkdirSync(folder)
    writeFileSync(join(folder, 'server.js'), unfriendly)
    const deploy = async (version: string): Promise<void> => {
      const manifest = `roadstead: v1
app: unfriendly
services:
  web:
    run: node server.js
    instances: 3
    cpu: 0.1
    memory: 64MiB
    health: { http: /healthz, every: 200ms }
    route: unfriendly.localhost
    env: { VERSION: ${version} }
`
      writeFileSync(join(folder, 'roadstead.yaml'), manifest)
      const { code, output } = await cloud.run('deploy', '--version', version, '-f', folder)
      expect(output).toContain('is online')
      expect(code).toBe(0)
    }
    await deploy('v1')
    const log = readFileSync(join(cloud.data, 'logs', 'ingress.log'), 'utf8')
    expect(log).toContain('HAProxy carries the requests')
    const load = clients(Number(new URL(cloud.file.ingress).port), 'unfriendly.localhost', 24)
    ends.push(() => load.end())
    for (const version of ['v2', 'v3', 'v4']) {
      await deploy(version)
      const cell = '/v1/cells/local/default/apps/unfriendly'
      const { items } = await cloud.get<{ items: RolloutView[] }>(`${cell}/rollouts?limit=1`)
      expect(items[0]?.ledger.during).toMatchObject({ failed: 0 })
      expect(items[0]?.ledger.during?.sent).toBeGreaterThan(50)
    }
    const seen = await load.end()
    expect(seen.wrong).toEqual([])
    await sleep(2_500)
    const { traffic } = await cloud.get<{ traffic: { sentTotal: number; failedTotal: number } }>(
      '/v1/cells/local/default/apps/unfriendly',
    )
    expect(traffic).toMatchObject({ sentTotal: seen.calls, failedTotal: 0 })
  }, 180_000)

  describe('that is killed', () => {
    /** An ingress with HAProxy in front of one app, with a server that notes what it reports. */
    async function anIngress() {
      const server = new FakeServer()
      await server.start()
      ends.push(() => server.stop())
      const place = await IngressPlace.make()
      ends.push(() => place.remove())
      const app = await anApp('i-web')
      ends.push(() => app.kill())
      const table: Backend[] = [aBackend({ online: [anEndpoint(app)] })]
      server.setTable(table)
      const ingress = await place.start({ server, more: ['--driver=haproxy'] })
      await server.applied(1)
      const pids = (): number[] => {
        const text = readFileSync(join(place.folder, 'ingress/haproxy/processes.json'), 'utf8')
        return (JSON.parse(text) as { pid: number }[]).map(({ pid }) => pid)
      }
      return { server, place, app, ingress, pids }
    }

    test('is back at once, with the whole table, and tells what was lost', async () => {
      const { server, ingress, pids } = await anIngress()
      expect((await call(ingress.port)).status).toBe(200)
      const hanging = call(ingress.port, { headers: { 'x-do': 'hang' } })
      await untilSoon(
        () => server.series.get('local/default/shop/web online *')?.counters.sent === 2,
        'it was reported',
      )
      const [before = 0] = pids()
      process.kill(before, 'SIGKILL')
      expect((await hanging).status).toBe(0)
      await untilSoon(async () => (await call(ingress.port)).status === 200, 'it serves again')
      await untilSoon(() => !pids().includes(before), 'the dead one is forgotten')
      const counters = () => server.series.get('local/default/shop/web online *')?.counters
      await untilSoon(() => counters()?.failed.reset === 1, 'what was cut is counted')
      await untilSoon(
        () =>
          server.reports.at(-1)?.troubles.some((one) => /unexpectedly/.test(one.because)) === true,
        'it is told',
      )
      // A line of the log may come a report later than the counter that it belongs to.
      await untilSoon(() => {
        const now = counters()
        return now !== undefined && now.sent === now.answered + failedOf(now) + now.clientAborted
      }, 'every request is accounted for')
    })

    test('ends with its ingress, however that ends', async () => {
      const { server, place, ingress, pids } = await anIngress()
      const [pid = 0] = pids()
      ingress.child.kill('SIGKILL')
      await untilSoon(() => !isAlive(pid), 'HAProxy has ended')
      const next = await place.start({ server, port: ingress.port, more: ['--driver=haproxy'] })
      await untilSoon(async () => (await call(next.port)).status === 200, 'the next one serves')
      const [second = 0] = pids()
      next.child.kill('SIGTERM')
      await untilSoon(() => next.exit !== undefined && !isAlive(second), 'both have ended')
      expect(next.exit).toBe(0)
    })

    test('reloads for new ports without a failed request', async () => {
      const { server, app, ingress } = await anIngress()
      const load = clients(ingress.port, 'shop.localhost', 16)
      ends.push(() => load.end())
      for (let round = 0; round < 5; round++) {
        const first = 21_000 + round * 200
        const listener = { port: first, maintenancePort: first + 1 }
        await server.applied(server.setTable([aBackend({ online: [anEndpoint(app)], listener })]))
        await sleep(200)
      }
      const seen = await load.end()
      expect(seen.wrong).toEqual([])
      expect(seen.calls).toBeGreaterThan(100)
      await sleep(1_500)
      const counters = server.series.get('local/default/shop/web online *')?.counters
      expect(counters).toMatchObject({ sent: seen.calls, answered: seen.calls })
    })
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
