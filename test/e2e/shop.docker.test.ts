import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { canRunContainers } from '../fixtures/docker-engine.ts'
import { failuresOf } from './cloud.ts'
import { useContainerCloud } from './container-cloud.ts'

/** The whole shop as processes, then as containers, then as processes again, behind the same routes. */

const shop = join(import.meta.dirname, '../../examples/shop')
/** Requests per second while things happen. */
const rate = 30

describe.skipIf(!canRunContainers())('the shop over both drivers', { timeout: 300_000 }, () => {
  const { registry, cloud } = useContainerCloud()
  const folder = join(cloud.folder, 'shop')

  beforeAll(async () => {
    cpSync(shop, folder, { recursive: true })
    await registry.push('shop/all', 'v1', { programs: [process.execPath], files: sources() })
  })

  /** What its services are made of, where their image has it. */
  function sources(): Record<string, string> {
    const services = join(shop, 'services')
    const files = readdirSync(services, { recursive: true, withFileTypes: true })
    const found = files
      .filter((entry) => entry.isFile())
      .map((one) => join(one.parentPath, one.name))
    return Object.fromEntries(
      found.map((path) => [`srv${path.slice(services.length)}`, readFileSync(path, 'utf8')]),
    )
  }

  /** The same manifest, its services made of the image. A container's cpu is a ceiling: Node starts by it. */
  function containers(): string {
    const text = readFileSync(join(shop, 'roadstead.yaml'), 'utf8')
    const image = `image: ${registry.host}/shop/all:v1`
    const own = /source: services\/(\S+)\n {4}run: node (.*) (\w+\.js)/g
    const made = text
      .replaceAll(
        own,
        (_, service, options, file) => `${image}\n    run: node ${options} /srv/${service}/${file}`,
      )
      .replace('cpu: 0.05', 'cpu: 0.15')
      .replace('startDeadline: 15s', 'startDeadline: 60s')
    const file = join(folder, 'roadstead-containers.yaml')
    writeFileSync(file, made)
    return file
  }

  async function drivers(): Promise<string[]> {
    const running = (await cloud.instances()).filter(({ state }) => state === 'placed')
    return [...new Set(running.map(({ driver = 'process' }) => driver))]
  }

  async function rollOut(file: string, version: string): Promise<void> {
    const load = await cloud.load(rate)
    const { code, output } = await cloud.run('deploy', '-f', file, '--version', version)
    const customers = await load.end()
    expect({ code, output }).toMatchObject({ code: 0 })
    expect(output).toMatch(/ 0 of [\d,]+ requests failed/)
    expect(failuresOf(customers)).toBe(0)
    expect((await cloud.page()).text).toContain('Brass storm lantern')
  }

  test('is rolled out as processes', async () => {
    const file = join(folder, 'roadstead.yaml')
    const { code, output } = await cloud.run('deploy', '-f', file, '--version', 'v1')
    expect({ code, output }).toMatchObject({ code: 0 })
    expect(await drivers()).toEqual(['process'])
  })

  test('becomes containers under load, all six services, without a failed request', async () => {
    await rollOut(containers(), 'v1-containers')
    expect(await drivers()).toEqual(['docker'])
  })

  test('becomes processes again under load, without a failed request', async () => {
    await rollOut(join(folder, 'roadstead.yaml'), 'v1-processes')
    expect(await drivers()).toEqual(['process'])
  })
})
