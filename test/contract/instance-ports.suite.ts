import { request } from 'undici'
import { expect, test } from 'vitest'
import type { Launch } from '../../src/parts/instances/driver.ts'
import { freePort } from '../fixtures/free-port.ts'
import type { DriverHarness } from './instance-driver.suite.ts'

/** What a program that insists on a port insists on here. */
const insisted = 8080

/** The same start, of a program that listens at 8080 and nowhere else; the node has another for it. */
export async function insisting(launch: Launch): Promise<Launch> {
  const port = await freePort()
  return {
    ...launch,
    container: { port: insisted },
    env: { ...launch.env, PORT: String(insisted), ROADSTEAD_INSTANCE: launch.instanceId },
    listen: { host: '127.0.0.1', port },
  }
}

/** What every instance driver promises to programs that insist on a port; `name` begins their ids. */
export function testInstancePorts(make: () => Promise<DriverHarness>, name: string): void {
  test('two that insist on one port stand side by side, and are found again by the next driver', async () => {
    const harness = await make()
    let driver = await harness.open()
    await driver.adopt()
    const ids = [`${name}-1-${process.pid}`, `${name}-2-${process.pid}`]
    const ports: number[] = []
    const serve = (): Promise<boolean> =>
      Promise.all(ids.map((id) => driver.get(id, '/', 2_000))).then((all) =>
        all.every(({ ok }) => ok),
      )
    try {
      const pids: number[] = []
      for (const id of ids) {
        const launch = await insisting(await harness.launch(id, 1, 'serves'))
        ports.push(launch.listen?.port ?? 0)
        pids.push((await driver.start(launch)).pid)
      }
      await harness.until(serve)
      for (const port of ports) {
        const { statusCode, body } = await request(`http://127.0.0.1:${port}/`)
        await body.dump()
        expect(statusCode).toBeLessThan(500)
      }
      await driver.close()
      driver = await harness.open()
      const adopted = await driver.adopt()
      const running = adopted.map((one) => one.process.is === 'running' && one.process.pid)
      expect(new Set(running)).toEqual(new Set(pids))
      expect(await serve()).toBe(true)
      const [first = '', second = ''] = ids
      await driver.end(first)
      expect(await driver.portsHeld(ports[0]!, ports[0]!)).toEqual([])
      expect((await driver.get(second, '/', 2_000)).ok).toBe(true)
    } finally {
      for (const id of ids) await driver.end(id)
      for (const id of ids) await driver.discard(id)
      await driver.close()
      await harness.close()
    }
  })
}
