import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canRunContainers, DockerEngine, engineWaitMs } from '../fixtures/docker-engine.ts'
import { ImageRegistry } from '../fixtures/image-registry.ts'
import { Cloud, until } from './cloud.ts'

/**
 * A compose file whose images can be had runs as it is: its services find each other by name, the
 * one with a volume keeps its data, the one with a port answers at its route.
 */

/** Each request tells what the counter, which is found by its name alone, has kept. */
const page = 'while true; do wget -q -O /www/index.html http://counter:7000/ ; sleep 1; done & '
const serve = 'exec httpd -f -p 3000 -h /www'

describe.skipIf(!canRunContainers())('a compose file', () => {
  const engine = new DockerEngine()
  const registry = new ImageRegistry()
  const cloud = new Cloud()
  let folder = ''

  beforeAll(async () => {
    await Promise.all([engine.start(), registry.start()])
    await cloud.start(['--docker', `unix://${engine.socketPath}`])
    await registry.push('box/counter', '1', {
      entrypoint: ['/bin/sh', '/start.sh'],
      command: ['not this'],
      files: {
        // A line more at each start, behind the word that the compose file gives it.
        'start.sh': 'echo "$1" >> /data/index.html\nexec httpd -f -p 7000 -h /data\n',
      },
    })
    await registry.push('box/page', '1', { command: ['sh', '-c', page + serve] })
    folder = join(cloud.folder, 'counting')
    mkdirSync(folder)
    writeFileSync(join(folder, '.env'), 'WORD=started\n')
    writeFileSync(
      join(folder, 'docker-compose.yml'),
      `services:
  counter:
    image: ${registry.host}/box/counter:1
    command: ["\${WORD:?which}"]
    expose: ["7000"]
    volumes: ["counted:/data"]
    mem_limit: 48m
    cpus: 0.2
    stop_grace_period: 2s
  page:
    image: ${registry.host}/box/page:1
    ports: ["8080:3000"]
    depends_on: [counter]
    mem_limit: 48m
    cpus: 0.2
    stop_grace_period: 2s
volumes:
  counted:
`,
    )
  }, engineWaitMs)

  afterAll(async () => {
    await cloud.remove()
    await engine.remove()
    registry.remove()
  })

  async function shown(): Promise<string[]> {
    const headers = { host: 'page.localhost' }
    const { body, statusCode } = await request(cloud.file.ingress, { headers })
    const text = await body.text()
    return statusCode === 200 ? text.trim().split('\n') : []
  }

  test('is deployed as it is, with its report', async () => {
    const { code, output } = await cloud.run('deploy', join(folder, 'docker-compose.yml'))
    expect(output).toContain('    4 = services.counter.command: `args`')
    expect(output).toContain('behind `route: page.localhost`')
    expect(code, output).toBe(0)
    await until(async () => (await shown()).includes('started'), 'the page shows the counter')
    expect(await shown()).toEqual(['started'])
  })

  test('keeps what stands in its volume through a deploy', async () => {
    writeFileSync(join(folder, '.env'), 'WORD=again\n')
    const { code, output } = await cloud.run('deploy', join(folder, 'docker-compose.yml'))
    expect(code, output).toBe(0)
    await until(async () => (await shown()).includes('again'), 'the page shows the next start')
    expect(await shown()).toEqual(['started', 'again'])
  })
})
