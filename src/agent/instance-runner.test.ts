import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../base/virtual-clock.ts'
import { silentLog } from '../base/log.ts'
import { Fault } from '../base/errors.ts'
import type {
  Adopted,
  Exit,
  InstanceDriver,
  Launch,
  ProbeAnswer,
} from '../parts/instances/driver.ts'
import { observedTable } from '../parts/instances/model.ts'
import type { AssignedInstance } from '../wire/agent.ts'
import type { Taken, Wanted } from './artifact-cache.ts'
import type { Content } from './content.ts'
import { newlyObserved, type InstanceRecord } from './instance-facts.ts'
import { InstanceRunner } from './instance-runner.ts'

/** What the instance under test does, run by run; the last entry holds for all later ones. */
interface Script {
  readonly endsAfterMs?: number
  readonly healthyFromMs?: number
  readonly ignoresTerm?: boolean
  readonly fault?: Fault
}

/** A driver of one instance, on a virtual clock; mock-driver.ts is a layer that agents may not see. */
class ScriptedDriver implements Partial<InstanceDriver> {
  readonly launches: Launch[] = []
  readonly sent: string[] = []
  probes = 0
  onEnd: (run: number, exit: Exit) => void = () => {}
  #exit: Exit | undefined
  #startedAt = 0
  readonly #clock: VirtualClock
  readonly #scripts: readonly Script[]

  constructor(clock: VirtualClock, scripts: readonly Script[]) {
    this.#clock = clock
    this.#scripts = scripts
  }

  renew(): Promise<void> {
    return Promise.resolve()
  }

  leaseNow(): number {
    return this.#clock.monotonic()
  }

  start(launch: Launch): Promise<{ pid: number }> {
    this.launches.push(launch)
    const { fault, endsAfterMs } = this.#script()
    if (fault !== undefined) return Promise.reject(fault)
    this.#exit = undefined
    this.#startedAt = this.#clock.monotonic()
    const run = this.launches.length
    if (endsAfterMs !== undefined) {
      this.#clock.after(endsAfterMs, () => this.#endRun(run, { code: 1, signal: null }))
    }
    return Promise.resolve({ pid: 100 + run })
  }

  terminate(): Promise<void> {
    this.sent.push('SIGTERM')
    if (this.#script().ignoresTerm !== true) this.#end({ code: 0, signal: null })
    return Promise.resolve()
  }

  end(): Promise<Exit | undefined> {
    this.sent.push('SIGKILL')
    this.#end({ code: null, signal: 'SIGKILL' })
    return Promise.resolve(this.#exit)
  }

  probe(): Promise<ProbeAnswer> {
    this.probes++
    const ageMs = this.#clock.monotonic() - this.#startedAt
    const ok = this.#exit === undefined && ageMs >= (this.#script().healthyFromMs ?? 0)
    return Promise.resolve({ ok, because: ok ? 'well' : 'not yet' })
  }

  async get(): Promise<ProbeAnswer> {
    await this.#clock.sleep(10)
    return { ok: true, because: 'well' }
  }

  #script(): Script {
    return this.#scripts[this.launches.length - 1] ?? this.#scripts.at(-1) ?? {}
  }

  #endRun(run: number, how: Omit<Exit, 'at'>): void {
    if (run === this.launches.length) this.#end(how)
  }

