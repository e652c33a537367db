import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { beforeAll, describe, expect, test } from 'vitest'
import type { InstanceView, NodeView } from '../../src/wire/api.ts'
import { canRunContainers } from '../fixtures/docker-engine.ts'
import { until, type Ran } from './cloud.ts'
import { useContainerCloud } from './container-cloud.ts'

/** What compose files need, through the whole platform: a volume, a name, a port of one's own. */

/** Each start adds a line to what the volume holds, and serves it on the port that it insists on. */
const keep = 'echo "$WORD" >> /data/words; exec httpd -f -p 5432 -h /data'

/** A static busybox asks for names by nslookup alone. */
const find = "busybox nslookup db | busybox awk '/^Name/ {n=1} n && /^Address/ {print $2}'"
const ask = `busybox timeout 5 wget -q -O - http://$(${find}):5432/words`

describe.skipIf(!canRunContainers())('an app of two containers that share a network', () => {
  const { engine, registry, cloud } = useContainerCloud()

  beforeAll(async () => {
    await registry.push('pair/box', 'v1', { files: { 'data/.keep': '' } })
  })

  function manifest(word: string): string {
    return `
roadstead: v1
app: pair
network: shared
services:
  db:
    image: ${registry.host}/pair/box:v1
    run: [sh, -c, '${keep}']
    singleton: true
    port: 5432
    volumes: { data: /data }
    capabilities: [chown]
    writable: true
    env: { WORD: ${word} }
    health: { http: /words, every: 500ms, startDeadline: 20s }
    cpu: 0.1
    memory: 32MiB
    stop: { drain: 0s, grace: 2s }
  web:
    image: ${registry.host}/pair/box:v1
    run: [sh, -c, 'exec httpd -f -p 8080 -h /www']
    port: 8080
    instances: 2
    health: { http: /, every: 500ms, startDeadline: 20s }
    route: pair.localhost
    cpu: 0.1
    memory: 32MiB
    stop: { drain: 1s, grace: 2s }
`
  }

  function deploy(word: string): Promise<Ran> {
    const folder = join(cloud.folder, 'pair')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'roadstead.yaml'), manifest(word))
    return cloud.run('deploy', '--file', folder)
  }

  async function running(service: string): Promise<InstanceView[]> {
    const { items } = await cloud.get<{ items: InstanceView[] }>('/v1/instances?app=pair')
    return items.filter((one) => one.state !== 'ended' && one.service === service)
  }

  /** What web reads from db, by its name. */
  async function words(): Promise<string[]> {
    const [web] = await running('web')
    const { output } = await cloud.run('exec', web?.id ?? '', '--', 'sh', '-c', ask)
    return output
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => ['one', 'two', 'three'].includes(line))
  }

  const volumes = (): string => engine.docker('volume', 'ls', '-q')

  test('web finds db by its name, and two that insist on port 8080 share a node', async () => {
    expect(await deploy('one')).toMatchObject({ code: 0 })
    await until(async () => (await words()).join() === 'one', 'web reads what db keeps')
    const answer = await request(cloud.file.ingress, { headers: { host: 'pair.localhost' } })
    expect(answer.statusCode).toBe(200)
    await answer.body.dump()
    const webs = await running('web')
    expect(webs).toHaveLength(2)
    expect(new Set(webs.map(({ placement }) => placement?.port)).size).toBe(2)
    const [db] = await running('db')
    const why = await cloud.run('why', db!.id)
    expect(why.output).toContain('it has the capabilities chown')
    expect(why.output).toContain('it may write to its root file system')
  })

  test('the volume survives a deploy, and a kill -9 of the agent', async () => {
    expect(await deploy('two')).toMatchObject({ code: 0 })
    await until(async () => (await words()).join() === 'one,two', 'the second finds the first')
    const kept = volumes()
    const before = await running('db')
    const incarnation = async (): Promise<string | undefined> => {
      const { items } = await cloud.get<{ items: NodeView[] }>('/v1/nodes')
      return items[0]?.incarnation
    }
    const killed = await incarnation()
    process.kill(cloud.file.roles['agent']!.pid, 'SIGKILL')
    await until(async () => (await incarnation()) !== killed, 'the next agent is there')
    expect(await deploy('three')).toMatchObject({ code: 0 })
    await until(async () => (await words()).join() === 'one,two,three', 'all three are there')
    expect((await running('db'))[0]?.id).not.toBe(before[0]?.id)
    expect(volumes()).toBe(kept)
  })

  test('stopped and started, it finds its volume again', async () => {
    expect(await cloud.run('stop', 'pair/db')).toMatchObject({ code: 0 })
    expect(await cloud.run('start', 'pair/db')).toMatchObject({ code: 0 })
    const all = 'one,two,three,three'
    await until(async () => (await words()).join() === all, 'it goes on where it was')
  })

  test('a destroy says which data goes, and only then it goes', async () => {
    const asked = await cloud.run('destroy', 'pair', '--yes')
    expect(asked.code).not.toBe(0)
    expect(asked.output).toMatch(/removes the volume data of db on \S+ for good/)
    expect(volumes()).not.toBe('')
    expect(await cloud.run('destroy', 'pair', '--yes=3')).toMatchObject({ code: 0 })
    await until(() => volumes() === '', 'the volume is gone')
    const owned = (): string =>
      engine.docker('network', 'ls', '-q', '--filter', 'label=dev.roadstead.network')
    await until(() => owned() === '', 'the network is gone')
    const recorded = async (): Promise<boolean> =>
      (await cloud.run('events')).output.includes('is removed')
    await until(recorded, 'the log says that the data is removed')
  })
})
