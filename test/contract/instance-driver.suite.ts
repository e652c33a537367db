import { expect, test } from 'vitest'
import type {
  ExecOutput,
  ExitListener,
  Exit,
  InstanceDriver,
  Launch,
} from '../../src/parts/instances/driver.ts'
import { outputStart } from '../../src/parts/instances/driver.ts'

/** What an instance does; each implementation stages it in its own way. */
export type Behaviour =
  | 'serves'
  | 'ignores SIGTERM'
  | 'exits with code 3'
  | 'prints and exits'
  | 'has no command'
  | 'finds its port taken'

export interface DriverHarness {
  /** A driver on the same machine as the ones before it. */
  open(): Promise<InstanceDriver>
  /** Fills in what the implementation needs to behave so. */
  launch(instanceId: string, run: number, behaviour: Behaviour): Promise<Launch>
  /** Lets time pass until `condition` holds. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>
  /** Lets so much time pass that what was to happen at once has happened. */
  settle(): Promise<void>
  close(): Promise<void>
}

interface Told {
  readonly instanceId: string
  readonly run: number
  readonly exit: Exit
}

function recorder(driver: InstanceDriver): Told[] {
  const told: Told[] = []
  const listener: ExitListener = (instanceId, run, exit) => told.push({ instanceId, run, exit })
  driver.onExit(listener)
  return told
}

/**
 * What every instance driver promises (src/parts/instances/driver.ts). `id`: an instance's own on this
 * machine, since its processes are found by it.
 */