  #end(how: Omit<Exit, 'at'>): void {
    if (this.#exit !== undefined || this.launches.length === 0) return
    this.#exit = { ...how, at: this.#clock.now() }
    this.onEnd(this.launches.length, this.#exit)
  }
}

function anAssigned(given: Partial<AssignedInstance> = {}): AssignedInstance {
  return {
    instanceId: 'i-a',
    at: { tenant: 'default', environment: 'local', app: 'shop' },
    service: 'web',
    releaseId: 'rel-1',
    purpose: 'service',
    desired: 'running',
    port: 21_000,
    run: ['node', 'server.js'],
    env: { GREETING: 'hello', ROADSTEAD_INSTANCE: 'forged' },
    artifact: { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 },
    health: {
      probe: { kind: 'http', path: '/' },
      everyMs: 2_000,
      timeoutMs: 1_000,
      passes: 2,
      fails: 3,
      startDeadlineMs: 10_000,
    },
    stop: { drainMs: 0, graceMs: 5_000 },
    warmup: null,
    timeoutMs: null,
    ...given,
  }
}

function world(
  scripts: readonly Script[],
  given: Partial<AssignedInstance> = {},
  adopted?: Adopted,
  save: () => Promise<void> = () => Promise.resolve(),
  take?: (wanted: Wanted, artifact: Content['artifact']) => Promise<Taken>,
) {
  const clock = new VirtualClock()
  const driver = new ScriptedDriver(clock, scripts)
  const saved: InstanceRecord[] = []
  const assigned = anAssigned(given)
  const state = adopted?.process.is === 'running' ? 'ready' : 'pulling'
  const observed = { ...newlyObserved('i-a', clock.now()), state } as const
  const states: string[] = [state]
  const runner = new InstanceRunner(
    {
      nodeId: 'n1',
      address: '127.0.0.1',
      driver: driver as unknown as InstanceDriver,
      take: ({ artifact }, wanted) =>
        take?.(wanted, artifact) ??
        Promise.resolve({ directory: '/artifacts/0', content: { artifact }, without: null }),
      clock,
      log: silentLog,
      save: (record) => {
        saved.push(record)
        return save()
      },
      onKilled: () => {},
      room: () => 'enough',
      onChange: (now) => {
        if (states.at(-1) !== now.state) states.push(now.state)
      },
    },
    { assigned, wanted: 'running', observed },
    adopted,
  )
  driver.onEnd = (run, exit) => runner.ended(run, exit)
  return { clock, driver, runner, states, saved, assigned }
}

describe('InstanceRunner', () => {
  test('a good instance is ready some 100 ms after its checks can pass', async () => {
    const { clock, driver, runner, states } = world([{ healthyFromMs: 250 }])
    runner.poke()
    await clock.advance(500)
    expect(states).toEqual(['pulling', 'starting', 'ready'])
    expect(driver.launches).toMatchObject([
      {
        run: 1,
        directory: '/artifacts/0',
        listen: { host: '127.0.0.1', port: 21_000 },
        env: { GREETING: 'hello', PORT: '21000', ROADSTEAD_INSTANCE: 'i-a', ROADSTEAD_NODE: 'n1' },
      },
    ])
    expect(runner.observed).toMatchObject({ runs: 1, pid: 101, because: 'well' })
  })

  test('a ready instance is asked as often as its manifest says', async () => {
    const { clock, driver, runner } = world([{}])
    runner.poke()
    await clock.advance(1_000)
    const before = driver.probes
    await clock.advance(20_000)
    expect(driver.probes - before).toBe(10)
  })

  test('a crash loop is restarted at once, then after 1, 2, 4 s', async () => {
    const { clock, driver, runner } = world([{ endsAfterMs: 0, healthyFromMs: 60_000 }])
    runner.poke()
    const startsAfter: number[] = []
    for (const ms of [50, 900, 100, 1_900, 100, 3_900, 100]) {
      await clock.advance(ms)
      startsAfter.push(driver.launches.length)
    }
    expect(startsAfter).toEqual([2, 2, 3, 3, 4, 4, 5])
    expect(runner.observed).toMatchObject({ state: 'backing-off', lastExit: { code: 1 } })
  })

  test('an instance that never gets healthy is killed at its deadline and started again', async () => {
    const { clock, driver, runner } = world([{ healthyFromMs: Infinity }])
    runner.poke()
    await clock.advance(9_900)
    expect([driver.launches.length, driver.sent]).toEqual([1, []])
    await clock.advance(200)
    expect([driver.launches.length, driver.sent]).toEqual([2, ['SIGKILL']])
  })

  test('a stop gives the grace, then kills, and is for ever', async () => {
    const { clock, driver, runner, states, assigned } = world([{ ignoresTerm: true }])
    runner.poke()
    await clock.advance(1_000)
    runner.assign(assigned, 'stopped')
    await clock.advance(4_900)
    expect(driver.sent).toEqual(['SIGTERM'])
    runner.assign(assigned, 'running')
    await clock.advance(200)
    expect(driver.sent).toEqual(['SIGTERM', 'SIGKILL'])
    expect(runner.observed).toMatchObject({ state: 'exited', lastExit: { signal: 'SIGKILL' } })
    await clock.advance(60_000)
    expect(driver.launches).toHaveLength(1)
    expect(states).toEqual(['pulling', 'starting', 'ready', 'stopping', 'exited'])
  })

  test('a warm-up is measured, and over before it is ready', async () => {
    const { clock, runner, states } = world([{}], { warmup: { get: ['/', '/c'], times: 10 } })
    runner.poke()
    await clock.advance(1_000)
    expect(states).toEqual(['pulling', 'starting', 'warming', 'ready'])
    expect(runner.observed.warmedUp).toEqual({ requests: 20, firstMs: 10, lastMs: 10 })
  })

  test('a taken port is refused and nothing is tried again', async () => {
    const fault = new Fault('port-taken', 'port 21000 is held by another process')
    const { clock, driver, runner } = world([{ fault }])
    runner.poke()
    await clock.advance(60_000)
    expect(runner.observed.state).toBe('refused')
    expect(driver.launches).toHaveLength(1)
  })

  test('what runs once has had its run, though a power cut took its record back', async () => {
    const exit: Exit = { code: null, signal: null, at: 0 }
    const adopted: Adopted = { instanceId: 'i-a', run: 1, process: { is: 'ended', exit } }
    const { clock, driver, runner } = world([{}], { purpose: 'test' }, adopted)
    runner.poke()
    await clock.advance(5_000)
    expect(runner.observed.state).toBe('exited')
    expect(driver.launches).toEqual([])
  })

  test('a singleton that ended unseen starts again under a new lease only', async () => {
    const exit: Exit = { code: null, signal: null, at: 0 }
    const adopted: Adopted = {
      instanceId: 'i-a',
      run: 1,
      // As it was written before the machine went down: its clock may have begun anew.
      leaseUntil: 1_000_000,
      process: { is: 'ended', exit },
    }
    const { clock, driver, runner } = world(
      [{}],
      { singleton: { epoch: 1, leaseMs: 20_000 } },
      adopted,
    )
    runner.poke()
    await clock.advance(5_000)
    expect(driver.launches).toEqual([])
    await runner.renew(clock.monotonic())
    for (let step = 0; step < 10; step++) await clock.advance(100)
    expect(driver.launches).toHaveLength(1)
  })

  test('that it is to stop is on the disk before it is told, where the disk takes it', async () => {
    let open = (): void => {}
    let hangs = false
    const save = (): Promise<void> =>
      hangs ? new Promise((resolve) => (open = resolve)) : Promise.resolve()
    const { clock, driver, runner, saved } = world([{}], {}, undefined, save)
    runner.poke()
    await clock.advance(1_000)
    hangs = true
    runner.stop()
    await clock.advance(5_000)
    expect(saved.at(-1)).toMatchObject({ wanted: 'stopped' })
    expect(driver.sent).toEqual([])
    // Who waits for its room or its port may count on it.
    expect(runner.occupant).toMatchObject({ isWanted: false })
    open()
    await clock.advance(100)
    expect(driver.sent).toContain('SIGTERM')
  })

  test('a disk that hangs holds a stop up for ten seconds', async () => {
    let hangs = false
    const save = (): Promise<void> => (hangs ? new Promise(() => {}) : Promise.resolve())
    const { clock, driver, runner } = world([{}], {}, undefined, save)
    runner.poke()
    await clock.advance(1_000)
    hangs = true
    runner.stop()
    await clock.advance(9_900)
    expect(driver.sent).toEqual([])
    await clock.advance(200)
    expect(driver.sent).toContain('SIGTERM')
  })

  test('an adopted instance stays ready, and its end is noticed', async () => {
    const adopted: Adopted = {
      instanceId: 'i-a',
      run: 4,
      process: { is: 'running', pid: 77, ageMs: 5_000 },
    }
    const { clock, driver, runner, states } = world([{}], {}, adopted)
    runner.poke()
    await clock.advance(1_000)
    expect(runner.observed).toMatchObject({ state: 'ready', runs: 4, pid: 77 })
    expect(states).toEqual(['ready'])
    runner.ended(4, { code: null, signal: 'SIGSEGV', at: 0 })
    // In steps: a chain of promises is longer than what one step lets settle.
    for (let step = 0; step < 10; step++) await clock.advance(100)
    expect(states).toEqual(['ready', 'backing-off', 'pulling', 'starting', 'ready'])
    expect(driver.launches).toMatchObject([{ run: 5 }])
  })

  test('a test runs once', async () => {
    const given = { purpose: 'test', timeoutMs: 60_000, port: null } as const
    const { clock, driver, runner, states } = world([{ endsAfterMs: 2_000 }], given)
    runner.poke()
    await clock.advance(100)
    expect(runner.observed.state).toBe('ready')
    await clock.advance(60_000)
    expect(driver.launches).toHaveLength(1)
    expect(driver.launches[0]?.env).not.toHaveProperty('PORT')
    expect(runner.observed).toMatchObject({ state: 'exited', lastExit: { code: 1 } })
    expect(states).toEqual(['pulling', 'starting', 'ready', 'exited'])
  })

  test('the record of a run is kept before its process starts', async () => {
    const { clock, driver, runner, saved } = world([{}])
    runner.poke()
    while (driver.launches.length === 0) await clock.advance(0)
    expect(saved.at(-1)?.observed).toMatchObject({ state: 'starting', runs: 1 })
  })

  test('an earlier archive that cannot be had stops it twice, and then never again', async () => {
    const asked: Wanted[] = []
    const without = 'without all assets of earlier versions: the server does not answer'
    const take = (wanted: Wanted): Promise<Taken> => {
      asked.push(wanted)
      if (wanted === 'all') return Promise.reject(new Fault('server-unreachable', 'no answer'))
      const content = { artifact: anAssigned().artifact }
      return Promise.resolve({ directory: '/artifacts/0', content, without })
    }
    const { clock, runner, saved } = world([{}], {}, undefined, undefined, take)
    runner.poke()
    for (let step = 0; step < 60; step++) await clock.advance(100)
    expect(asked).toEqual(['all', 'all', 'had'])
    expect(runner.observed.state).toBe('ready')
    expect(runner.observed.because).toContain(without)
    expect(runner.observed.artifact).toBe(anAssigned().artifact.digest)
    expect(saved.at(-1)?.content).toEqual({ artifact: anAssigned().artifact })
  })

  test('what it mounts is here before it starts, and is named where it lies', async () => {
    const artifact = { digest: `sha256:${'9'.repeat(64)}`, sizeBytes: 1 }
    let isThere = false
    const take = (_wanted: Wanted, asked: Content['artifact']): Promise<Taken> => {
      const isMounted = asked.digest === artifact.digest
      if (isMounted && !isThere) return Promise.reject(new Fault('server-unreachable', 'gone'))
      const directory = isMounted ? '/artifacts/9' : '/artifacts/0'
      return Promise.resolve({ directory, content: { artifact: asked }, without: null })
    }
    const mounts = { artifact, paths: ['/etc/a.conf', '/srv/pages'] }
    const { clock, driver, runner } = world([{}], { mounts }, undefined, undefined, take)
    runner.poke()
    for (let step = 0; step < 20; step++) await clock.advance(100)
    expect(driver.launches).toEqual([])
    isThere = true
    for (let step = 0; step < 60; step++) await clock.advance(100)
    expect(driver.launches).toMatchObject([
      {
        directory: '/artifacts/0',
        mounts: [
          { path: '/etc/a.conf', source: '/artifacts/9/etc/a.conf' },
          { path: '/srv/pages', source: '/artifacts/9/srv/pages' },
        ],
      },
    ])
    expect(runner.observed.artifact).toBe(anAssigned().artifact.digest)
  })

  test('each state that is reported follows the table', async () => {
    const scripts = [{ endsAfterMs: 500 }, { healthyFromMs: Infinity }, { endsAfterMs: 20_000 }, {}]
    const { clock, runner, states, assigned } = world(scripts, { warmup: { get: ['/'], times: 1 } })
    runner.poke()
    await clock.advance(60_000)
    runner.assign(assigned, 'stopped')
    await clock.advance(1_000)
    expect(states.at(-1)).toBe('exited')
    for (const [index, to] of states.entries()) {
      const from = states[index - 1] ?? 'pulling'
      if (from === to) continue
      expect(observedTable.transitions).toContainEqual({ from, to, by: 'agent' })
    }
  })
})
