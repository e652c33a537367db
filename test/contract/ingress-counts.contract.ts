/** Safety of the counts, in words, over random traffic and tables; run by each ingress driver. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { IngressDriver } from '../../src/parts/ingress/driver.ts'
import { failedOf, type Backend, type Counters } from '../../src/parts/ingress/model.ts'
import { aBackend, anApp, anEndpoint, call, underWayOf, until, type App } from './ingress-bed.ts'
import type { DriverMaker } from './ingress-traits.ts'
import { deadPort } from '../fixtures/free-port.ts'

const mood = fc.constantFrom(
  'answer',
  'answer',
  'slow',
  'fail',
  'reset',
  'midway',
  'empty',
  'big',
  'stream',
  'exit',
  'hang',
)

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      mood,
      method: fc.constantFrom('GET', 'POST', 'PUT', 'HEAD'),
      bytes: fc.constantFrom(0, 10, 100_000),
      leaveAfterMs: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined, freq: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('table' as const),
      online: fc.subarray([0, 1, 2, 3]),
      maintenance: fc.subarray([0, 1]),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('kill' as const), app: fc.nat({ max: 2 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 30 }) }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

export function describeIngressCounts(name: string, makeDriver: DriverMaker): void {
  describe(`${name} ingress, counts`, () => {
    it('at any instant, what was sent is answered, failed, left by its client or under way', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
          const violated = await play(makeDriver({ answerMs: 1_000, holdMs: 300 }), steps)
          expect(violated).toEqual([])
        }),
        { numRuns: 12, endOnFailure: true },
      )
    }, 120_000)
  })
}

/** Plays one history with four instances, one of which never listens; tells what did not hold. */
async function play(driver: IngressDriver, steps: readonly Step[]): Promise<string[]> {
  const apps = await Promise.all(['i-0', 'i-1', 'i-2'].map((id) => anApp(id)))
  const dead = { id: 'i-dead', port: deadPort }
  const endpoints = [...apps, dead].map((one) => anEndpoint(one))
  // A name of its own: what others send to a port that they knew before is no request of this play.
  const host = `${randomUUID()}.localhost`
  const route = { host, path: '/', expose: 'public' }
  const backend = aBackend({ route, online: endpoints })
  await driver.apply({ full: true, backends: [backend], removed: [] })
  const { publicPort } = await driver.open({ publicAddress: { host: '127.0.0.1', port: 0 } })
  const seen = { calls: 0, whole: 0, platform: 0, broken: 0 }
  const before = new Map<string, Counters>()
  const violated: string[] = []
  const calls: Promise<void>[] = []
  try {
    for (const one of steps) {
      if (one.do === 'call') calls.push(makeCall({ port: publicPort, host }, one, seen))
      else await disturb(driver, apps, backend, one)
      violated.push(...(await violationsIn(driver, before)))
    }
    await Promise.all(calls)
    await until(async () => (await totals(driver)).underWay === 0, 'nothing is under way', 15_000)
    violated.push(...(await violationsIn(driver, before)))
    const { sent, answered, failed, aborted } = await totals(driver)
    // A client that left cannot tell whether its request was ever read; nobody else may be unsure.
    const told: [boolean, string][] = [
      [sent <= seen.calls, 'nothing was counted that no client sent'],
      [answered >= seen.whole, 'every answer that a client got whole is counted as answered'],
      [failed >= seen.platform, 'every failure that a client was told of is counted as failed'],
      [answered + failed + aborted === sent, 'every request has ended once'],
      [seen.whole + seen.platform + seen.broken === seen.calls, 'every call has ended'],
    ]
    for (const [holds, what] of told) if (!holds) violated.push(what)
    return violated
  } finally {
    await driver.close(0)
    await Promise.all(apps.map((one) => one.kill()))
  }
}

async function makeCall(
  { port, host }: { readonly port: number; readonly host: string },
  one: Extract<Step, { do: 'call' }>,
  seen: { calls: number; whole: number; platform: number; broken: number },
): Promise<void> {
  seen.calls++
  const answer = await call(port, {
    host,
    method: one.method,
    headers: { 'x-do': one.mood },
    ...(one.method === 'POST' || one.method === 'PUT' ? { body: Buffer.alloc(one.bytes) } : {}),
    ...(one.leaveAfterMs === undefined ? {} : { leaveAfterMs: one.leaveAfterMs }),
  })
  if (answer.status === 0) seen.broken++
  else if (answer.headers['roadstead-failure'] === undefined) seen.whole++
  else seen.platform++
}

async function disturb(
  driver: IngressDriver,
  apps: readonly App[],
  backend: Backend,
  one: Exclude<Step, { do: 'call' }>,
): Promise<void> {
  if (one.do === 'wait') return void (await sleep(one.ms))
  if (one.do === 'kill') {
    await apps[one.app]?.kill()
    return apps[one.app]?.revive()
  }
  const pick = (indexes: readonly number[]) =>
    backend.online.filter((_, index) => indexes.includes(index))
  const online = pick(one.online)
  const maintenance = pick(one.maintenance.filter((index) => !one.online.includes(index)))
  await driver.apply({ full: false, backends: [{ ...backend, online, maintenance }], removed: [] })
}

/** No count ever falls, and no series has ended more requests than it was sent. */
async function violationsIn(
  driver: IngressDriver,
  before: Map<string, Counters>,
): Promise<string[]> {
  const violated: string[] = []
  const { series, leaving } = await driver.observe()
  for (const { pool, instanceId, counters } of series) {
    const key = `${pool} ${instanceId}`
    const last = before.get(key) ?? counters
    const recorded = counters.latency.reduce((sum, count) => sum + count, 0)
    if (underWayOf(counters) < 0) violated.push(`${key}: more has ended than was sent`)
    if (recorded !== counters.answered) violated.push(`${key}: a latency for each answer`)
    if (counters.appErrors > counters.answered) violated.push(`${key}: errors are answers`)
    for (const name of ['sent', 'answered', 'retried', 'clientAborted', 'appErrors'] as const) {
      if (counters[name] < last[name]) violated.push(`${key}: ${name} fell`)
    }
    if (failedOf(counters) < failedOf(last)) violated.push(`${key}: failures fell`)
    before.set(key, structuredClone(counters))
  }
  for (const [id, count] of Object.entries(leaving)) {
    if (count <= 0) violated.push(`${id} is leaving with ${count} under way`)
  }
  return violated
}

async function totals(
  driver: IngressDriver,
): Promise<{ sent: number; answered: number; failed: number; aborted: number; underWay: number }> {
  const { series } = await driver.observe()
  const sum = { sent: 0, answered: 0, failed: 0, aborted: 0, underWay: 0 }
  for (const { instanceId, counters } of series) {
    if (instanceId !== null) continue
    sum.sent += counters.sent
    sum.answered += counters.answered
    sum.failed += failedOf(counters)
    sum.aborted += counters.clientAborted
    sum.underWay += underWayOf(counters)
  }
  return sum
}
