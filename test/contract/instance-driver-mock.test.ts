import { describe } from 'vitest'
import { VirtualClock } from '../../src/base/virtual-clock.ts'
import {
  MockDriver,
  MockMachine,
  type Staging,
} from '../../src/drivers/instances/mock/mock-driver.ts'
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

async function makeHarness(): Promise<DriverHarness> {
  const clock = new VirtualClock()
  const machine = new MockMachine(clock, (launch) => stagings[launch.command[0] as Behaviour])
  return {
    open: () => Promise.resolve(new MockDriver(machine)),
    launch: (instanceId, run, behaviour) =>
      Promise.resolve({
        instanceId,
        run,
        command: [behaviour],
        directory: '/',
        env: {},
        listen: { host: '127.0.0.1', port: 21_000 },
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

describe('the mock driver', () => {
  testInstanceDriver(makeHarness)
  testInstanceVolumes(makeHarness)
})
