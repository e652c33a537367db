/**
 * The pool switch: 100 servers go one by one from the online pool to maintenance and back, under
 * load. Measured is the time until the driver acknowledges each change; and no request may arrive at
 * a server after the acknowledgement that took it out, but those that were on their way at that
 * instant: they get 20 ms, since servers and driver share one event loop here. Clients have a process of
 * their own.
 *
 * `npm run bench -- pool-switch [builtin] [haproxy] [--beside 5500]`: with so many servers of other
 * apps in the same table, which nobody asks.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Agent } from 'undici'
import { systemClock } from '../src/base/clock.ts'
import { silentLog } from '../src/base/log.ts'
import { systemRandom } from '../src/base/random.ts'
import { builtinIngress } from '../src/drivers/ingress/builtin/builtin-ingress.ts'
import { haproxyIngress } from '../src/drivers/ingress/haproxy/haproxy-ingress.ts'
import type { IngressDriver } from '../src/parts/ingress/driver.ts'
import type { Backend, Endpoint } from '../src/parts/ingress/model.ts'

const serverCount = 100
const clients = 32
/** An answer takes this long, in ms, so that requests are always under way. */
const answerMs = 10
/** What was sent before the acknowledgement has arrived after this, in ms. */
const onTheirWayMs = 20
const host = 'switch.localhost'

interface Instance {
  readonly endpoint: Endpoint
  readonly server: Server
  /** Whether its going has been acknowledged: from then on nothing may arrive. */
  isOut: boolean
  late: number
}

async function anInstance(index: number): Promise<Instance> {
  const instance: { -readonly [K in keyof Instance]?: Instance[K] } = { isOut: false, late: 0 }
  const server = createServer((request, response) => {
    if (instance.isOut === true) instance.late = (instance.late ?? 0) + 1
    request.resume()
    setTimeout(() => response.end('ok'), answerMs)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const instanceId = `i-${String(index).padStart(3, '0')}`
  const endpoint = { instanceId, releaseId: 'rel-1', address: '127.0.0.1', port, ready: true }
  return Object.assign(instance, { server, endpoint }) as Instance
}

function tableOf(instances: readonly Instance[], out: Instance | undefined): Backend {
  const stays = instances.filter((one) => one !== out)
  return {
    id: 'local/default/bench/web',
    online: stays.map(({ endpoint }) => endpoint),
    maintenance: out === undefined ? [] : [out.endpoint],
    route: { host, path: '/', expose: 'public' },
    listener: null,
  }
}

/** Pools of other apps, a hundred servers each; nobody listens at their ports, and nobody asks. */
function othersOf(count: number): Backend[] {
  return Array.from({ length: Math.ceil(count / serverCount) }, (_, pool) => ({
    id: `local/default/other-${pool}/web`,
    online: Array.from(
      { length: Math.min(serverCount, count - pool * serverCount) },
      (_none, at) => ({
        instanceId: `i-${pool}-${at}`,
        releaseId: 'rel-1',
        address: `127.0.${pool + 1}.1`,
        port: 20_000 + at,
        ready: true,
      }),
    ),
    maintenance: [],
    route: { host: `other-${pool}.localhost`, path: '/', expose: 'public' },
    listener: null,
  }))
}

async function measure(name: string, driver: IngressDriver): Promise<boolean> {
  const instances = await Promise.all(Array.from({ length: serverCount }, (_, i) => anInstance(i)))
  const apply = (out?: Instance): Promise<void> =>
    driver.apply({ full: false, backends: [tableOf(instances, out)], removed: [] })
  await driver.apply({ full: true, backends: othersOf(beside), removed: [] })
  await apply()
  const openedIn = performance.now()
  const { publicPort } = await driver.open({ publicAddress: { host: '127.0.0.1', port: 0 } })
  if (beside > 0) {
    console.log(
      `${name}: open with ${beside} others in ${Math.round(performance.now() - openedIn)} ms`,
    )
  }
  const load = fork(import.meta.filename, ['--child', `http://127.0.0.1:${publicPort}`])
  await systemClock.sleep(2_000)
  const took: number[] = []
  for (const instance of instances) {
    took.push(await timed(() => apply(instance)))
    await systemClock.sleep(onTheirWayMs)
    instance.isOut = true
    await systemClock.sleep(onTheirWayMs)
    instance.isOut = false
    took.push(await timed(() => apply()))
  }
  load.send('enough')
  const [asked] = (await once(load, 'message')) as [Load]
  await driver.close(1_000)
  for (const { server } of instances) server.close()
  const late = instances.reduce((sum, one) => sum + one.late, 0)
  const sorted = took.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(2)
  console.log(
    `${name}: ${took.length} switches, acknowledged p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; ` +
      `${late} requests after the acknowledgement; ${asked.failed} of ${asked.sent} failed`,
  )
  return late === 0 && asked.failed === 0
}

async function timed(operation: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await operation()
  return performance.now() - startedAt
}

interface Load {
  sent: number
  failed: number
}

/** Asks until the parent has enough, then tells it how that went; for a child process. */
async function ask(origin: string): Promise<void> {
  const load: Load = { sent: 0, failed: 0 }
  let isEnough = false
  process.once('message', () => (isEnough = true))
  const agent = new Agent({ connections: clients, pipelining: 1 })
  const one = async (): Promise<void> => {
    while (!isEnough) {
      load.sent++
      const answer = await agent
        .request({ origin, path: '/', method: 'GET', headers: { host } })
        .catch(() => undefined)
      await answer?.body.dump()
      if (answer?.statusCode !== 200) load.failed++
    }
  }
  await Promise.all(Array.from({ length: clients }, one))
  await agent.close()
  process.send?.(load, () => process.disconnect())
}

const world = { clock: systemClock, random: systemRandom, log: silentLog }
const drivers = {
  builtin: () => builtinIngress(world),
  haproxy: (folder: string) => haproxyIngress({ ...world, folder }),
}

const { values, positionals } = parseArgs({
  options: {
    beside: { type: 'string', default: '0' },
    noisy: { type: 'boolean' },
    child: { type: 'string' },
  },
  allowPositionals: true,
})
const beside = Number(values.beside)
if (values.child !== undefined) await ask(values.child)
else process.exit((await measureAll(positionals)) ? 0 : 1)

async function measureAll(named: readonly string[]): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'roadstead-switch-'))
  let isKept = true
  for (const [name, make] of Object.entries(drivers)) {
    if (named.length > 0 && !named.includes(name)) continue
    isKept = (await measure(name, make(folder))) && isKept
  }
  rmSync(folder, { recursive: true, force: true })
  return isKept
}
