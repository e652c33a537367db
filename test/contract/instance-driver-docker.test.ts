import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { systemRandom } from '../../src/base/random.ts'
import { noCredentials } from '../../src/base/registry-credentials.ts'
import { DockerDriver } from '../../src/drivers/instances/docker/docker-driver.ts'
import { canRunContainers, DockerEngine, engineWaitMs } from '../fixtures/docker-engine.ts'
import { freePort } from '../fixtures/free-port.ts'
import { ImageRegistry } from '../fixtures/image-registry.ts'
import { testInstanceDriver, type Behaviour, type DriverHarness } from './instance-driver.suite.ts'
import { testInstancePorts } from './instance-ports.suite.ts'
import { testInstanceVolumes } from './instance-volumes.suite.ts'

const httpd = 'exec httpd -f -p $PORT -h /www'

const commands: Record<Behaviour, readonly string[]> = {
  serves: ['sh', '-c', httpd],
  'ignores SIGTERM': ['sh', '-c', `trap "" TERM; ${httpd}`],
  'exits with code 3': ['sh', '-c', 'exit 3'],
  'prints and exits': ['sh', '-c', 'echo one; echo two; echo oops >&2'],
  'has no command': ['no-such-command'],
  'finds its port taken': ['sh', '-c', httpd],
}

describe.skipIf(!canRunContainers())('the Docker driver', () => {
  const engine = new DockerEngine()
  const registry = new ImageRegistry()
  let image = { image: '', digest: '' }

  beforeAll(async () => {
    await Promise.all([engine.start(), registry.start()])
    const digest = await registry.push('test/web', 'v1')
    image = { image: `${registry.host}/test/web:v1`, digest }
  }, engineWaitMs)

  afterAll(async () => {
    await engine.remove()
    registry.remove()
  })

  async function makeHarness(): Promise<DriverHarness> {
    const root = await mkdtemp(join(tmpdir(), 'roadstead-docker-'))
    const port = await freePort()
    const foreign: Server[] = []
    return {
      async open() {
        const driver = new DockerDriver({
          root,
          socketPath: engine.socketPath,
          clock: systemClock,
          random: systemRandom,
          credentials: noCredentials,
        })
        await driver.pull(image)
        return driver
      },
      async launch(instanceId, run, behaviour) {
        if (behaviour === 'finds its port taken') foreign.push(await listen(port))
        return {
          instanceId,
          run,
          command: commands[behaviour],
          directory: '',
          image,
          limits: { cpu: 0.5, memoryBytes: 64 * 1024 * 1024, diskBytes: 0 },
          env: { PORT: String(port), HOST: '127.0.0.1', ROADSTEAD_INSTANCE: instanceId },
          listen: { host: '127.0.0.1', port },
        }
      },
      async until(condition) {
        for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 50) {
          if (await condition()) return
          await systemClock.sleep(50)
        }
        throw new Error('waited 30 s in vain')
      },
      // A container on a busy machine takes its time to start and to end.
      settle: () => systemClock.sleep(3_000),
      async close() {
        for (const listener of foreign) listener.close()
        await rm(root, { recursive: true, force: true })
      },
    }
  }

  testInstanceDriver(makeHarness, 'i-contained')
  testInstanceVolumes(makeHarness, 'i-contained')
  testInstancePorts(makeHarness, 'i-port-contained')
})

function listen(port: number): Promise<Server> {
  const listener = createServer()
  return new Promise((resolve) => {
    listener.listen(port, '127.0.0.1', () => resolve(listener))
  })
}
