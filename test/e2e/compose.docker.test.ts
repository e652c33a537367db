import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { beforeAll, describe, expect, test } from 'vitest'
import { canRunContainers } from '../fixtures/docker-engine.ts'
import { until } from './cloud.ts'
import { useContainerCloud } from './container-cloud.ts'

/**
 * A compose file whose images can be had runs as it is: its services find each other by name, the
 * one with a volume keeps its data, the one with a port answers at its route.
 */

/** Each request tells what the counter, which is found by its name alone, has kept. */
const page = 'while true; do wget -q -O /www/index.html http://counter:7000/ ; sleep 1; done & '
const serve = 'exec httpd -f -p 3000 -h /www'

describe.skipIf(!canRunContainers())('a compose file', () => {
  const { registry, cloud } = useContainerCloud()
  let folder = ''

  beforeAll(async () => {
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
    writeFileSync(join(folder, 'hello.html'), 'first\n')
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
    volumes: ["./hello.html:/www/hello.html:ro"]
    configs: [{ source: greeting, target: /www/greeting.html }]
    mem_limit: 48m
    cpus: 0.2
    stop_grace_period: 2s
volumes:
  counted:
configs:
  greeting: { content: "\${WORD} with a greeting" }
`,
    )
  })

  async function shown(path = '/'): Promise<string[]> {
    const headers = { host: 'page.localhost' }
    const { body, statusCode } = await request(`${cloud.file.ingress}${path}`, { headers })
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

  test('has the files beside it and its configs where they are mounted', async () => {
    expect(await shown('/hello.html')).toEqual(['first'])
    expect(await shown('/greeting.html')).toEqual(['started with a greeting'])
  })

  test('is rolled when a mounted file changes, which its plan shows, and reverted with it', async () => {
    const file = join(folder, 'docker-compose.yml')
    const unchanged = await cloud.run('plan', '--file', file)
    expect(unchanged.output).toContain('nothing to do')
    writeFileSync(join(folder, 'hello.html'), 'second\n')
    const planned = await cloud.run('plan', '--file', file)
    expect(planned.output).toMatch(/~ page +1 instance, 1 replaced/)
    expect(planned.output).toMatch(/mounts\.artifact +sha256:\w{12} -> sha256:\w{12}/)
    expect(planned.output).toContain('= counter: unchanged')
    const { code, output } = await cloud.run('deploy', file)
    expect(code, output).toBe(0)
    await until(async () => (await shown('/hello.html'))[0] === 'second', 'the changed file')
    const reverted = await cloud.run('revert', 'counting')
    expect(reverted.code, reverted.output).toBe(0)
    await until(async () => (await shown('/hello.html'))[0] === 'first', 'the file of before')
  })

  test('is refused at the line of a file that is gone', async () => {
    rmSync(join(folder, 'hello.html'))
    const { code, output } = await cloud.run('deploy', join(folder, 'docker-compose.yml'))
    expect(code).toBe(1)
    expect(output).toContain('./hello.html is not there, so nothing is put at /www/hello.html')
    writeFileSync(join(folder, 'hello.html'), 'third\n')
  })

  test('keeps what stands in its volume through a deploy', async () => {
    writeFileSync(join(folder, '.env'), 'WORD=again\n')
    const { code, output } = await cloud.run('deploy', join(folder, 'docker-compose.yml'))
    expect(code, output).toBe(0)
    await until(async () => (await shown()).includes('again'), 'the page shows the next start')
    expect(await shown()).toEqual(['started', 'again'])
    expect(await shown('/hello.html')).toEqual(['third'])
  })
})
