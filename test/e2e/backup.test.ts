/** A control plane that is lost altogether, and is there again from one file. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppView, EventView } from '../../src/wire/api.ts'
import type { HistoryAnswer } from '../../src/wire/history.ts'
import { Cloud, until } from './cloud.ts'

const program = join(import.meta.dirname, '../../src/cli/main.ts')
const hello = join(import.meta.dirname, '../../examples/hello')

let folder = ''
let first: Cloud
const clouds: Cloud[] = []

async function aCloud(data?: string): Promise<Cloud> {
  const cloud = new Cloud(data)
  clouds.push(cloud)
  await cloud.start()
  return cloud
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'roadstead-backup-'))
  first = await aCloud()
})

afterAll(async () => {
  for (const cloud of clouds) await cloud.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** Asks the ingress for a page under its public name, which nobody's DNS has to know. */
function statusOf(url: string): Promise<number | undefined> {
  const { host, port, pathname } = new URL(url)
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: pathname, headers: { host } }
    request(options, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

async function helloIsUp(cloud: Cloud): Promise<void> {
  await until(async () => {
    const { items } = await cloud.get<{ items: AppView[] }>('/v1/apps')
    return items[0]?.health === 'ok'
  }, 'hello serves')
}

describe('a backup', () => {
  it(
    'brings a lost cloud back: what ran runs again, what was is known',
    { timeout: 120_000 },
    async () => {
      const deployed = await first.run('deploy', '--file', hello)
      expect([deployed.code, deployed.output]).toEqual([0, expect.any(String)])
      await helloIsUp(first)
      const before = await first.get<{ items: AppView[] }>('/v1/apps')
      const file = join(folder, 'cloud.tar')

      const backup = await first.run('backup', file)
      expect([backup.code, backup.output]).toEqual([0, expect.stringContaining('checked')])
      expect(statSync(file).mode & 0o077).toBe(0)
      const again = await first.run('backup', file)
      expect([again.code, again.output]).toEqual([1, expect.stringContaining('is there already')])
      const { items: events } = await first.get<{ items: EventView[] }>('/v1/events?key=backup/')
      expect(events[0]).toMatchObject({ who: 'operator', what: 'backup.make' })
      const operator = first.token

      // The machine is gone: processes, data, tokens.
      await first.stop()
      rmSync(first.folder, { recursive: true, force: true })

      const data = join(folder, 'restored')
      const restored = spawnSync(process.execPath, [program, 'restore', file, '--data', data], {
        encoding: 'utf8',
      })
      expect([restored.status, restored.stdout]).toEqual([0, expect.stringContaining('next: ')])
      expect((await readdir(folder)).toSorted()).toEqual(['cloud.tar', 'restored'])

      const second = await aCloud(data)
      await helloIsUp(second)
      const now = await second.get<{ items: AppView[] }>('/v1/apps')
      expect(now.items[0]).toMatchObject({
        releaseId: before.items[0]?.releaseId,
        releaseNumber: 1,
      })
      const url = now.items[0]?.services.find((service) => service.url !== null)?.url ?? ''
      expect(await statusOf(url)).toBe(200)

      // The old operator's token was made for the old machine; the past came along.
      expect(second.token).not.toBe(operator)
      const key = '/v1/history?key=app/default/local/hello/'
      const { items } = await second.get<HistoryAnswer>(key)
      expect(items.at(-1)?.change).toBe('created')
      const { items: told } = await second.get<{ items: EventView[] }>('/v1/events?key=backup/')
      expect(told.map(({ what }) => what)).toContain('backup.restore')
    },
  )

  it('is refused into a folder that holds something', () => {
    const restored = spawnSync(
      process.execPath,
      [program, 'restore', join(folder, 'cloud.tar'), '--data', folder],
      { encoding: 'utf8' },
    )
    expect([restored.status, restored.stderr]).toEqual([1, expect.stringContaining('is not empty')])
    expect(readFileSync(join(folder, 'cloud.tar')).length).toBeGreaterThan(1_000)
  })
})