export function testInstanceDriver(make: () => Promise<DriverHarness>, name = 'i-a'): void {
  // Processes are known by it on the whole machine: another run of these tests may be under way.
  const id = `${name}-${process.pid}`
  const withDriver =
    (body: (driver: InstanceDriver, harness: DriverHarness, told: Told[]) => Promise<void>) =>
    async (): Promise<void> => {
      const harness = await make()
      const driver = await harness.open()
      const told = recorder(driver)
      await driver.adopt()
      try {
        await body(driver, harness, told)
      } finally {
        await driver.end(id)
        await driver.discard(id)
        await driver.close()
        await harness.close()
      }
    }
  const http = { kind: 'http', path: '/' } as const

  test(
    'an instance that serves passes its checks',
    withDriver(async (driver, harness) => {
      const { pid } = await driver.start(await harness.launch(id, 1, 'serves'))
      expect(pid).toBeGreaterThan(0)
      await harness.until(async () => (await driver.probe(id, http, 1_000)).ok)
      expect(await driver.get(id, '/', 1_000)).toMatchObject({ ok: true })
      const launch = await harness.launch(id, 1, 'serves')
      const port = launch.listen?.port ?? 0
      expect(await driver.portsHeld(port, port)).toEqual([port])
    }),
  )

  test(
    'a check of what does not run fails with a reason instead of throwing',
    withDriver(async (driver) => {
      for (const probe of [http, { kind: 'tcp' }, { kind: 'exec', run: ['true'] }] as const) {
        const answer = await driver.probe('i-nobody', probe, 100)
        expect(answer.ok).toBe(false)
        expect(answer.because).not.toBe('')
      }
    }),
  )

  test(
    'a command runs beside an instance, takes input, and tells how it ended',
    withDriver(async (driver, harness) => {
      await driver.start(await harness.launch(id, 1, 'serves'))
      const exec = await driver.startExec(id, ['cat'], null)
      exec.write(Buffer.from('to and fro'))
      exec.endInput()
      let printed = ''
      for await (const { bytes } of exec.output as AsyncIterable<ExecOutput>) {
        printed += Buffer.from(bytes).toString()
      }
      expect(printed).toContain('to and fro')
      expect(await exec.exited).toEqual({ code: 0, signal: null })
    }),
  )

  test(
    'a command that is hung up ends by that signal',
    withDriver(async (driver, harness) => {
      await driver.start(await harness.launch(id, 1, 'serves'))
      const exec = await driver.startExec(id, ['sleep', '1000'], null)
      exec.output.resume()
      exec.hangUp()
      expect(await exec.exited).toEqual({ code: null, signal: 'SIGHUP' })
    }),
  )

  test(
    'no command runs beside what does not run',
    withDriver(async (driver, harness) => {
      const refused = { code: 'instance-not-running' }
      await expect(driver.startExec('i-nobody', ['true'], null)).rejects.toMatchObject(refused)
      await driver.start(await harness.launch(id, 1, 'serves'))
      await driver.end(id)
      await expect(driver.startExec(id, ['true'], null)).rejects.toMatchObject(refused)
    }),
  )

  test(
    'SIGTERM ends an instance and its end is told once',
    withDriver(async (driver, harness, told) => {
      await driver.start(await harness.launch(id, 1, 'serves'))
      await harness.until(async () => (await driver.probe(id, http, 1_000)).ok)
      await driver.terminate(id)
      await harness.until(() => told.length > 0)
      await driver.end(id)
      await harness.settle()
      expect(told).toEqual([
        { instanceId: id, run: 1, exit: expect.objectContaining({ signal: 'SIGTERM' }) },
      ])
    }),
  )

  test(
    'what ignores SIGTERM runs on until it is ended by SIGKILL',
    withDriver(async (driver, harness, told) => {
      await driver.start(await harness.launch(id, 1, 'ignores SIGTERM'))
      await harness.until(async () => (await driver.probe(id, http, 1_000)).ok)
      await driver.terminate(id)
      await harness.settle()
      expect(told).toEqual([])
      expect(await driver.end(id)).toMatchObject({ code: null, signal: 'SIGKILL' })
      await harness.until(() => told.length > 0)
      expect(told).toHaveLength(1)
      expect(await driver.probe(id, http, 500)).toMatchObject({ ok: false })
    }),
  )

  test(
    'an exit code is told as it is, and the next run may start',
    withDriver(async (driver, harness, told) => {
      await driver.start(await harness.launch(id, 1, 'exits with code 3'))
      await harness.until(() => told.length > 0)
      expect(told).toMatchObject([{ run: 1, exit: { code: 3, signal: null } }])
      expect(await driver.end(id)).toMatchObject({ code: 3 })
      await driver.start(await harness.launch(id, 2, 'exits with code 3'))
      await harness.until(() => told.length > 1)
      expect(told[1]).toMatchObject({ run: 2, exit: { code: 3 } })
    }),
  )

  test(
    'the same run of an instance never starts twice',
    withDriver(async (driver, harness) => {
      await driver.start(await harness.launch(id, 1, 'serves'))
      const again = harness.launch(id, 1, 'serves').then((launch) => driver.start(launch))
      await expect(again).rejects.toThrow('ran before')
    }),
  )

  test(
    'a missing command and a taken port are faults with their codes',
    withDriver(async (driver, harness) => {
      const missing = harness.launch(id, 1, 'has no command').then((one) => driver.start(one))
      await expect(missing).rejects.toMatchObject({ code: 'command-not-found' })
      const taken = harness.launch(id, 2, 'finds its port taken').then((one) => driver.start(one))
      await expect(taken).rejects.toMatchObject({ code: 'port-taken' })
      expect(await driver.end(id)).toBe(undefined)
    }),
  )

  test(
    'what an instance printed can be read from any place, also after its end',
    withDriver(async (driver, harness, told) => {
      await driver.start(await harness.launch(id, 1, 'prints and exits'))
      await harness.until(() => told.length > 0)
      await harness.until(() => driver.hasOutput(id, 'stderr', outputStart))
      await harness.until(() => driver.hasOutput(id, 'stdout', outputStart))
      const first = await driver.readOutput(id, 'stdout', outputStart, 4)
      expect(Buffer.from(first?.bytes ?? []).toString()).toBe('one\n')
      expect(first?.next).toEqual({ segment: 1, byte: 4, newlines: 1 })
      const rest = await driver.readOutput(id, 'stdout', first?.next ?? outputStart, 100)
      expect(Buffer.from(rest?.bytes ?? []).toString()).toBe('two\n')
      const end = rest?.next ?? outputStart
      expect(driver.hasOutput(id, 'stdout', end)).toBe(false)
      expect(await driver.readOutput(id, 'stdout', end, 100)).toBe(undefined)
      await driver.end(id)
      await driver.discard(id)
      expect(driver.hasOutput(id, 'stdout', outputStart)).toBe(false)
    }),
  )

  test(
    'the next driver adopts what runs, and is told of its end',
    withDriver(async (driver, harness) => {
      const { pid } = await driver.start(await harness.launch(id, 1, 'serves'))
      await driver.close()
      const next = await harness.open()
      const told = recorder(next)
      const adopted = await next.adopt()
      expect(adopted).toMatchObject([{ instanceId: id, run: 1, process: { is: 'running', pid } }])
      await harness.until(async () => (await next.probe(id, http, 1_000)).ok)
      await next.terminate(id)
      await harness.until(() => told.length > 0)
      expect(told).toMatchObject([{ instanceId: id, run: 1, exit: { signal: 'SIGTERM' } }])
      await next.close()
    }),
  )

  test(
    'the next driver knows what ended while nobody looked',
    withDriver(async (driver, harness, told) => {
      await driver.start(await harness.launch(id, 1, 'exits with code 3'))
      await driver.close()
      const before = told.length
      await harness.settle()
      const next = await harness.open()
      const adopted = await next.adopt()
      expect(adopted).toMatchObject([
        { instanceId: id, run: 1, process: { is: 'ended', exit: { code: 3, signal: null } } },
      ])
      expect(told).toHaveLength(before)
      await next.close()
    }),
  )

  test(
    'a lease that is renewed keeps a singleton running, and one that is not ends it',
    withDriver(async (driver, harness, told) => {
      const launch = await harness.launch(id, 1, 'serves')
      const startedAt = driver.leaseNow()
      await driver.start({ ...launch, leaseUntil: startedAt + 400 })
      await driver.renew(id, startedAt + 1_200)
      await harness.until(() => driver.leaseNow() > startedAt + 900)
      expect(told).toEqual([])
      await harness.until(() => told.length > 0)
      expect(driver.leaseNow()).toBeGreaterThanOrEqual(startedAt + 1_200)
      expect(told).toMatchObject([{ instanceId: id, run: 1, exit: { signal: 'SIGKILL' } }])
      await driver.end(id)
      await driver.start({
        ...(await harness.launch(id, 2, 'serves')),
        leaseUntil: driver.leaseNow() + 60_000,
      })
      await harness.until(async () => (await driver.probe(id, http, 1_000)).ok)
    }),
  )

  test(
    'a lease runs out without a driver too, and what it ended is adopted as ended',
    withDriver(async (driver, harness) => {
      const launch = await harness.launch(id, 1, 'ignores SIGTERM')
      await driver.start({ ...launch, leaseUntil: driver.leaseNow() + 400 })
      await driver.close()
      await harness.settle()
      await harness.settle()
      await harness.settle()
      const next = await harness.open()
      expect(await next.adopt()).toMatchObject([
        { instanceId: id, run: 1, process: { is: 'ended', exit: { signal: 'SIGKILL' } } },
      ])
      await next.close()
    }),
  )

  test(
    'what was started without a lease gets its watchdog with the first renewal',
    withDriver(async (driver, harness, told) => {
      await driver.start(await harness.launch(id, 1, 'serves'))
      await driver.renew(id, driver.leaseNow() + 300)
      await harness.until(() => told.length > 0)
      expect(told).toMatchObject([{ run: 1, exit: { signal: 'SIGKILL' } }])
    }),
  )

  test(
    'a start whose lease has run out is refused',
    withDriver(async (driver, harness) => {
      const launch = await harness.launch(id, 1, 'serves')
      const late = driver.start({ ...launch, leaseUntil: driver.leaseNow() - 1 })
      await expect(late).rejects.toMatchObject({ code: 'lease-expired' })
    }),
  )
}
