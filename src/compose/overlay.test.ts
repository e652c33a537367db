import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { importText, told } from './import.fixture.ts'
import type { Imported } from './import.ts'

/** Compose files that are laid over one another, by compose's own rules. */

function servicesOf({ manifest = '' }: Imported): Record<string, Record<string, unknown>> {
  return (parse(manifest) as { services: Record<string, Record<string, unknown>> }).services
}

const base = `name: shop
services:
  web:
    image: web:1
    build: ./web
    command: [serve, --slow]
    environment: [MODE=calm, LEVEL=info]
    ports: ["8000:80"]
    expose: [80, 9000]
    volumes: ["kept:/data", "./a.conf:/etc/a.conf:ro"]
    configs: [one]
    env_file: base.env
    mem_limit: 64m
    healthcheck: { test: "true", interval: 5s }
  db:
    image: db:1
    profiles: [never]
volumes:
  kept: { driver: local }
configs:
  one: { file: ./a.conf }
`

const files = {
  'a.conf': 'x',
  'b.conf': 'x',
  'base.env': 'FROM_BASE=1\nBOTH=base',
  'more.env': 'BOTH=more',
}

async function over(...texts: string[]): Promise<Imported> {
  const overlays = texts.map((text, index) => ({ file: `over${index + 1}.yaml`, text }))
  return importText(base, { overlays, registry: 'registry.example/x' }, files)
}

/** The service `web` with these lines laid over it. */
async function webWith(lines: string, more = ''): Promise<Record<string, unknown>> {
  const imported = await over(`services:\n  web:\n${lines}\n${more}`)
  expect(told(imported, 'fault')).toEqual([])
  return servicesOf(imported)['web'] ?? {}
}

describe('a file laid over another', () => {
  test('replaces what is one value, and leaves what it does not name', async () => {
    const web = await webWith('    image: web:2\n    build: !reset null\n    command: serve --fast')
    expect(web).toMatchObject({ image: 'web:2', args: ['serve', '--fast'], memory: '64MiB' })
  })

  test('merges maps, in whichever way each file writes them', async () => {
    const web = await webWith('    environment: { MODE: wild, NEW: "1" }\n    env_file: [more.env]')
    const env = { MODE: 'wild', LEVEL: 'info', NEW: '1', FROM_BASE: '1', BOTH: 'more' }
    expect(web['env']).toEqual(env)
  })

  test('goes into a block key by key', async () => {
    const web = await webWith('    healthcheck: { interval: 9s }\n    build: { target: small }')
    expect(web['health']).toMatchObject({ exec: ['/bin/sh', '-c', 'true'], every: '9s' })
  })

  test('takes the place of what is at the same path, and adds what is at another', async () => {
    const lines = '    volumes: ["./b.conf:/etc/a.conf:ro", "./b.conf:/etc/b.conf:ro"]'
    const web = await webWith(`${lines}\n    configs: [{ source: one, target: one }]`)
    expect(web).toMatchObject({
      mounts: { '/etc/a.conf': 'b.conf', '/etc/b.conf': 'b.conf', '/one': 'a.conf' },
      volumes: { kept: '/data' },
    })
  })

  test('adds services, volumes and profiles of its own', async () => {
    const imported = await over(`services:
  db: { profiles: !reset [] }
  queue: { image: queue:1, volumes: ["mail:/mail"] }
volumes: { mail: , kept: }
`)
    expect(told(imported, 'fault')).toEqual([])
    expect(Object.keys(servicesOf(imported))).toEqual(['web', 'db', 'queue'])
  })

  test('removes what it resets, and replaces what it overrides', async () => {
    const lines = `    ports: !override ["8001:81"]
    expose: !reset []
    environment: { LEVEL: !reset null }
    volumes: !override ["./b.conf:/etc/b.conf:ro"]
    mem_limit: !reset null
    configs: !reset
    build: !reset null`
    const web = await webWith(lines)
    expect(web).toMatchObject({ port: 81, mounts: { '/etc/b.conf': 'b.conf' } })
    expect(Object.keys(web['env'] as object)).not.toContain('LEVEL')
    expect(web['env']).toMatchObject({ MODE: 'calm' })
    for (const key of ['volumes', 'memory']) expect(web).not.toHaveProperty(key)
  })

  test('takes a whole service away', async () => {
    const imported = await over('services:\n  web: !reset null\n  db: { profiles: !reset [] }')
    expect(Object.keys(servicesOf(imported))).toEqual(['db'])
  })

  test('goes over the one before it, each in its turn', async () => {
    const imported = await over(
      'services: { web: { environment: { MODE: first, A: "1" } } }',
      'services: { web: { environment: { MODE: second } } }\nname: other',
    )
    expect(servicesOf(imported)['web']?.['env']).toMatchObject({ MODE: 'second', A: '1' })
    expect(imported.manifest).toContain('app: other')
  })

  test('extends and includes what it names itself', async () => {
    const imported = await over(`x-none: 1
services:
  small: { image: small:1, environment: { SIZE: small } }
  web: { extends: { service: small }, build: !reset null }
`)
    expect(servicesOf(imported)['web']).toMatchObject({
      image: 'small:1',
      env: { SIZE: 'small', MODE: 'calm' },
    })
  })
})

describe('the report', () => {
  test('names the file and line that each sentence is from', async () => {
    const imported = await over('services:\n  web:\n    privileged: true\n    image: web:3\n')
    expect(imported.lines).toContainEqual(
      expect.objectContaining({ file: 'over1.yaml', line: 3, outcome: 'open' }),
    )
    expect(imported.lines).toContainEqual(
      expect.objectContaining({ file: 'over1.yaml', line: 4, path: 'services.web.image' }),
    )
    expect(imported.lines).toContainEqual(
      expect.objectContaining({ file: 'compose.yaml', line: 8, path: 'services.web.ports.0' }),
    )
    expect(told(imported, 'carried').join('\n')).toContain('over1.yaml is laid over what')
  })

  test('tells what is wrong in a file that is laid over another, and writes nothing', async () => {
    const imported = await over('services:\n  web:\n    imgae: web\n')
    expect(imported.manifest).toBeUndefined()
    expect(imported.lines).toContainEqual(
      expect.objectContaining({ file: 'over1.yaml', line: 3, outcome: 'fault' }),
    )
  })

  test('other tags are not read, in any file', async () => {
    const imported = await over('services:\n  web:\n    image: !vault secret\n')
    expect(told(imported, 'fault').join()).toContain('the tag !vault is not read')
  })
})

test('a reset in a file of its own only leaves the line out', async () => {
  const imported = await importText('services:\n  web: { image: web, ports: !reset ["80"] }\n')
  expect(servicesOf(imported)['web']).toMatchObject({ worker: true })
})
