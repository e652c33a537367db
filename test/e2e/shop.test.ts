import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { Cloud, failuresOf, until } from './cloud.ts'

/**
 * The walking shop, as a user lives it: deploy, upgrade under load, break, heal, scale, destroy,
 * with real processes from beginning to end. The stories build on one another.
 */

const cloud = new Cloud()
/** Requests per second while things happen; what CI's two cores carry beside all the rest. */
const rate = 60

beforeAll(() => cloud.start(), 90_000)
afterAll(() => cloud.remove(), 90_000)

describe('the shop', { timeout: 240_000 }, () => {
  test('is deployed by its manifest, and answers', async () => {
    const { code, output } = await cloud.run('deploy', '--version', 'v1')
    expect(output).toContain('release 1 (v1) is online in local/default')
    expect(code).toBe(0)
    const { status, text } = await cloud.page()
    expect(status).toBe(200)
    expect(text).toContain('Brass storm lantern')
  })

  test('is upgraded under load, and the record agrees with the customers own count', async () => {
    const before = await cloud.pids()
    const sentBefore = await settledCount()
    const load = await cloud.load(rate)
    const { code, output } = await cloud.run('deploy', '-f', 'roadstead-v2.yaml', '--version', 'v2')
    expect(output).toMatch(/release 2 \(v2\) is online .* 0 of [\d,]+ requests failed/)
    expect(code).toBe(0)
    const customers = await load.end()
    const rollout = await cloud.newestRollout()
    expect(rollout).toMatchObject({ state: 'done', ledger: { during: { failed: 0 }, gaps: [] } })
    expect(rollout.ledger.during?.sent).toBeGreaterThan(0)
    expect(rollout.ledger.before?.sent).toBeGreaterThan(0)
    expect(failuresOf(customers)).toBe(0)
    await until(
      async () => (await sentToStorefront()) - sentBefore === customers.sent,
      `the ingress has counted the ${customers.sent} requests that the customers sent`,
    )
    const after = await cloud.pids()
    const kept = Object.keys(before).filter((id) => after[id] !== undefined)
    expect(kept).toHaveLength(5)
    for (const id of kept) expect(after[id]).toBe(before[id])
  })

  test.each([
    ['whose test fails', 'roadstead-v3.yaml', /the test failed/],
    ['that never gets healthy', 'roadstead-v3-unhealthy.yaml', /does not get ready/],
  ])('reverts a version %s by itself, and says why', async (_which, file, why) => {
    const load = await cloud.load(rate)
    const { code, output } = await cloud.run('deploy', '-f', file, '--version', 'v3')
    const customers = await load.end()
    expect(output).toMatch(/reverted: /)
    expect(code).toBe(1)
    const rollout = await cloud.newestRollout()
    expect(rollout.state).toBe('reverted')
    expect(rollout.because).toMatch(why)
    expect(rollout.because).toContain('release 2 (v2) runs again')
    expect(failuresOf(customers)).toBe(0)
    expect(await cloud.app()).toMatchObject({ health: 'ok', version: 'v2' })
  })

  test('heals a killed instance without touching the others', async () => {
    const before = await cloud.pids()
    const [victim] = await cloud.instances('catalogue')
    process.kill(victim?.observed?.pid ?? 0, 'SIGKILL')
    await until(async () => {
      const instance = (await cloud.instances('catalogue')).find(({ id }) => id === victim?.id)
      return instance?.observed?.state === 'ready' && instance.observed.runs === 2
    }, 'it is ready again')
    const after = await cloud.pids()
    expect(Object.keys(after).toSorted()).toEqual(Object.keys(before).toSorted())
    const changed = Object.keys(after).filter((id) => after[id] !== before[id])
    expect(changed).toEqual([victim?.id])
  })

  test.each(['server', 'agent'] as const)(
    'loses no request when the %s is killed',
    async (role) => {
      const before = await cloud.pids()
      const load = await cloud.load(rate)
      const { pid } = cloud.file.roles[role] ?? { pid: 0 }
      process.kill(pid, 'SIGKILL')
      await until(() => (cloud.file.roles[role]?.pid ?? pid) !== pid, `the ${role} is back`)
      await until(async () => {
        const instances = await cloud.instances().catch(() => [])
        return (
          instances.length > 0 && instances.every(({ observed }) => observed?.state === 'ready')
        )
      }, 'every instance is observed again')
      const customers = await load.end()
      expect(failuresOf(customers)).toBe(0)
      expect(await cloud.pids()).toEqual(before)
    },
  )

  test('is back when the ingress was killed, from its last table', async () => {
    const { pid } = cloud.file.roles.ingress ?? { pid: 0 }
    process.kill(pid, 'SIGKILL')
    await until(
      async () => (await cloud.page().catch(() => undefined))?.status === 200,
      'it answers',
    )
    expect(cloud.file.roles.ingress?.pid).not.toBe(pid)
  })

  test('is scaled, stopped and started by the CLI and by one REST call each', async () => {
    expect((await cloud.run('scale', 'catalogue', '3')).code).toBe(0)
    await until(async () => (await ready('catalogue')) === 3, 'three serve')
    const path = '/v1/cells/local/default/apps/shop'
    const scaled = { service: 'catalogue', instances: 2 }
    expect((await cloud.request('POST', `${path}/scale`, scaled)).status).toBe(202)
    await until(async () => (await cloud.instances('catalogue')).length === 2, 'two are left')
    expect((await cloud.run('stop', 'mailer')).code).toBe(0)
    await until(
      async () => (await cloud.instances('mailer')).length === 0,
      'the mailer has stopped',
    )
    expect((await cloud.request('POST', `${path}/start`, { service: 'mailer' })).status).toBe(202)
    await until(async () => (await ready('mailer')) === 1, 'the mailer runs again')
  })

  test('goes back to the release before by one command', async () => {
    const { code, output } = await cloud.run('revert', 'shop')
    expect(output).toContain('release 1 (v1) is online')
    expect(code).toBe(0)
    expect(await cloud.app()).toMatchObject({ health: 'ok', version: 'v1' })
  })

  test('says what its instances printed, the dead ones too', async () => {
    const { code, output } = await cloud.run('logs', 'storefront', '-n', '200')
    expect(code).toBe(0)
    const ids = new Set(output.match(/\bi-[0-9a-z]{8}\b/g))
    const alive = new Set((await cloud.instances('storefront')).map(({ id }) => id))
    expect([...ids].some((id) => !alive.has(id))).toBe(true)
  })

  test('was tested in each service that a release changed, before customers met it', async () => {
    const { output } = await cloud.run('logs', 'shop', '-n', '2000')
    const told = output.split('\n').filter((line) => line.includes('~test'))
    const passed = told.map((line) => /\d passed/.exec(line)?.[0]).filter(Boolean)
    expect(passed.slice(0, 2)).toEqual(['3 passed', '2 passed'])
    expect(told.some((line) => line.includes('lantern has a price, not null'))).toBe(true)
  })

  test('says why an instance has no place, and what would make it fit', async () => {
    const path = '/v1/cells/local/default/apps/shop'
    const tooMany = { service: 'shipment', instances: 900 }
    expect((await cloud.request('POST', `${path}/scale`, tooMany)).status).toBe(202)
    let waiting: string | undefined
    await until(async () => {
      const pending = (await cloud.instances('shipment')).find(({ unplaced }) => unplaced !== null)
      waiting = pending?.id
      return waiting !== undefined
    }, 'one has no place')
    const { code, output } = await cloud.run('why', waiting ?? '')
    expect(code).toBe(0)
    expect(output).toMatch(/cpu|memory|disk|port/)
    const one = { service: 'shipment', instances: 1 }
    expect((await cloud.request('POST', `${path}/scale`, one)).status).toBe(202)
    await until(async () => (await cloud.instances('shipment')).length === 1, 'one is left')
  })

  test('is destroyed with all that belongs to it', async () => {
    expect((await cloud.run('destroy', 'shop', '--yes')).code).toBe(0)
    await until(
      async () => (await cloud.get<{ items: unknown[] }>('/v1/apps')).items.length === 0,
      'the app is gone',
    )
    expect(processesOf(cloud.folder)).toEqual(['agent', 'ingress', 'server', 'up'])
  })

  test('leaves no process behind when up ends', async () => {
    expect((await cloud.run('deploy', '--version', 'again')).code).toBe(0)
    expect(processesOf(cloud.folder).length).toBeGreaterThan(8)
    await cloud.stop()
    expect(processesOf(cloud.folder)).toEqual([])
  })
})

async function sentToStorefront(): Promise<number> {
  const { services } = await cloud.app()
  return services.find(({ name }) => name === 'storefront')?.traffic?.sentTotal ?? 0
}

/** The count once the ingress has told all: reports come every second. */
async function settledCount(): Promise<number> {
  for (let before = -1; ;) {
    const sent = await sentToStorefront()
    if (sent === before) return sent
    before = sent
    await systemClock.sleep(2_500)
  }
}

async function ready(service: string): Promise<number> {
  const { services } = await cloud.app()
  return services.find(({ name }) => name === service)?.ready ?? 0
}

/** Every process whose environment or command line names the cloud's folder, by its role. */
function processesOf(folder: string): string[] {
  const found: string[] = []
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue
    const command = read(`/proc/${pid}/cmdline`)
    const isOurs = command.includes(folder) || read(`/proc/${pid}/environ`).includes(folder)
    if (!isOurs || command === '') continue
    const role = /roles\/(\w+)\.ts|main\.ts\0(up)/.exec(command)
    found.push(role?.[1] ?? role?.[2] ?? command.replaceAll('\0', ' ').trim())
  }
  return found.toSorted()
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
