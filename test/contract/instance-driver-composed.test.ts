import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../src/base/virtual-clock.ts'
import {
  ComposedDriver,
  type ContainerDriver,
} from '../../src/drivers/instances/composed/composed-driver.ts'
import {
  MockDriver,
  MockMachine,
  type Staging,
} from '../../src/drivers/instances/mock/mock-driver.ts'
import type { DriverName, Launch } from '../../src/parts/instances/driver.ts'
import { testInstanceDriver, type Behaviour, type DriverHarness } from './instance-driver.suite.ts'
import { testInstanceVolumes } from './instance-volumes.suite.ts'

const stagings: Record<Behaviour, Staging> = {
  serves: { readyAfterMs: 50 },
  'ignores SIGTERM': { ignoresTerm: true },
  'exits with code 3': { endsAfterMs: 5, exitCode: 3 },
  'prints and exits': { endsAfterMs: 5, prints: { stdout: 'one\ntwo\n', stderr: 'oops\n' } },
  'has no command': { commandMissing: true },
  'finds its port taken': { portTaken: true },
}

const image = { image: 'registry.example/web', digest: `sha256:${'a'.repeat(64)}` }

/** Containers that do not exist either. */
class MockContainers extends MockDriver implements ContainerDriver {
  readonly #machine: MockMachine

  constructor(machine: MockMachine) {
    super(machine)
    this.#machine = machine
  }

  override offers(): readonly DriverName[] {
    return ['docker']
  }

  has(instanceId: string): boolean {
    return this.#machine.processes.has(instanceId)
  }
}

function aMachine(clock: VirtualClock): MockMachine {
  return new MockMachine(clock, (launch) => stagings[launch.command[0] as Behaviour])
}

function harnessOf(kind: Pick<Launch, 'image'>): () => Promise<DriverHarness> {
  return async () => {
    const clock = new VirtualClock()
    const [processes, containers] = [aMachine(clock), aMachine(clock)]
    return {
      open: () =>
        Promise.resolve(
          new ComposedDriver(new MockDriver(processes), new MockContainers(containers)),
        ),
      launch: (instanceId, run, behaviour) =>
        Promise.resolve({
          instanceId,
          run,
          command: [behaviour],
          directory: '/',
          env: {},
          listen: { host: '127.0.0.1', port: 21_000 },
          ...kind,
        }),
      async until(condition) {
        for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 10) {
          if (await condition()) return
          await clock.advance(10)
        }
        throw new Error('waited 10 s in vain')
      },
      settle: () => clock.advance(1_000),
      close: () => Promise.resolve(),
    }
  }
}

describe('the composed driver with archives', () => {
  testInstanceDriver(harnessOf({}))
  testInstanceVolumes(harnessOf({}))
})

describe('each kind goes to its driver', () => {
  test('what a node offers is what both do, and one kind never reaches the other', async () => {
    const clock = new VirtualClock()
    const [processes, containers] = [aMachine(clock), aMachine(clock)]
    const driver = new ComposedDriver(new MockDriver(processes), new MockContainers(containers))
    expect(driver.offers()).toEqual(['process', 'mounts', 'limits', 'docker'])
    const launch = { run: 1, command: ['serves'], directory: '/', env: {}, listen: null }
    await driver.start({ ...launch, instanceId: 'i-archive' })
    await driver.start({ ...launch, instanceId: 'i-image', image })
    expect([...processes.processes.keys()]).toEqual(['i-archive'])
    expect([...containers.processes.keys()]).toEqual(['i-image'])
    await driver.end('i-image')
    expect(await driver.probe('i-archive', { kind: 'tcp' }, 100)).toMatchObject({ ok: false })
    expect(containers.processes.get('i-image')?.exit).toMatchObject({ signal: 'SIGKILL' })
  })
})
