import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { systemRandom } from '../../src/base/random.ts'
import type { IsolationChoice } from '../../src/drivers/instances/process/isolation.ts'
import { ProcessDriver } from '../../src/drivers/instances/process/process-driver.ts'
import { canIsolate, canLimit, canSeparate } from '../fixtures/isolation.ts'
import { testInstanceDriver, type Behaviour, type DriverHarness } from './instance-driver.suite.ts'
import { testInstancePorts } from './instance-ports.suite.ts'
import { testInstanceVolumes } from './instance-volumes.suite.ts'
import { freePort } from '../fixtures/free-port.ts'

const server = `
require('node:http').createServer((request, answer) => answer.end('ok'))
  .listen(Number(process.env.PORT), process.env.HOST)`

const programs: Record<Behaviour, readonly string[]> = {
  serves: ['node', '-e', server],
  'ignores SIGTERM': ['node', '-e', `process.on('SIGTERM', () => {}); ${server}`],
  'exits with code 3': ['sh', '-c', 'exit 3'],
  'prints and exits': ['sh', '-c', 'echo one; echo two; echo oops >&2'],
  'has no command': ['no-such-command'],
  'finds its port taken': ['node', '-e', server],
}

function listen(port: number): Promise<Server> {
  const listener = createServer()
  return new Promise((resolve) => {
    listener.listen(port, '127.0.0.1', () => resolve(listener))
  })
}

async function makeHarness(isolation: IsolationChoice): Promise<DriverHarness> {
  const root = await mkdtemp(join(tmpdir(), 'roadstead-driver-'))
  const directory = join(root, 'artifact')
  await mkdir(directory)
  await writeFile(join(directory, 'readme'), 'an artifact')
  const port = await freePort()
  const foreign: Server[] = []
  const { PATH = '' } = process.env
  const machine = { path: PATH, lang: 'C', nodeDirectory: dirname(process.execPath) }
  return {
    open: () =>
      Promise.resolve(
        new ProcessDriver({
          root: join(root, 'instances'),
          clock: systemClock,
          random: systemRandom,
          machine,
          isolation,
        }),
      ),
    async launch(instanceId, run, behaviour) {
      if (behaviour === 'finds its port taken') foreign.push(await listen(port))
      return {
        instanceId,
        run,
        command: programs[behaviour],
        directory,
        env: { PORT: String(port), HOST: '127.0.0.1', ROADSTEAD_INSTANCE: instanceId },
        listen: { host: '127.0.0.1', port },
        limits: { cpu: 0.5, memoryBytes: 128 * 1024 * 1024, diskBytes: 0 },
        ...(isolation === 'auto' && canLimit() ? { limitsRequired: true } : {}),
      }
    },
    async until(condition) {
      for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 20) {
        if (await condition()) return
        await systemClock.sleep(20)
      }
      throw new Error('waited a minute in vain')
    },
    settle: () => systemClock.sleep(300),
    async close() {
      for (const listener of foreign) listener.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

describe('the process driver', () => {
  testInstanceDriver(() => makeHarness('off'))
  testInstanceVolumes(() => makeHarness('off'))
})

describe.skipIf(!canIsolate())('the process driver, isolated', () => {
  testInstanceDriver(() => makeHarness('auto'), 'i-apart')
  testInstanceVolumes(() => makeHarness('auto'), 'i-apart')
})

describe.skipIf(!canIsolate() || !canSeparate())('the process driver, with networks', () => {
  testInstancePorts(() => makeHarness('auto'), 'i-port')
})
