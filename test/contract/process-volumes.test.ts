import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { systemRandom } from '../../src/base/random.ts'
import type { IsolationChoice } from '../../src/drivers/instances/process/isolation.ts'
import { ProcessDriver } from '../../src/drivers/instances/process/process-driver.ts'
import { outputStart, type Exit } from '../../src/parts/instances/driver.ts'
import { untilTrue } from '../fixtures/docker-engine.ts'
import { canIsolate } from '../fixtures/isolation.ts'

/** Volumes of processes, on this machine: what one instance wrote, the next one reads and goes on with. */

const volume = { name: 'pg-data', path: '/data', app: 'default/local/shop', service: 'db' }
const script = 'echo "$ROADSTEAD_INSTANCE" >> "$VOLUME_PG_DATA/log" && cat "$VOLUME_PG_DATA/log"'

/** What the last of these instances finds; the volume is gone then. */
async function found(isolation: IsolationChoice, ids: readonly string[]): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'roadstead-volumes-'))
  const directory = join(root, 'artifact')
  await mkdir(directory)
  const { PATH = '' } = process.env
  const machine = { path: PATH, lang: 'C', nodeDirectory: dirname(process.execPath) }
  const driver = new ProcessDriver({
    root: join(root, 'instances'),
    clock: systemClock,
    random: systemRandom,
    machine,
    isolation,
  })
  const exits = new Map<string, Exit>()
  driver.onExit((instanceId, _run, exit) => exits.set(instanceId, exit))
  await driver.adopt()
  try {
    let printed = ''
    for (const [index, instanceId] of ids.entries()) {
      await driver.start({
        instanceId,
        run: 1,
        command: ['sh', '-c', script],
        directory,
        env: { ROADSTEAD_INSTANCE: instanceId },
        listen: null,
        volumes: [{ ...volume, id: 'vol-of-db', begins: index === 0 }],
      })
      await untilTrue(
        () => Promise.resolve(exits.has(instanceId)),
        () => `${instanceId} does not end`,
      )
      expect(exits.get(instanceId)).toMatchObject({ code: 0 })
      const chunk = await driver.readOutput(instanceId, 'stdout', outputStart, 1_000)
      printed = Buffer.from(chunk?.bytes ?? []).toString()
      await driver.end(instanceId)
      await driver.discard(instanceId)
    }
    await driver.removeVolume('vol-of-db')
    expect(await driver.hasVolume('vol-of-db')).toBe(false)
    expect(await driver.strays(new Set())).toEqual([])
    return printed
  } finally {
    await driver.close()
    await rm(root, { recursive: true, force: true })
  }
}

describe('a volume of processes', () => {
  test('is where its variable says, for one instance after the other', async () => {
    expect(await found('off', ['i-vol-a', 'i-vol-b'])).toBe('i-vol-a\ni-vol-b\n')
  })

  test.skipIf(!canIsolate())('is so for isolated ones, each with the same user', async () => {
    expect(await found('auto', ['i-vol-c', 'i-vol-d'])).toBe('i-vol-c\ni-vol-d\n')
  })
})
