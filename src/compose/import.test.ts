import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { validateManifest } from '../parts/apps/manifest/manifest.ts'
import { convertedKeys } from './convert/service.ts'
import { importFixture, importText, told } from './import.fixture.ts'
import type { Imported } from './import.ts'
import { serviceKeys } from './schema.ts'

function servicesOf({ manifest = '' }: Imported): Record<string, Record<string, unknown>> {
  return (parse(manifest) as { services: Record<string, Record<string, unknown>> }).services
}

async function serviceOf(lines: string, more = ''): Promise<Record<string, unknown>> {
  const imported = await importText(`services:\n  web:\n    image: web\n${lines}\n${more}`)
  expect(told(imported, 'fault')).toEqual([])
  return servicesOf(imported)['web'] ?? {}
}

test('every key that compose-spec gives a service is known here, and no other', () => {
  expect([...convertedKeys].toSorted()).toEqual([...serviceKeys].toSorted())
})

describe('an app as people write it', () => {
  test('becomes a manifest that validates, with one sentence for each line', async () => {
    const imported = await importFixture('notes')
    expect(told(imported, 'fault')).toEqual([])
    const text = imported.manifest ?? ''
    expect(validateManifest({ text, file: 'roadstead.yaml' }, undefined).ok).toBe(true)
    expect(parse(text)).toMatchObject({ app: 'notes-board', network: 'shared' })
    const { page, interface: api, store, worker, console } = servicesOf(imported)
    expect(console).toBeUndefined()
    expect(page).toMatchObject({
      image: 'registry.example/notes/page:2.4',
      port: 3000,
      route: 'page.localhost',
      needs: ['interface'],
      health: { every: '5s', timeout: '2s', fails: 4, passes: 1 },
    })
    expect(page).not.toHaveProperty('singleton')
    expect(api).toMatchObject({
      image: 'registry.example/notes-board/interface',
      build: {
        context: 'interface',
        dockerfile: 'Dockerfile.prod',
        target: 'run',
        args: { EDITION: 'small' },
      },
      args: ['serve', '--port', '4000', '--greeting=good day'],
      port: 4000,
      singleton: true,
      cpu: 0.75,
      memory: '300MiB',
      stop: { grace: '45s' },
      env: { LOG_LEVEL: 'info', GREETING: 'good day', DATABASE_PASSWORD: 'open sesame' },
    })
    expect(store).toMatchObject({
      port: 5432,
      singleton: true,
      volumes: { 'store-data': '/var/lib/postgresql/data' },
      health: { exec: ['/bin/sh', '-c', 'pg_isready -U postgres'] },
      user: '999:999',
      writable: true,
    })
    expect(worker).toEqual({
      image: 'registry.example/notes/worker:1',
      run: ['/usr/bin/worker', '--queue', 'mail'],
      worker: true,
      instances: 3,
    })
  })

  test('tells what has to be decided, and what a value was filled in with', async () => {
    const imported = await importFixture('notes')
    expect(told(imported, 'open').map((line) => line.split(':')[0])).toEqual([
      '27 services.interface.build',
      '37 services.interface.environment.DEBUG',
    ])
    expect(servicesOf(imported)['store']?.['mounts']).toEqual({
      '/docker-entrypoint-initdb.d/init.sql': 'init.sql',
    })
    expect(told(imported, 'changed')).toContain(
      '51 services.store.environment.POSTGRES_PASSWORD: `STORE_PASSWORD` was filled in from .env:1: the manifest holds its value',
    )
  })

  test('a profile that is asked for takes its services in', async () => {
    const imported = await importFixture('notes', { profiles: ['debug'] })
    expect(servicesOf(imported)['console']).toMatchObject({ worker: true })
  })

  test('with a registry of its own an image to be built is no open matter', async () => {
    const imported = await importFixture('notes', { registry: 'registry.example/team' })
    expect(told(imported, 'open').join()).not.toContain('build')
    const image = 'registry.example/team/notes-board/interface'
    expect(servicesOf(imported)['interface']).toMatchObject({ image })
  })
})

test('what may not be had is told in one report, each with its line', async () => {
  const imported = await importFixture('hostile')
  expect(imported.manifest).toBeUndefined()
  const at = (outcome: 'open' | 'fault'): string[] =>
    told(imported, outcome).map((line) => line.split(':')[0] ?? '')
  expect(at('fault')).toEqual([
    '3 include',
    '24 services.ruler.env_file',
    '25 services.ruler.extends',
  ])
  expect(at('open')).toEqual([
    '7 services.ruler.privileged',
    '8 services.ruler.network_mode',
    '9 services.ruler.pid',
    '10 services.ruler.ipc',
    '11 services.ruler.devices',
    '14 services.ruler.cap_add',
    '17 services.ruler.security_opt',
    '19 services.ruler.volumes.0',
    '20 services.ruler.volumes.1',
    '21 services.ruler.volumes.2',
    '22 services.ruler.volumes.3',
    '29 services.ruler.environment.TOKEN',
  ])
})

test('includes and extends are taken in, paths and variables seen from their own files', async () => {
  const imported = await importFixture('modular')
  expect(told(imported, 'fault', 'open')).toEqual([])
  const { web, cache } = servicesOf(imported)
  expect(web).toMatchObject({
    image: 'registry.example/modular/web:3',
    env: { MODE: 'production', LEVEL: 'info', FROM_FILE: 'yes' },
    needs: ['cache'],
    port: 8000,
  })
  expect(cache).toMatchObject({ image: 'redis:8', port: 6379, singleton: true })
})

describe('a service', () => {
  test('keeps its entrypoint when only the command is another', async () => {
    expect(await serviceOf('    command: run "two words" a\\ b')).toMatchObject({
      args: ['run', 'two words', 'a b'],
    })
    expect(await serviceOf('    entrypoint: /start\n    command: [fast]')).toMatchObject({
      run: ['/start', 'fast'],
    })
  })

  test.each([
    ['"8000"', 8000],
    ['"80:8000"', 8000],
    ['80:8000/tcp', 8000],
    ['"0.0.0.0:80:8000"', 8000],
    ['"[::]:80:8000"', 8000],
    ['"0.0.0.0::8000"', 8000],
    ['{ target: 8000, published: "80" }', 8000],
    ['{ target: 5432, app_protocol: http }', 5432],
  ])('published as %s is routed to port %d', async (port, target) => {
    expect(await serviceOf(`    ports: [${port}]`)).toMatchObject({
      port: target,
      route: 'web.localhost',
    })
  })

  test('published for its own machine alone is not routed for everybody', async () => {
    expect(await serviceOf('    ports: ["127.0.0.1:80:8000"]')).toMatchObject({
      route: { host: 'web.localhost', expose: 'private' },
    })
  })

  test('that speaks something else than HTTP has a port and no route', async () => {
    const service = await serviceOf('    ports: ["5432:5432"]')
    expect(service).toMatchObject({ port: 5432, singleton: true })
    expect(service).not.toHaveProperty('route')
  })

  test('that others find by its name is a singleton, though it has a route', async () => {
    const other = '  other:\n    image: other\n    environment: { WEB_URL: "http://web:8000/" }'
    const service = await serviceOf('    ports: [8000]', other)
    expect(service).toMatchObject({ singleton: true, route: 'web.localhost' })
    const word = '  other:\n    image: other\n    environment: { DB_NAME: web }'
    expect(await serviceOf('    ports: [8000]', word)).not.toHaveProperty('singleton')
  })

  test('whose variable would hide the address of what it needs does not need it', async () => {
    const other = '  api:\n    image: api\n    expose: [4000]'
    const lines = '    depends_on: [api]\n    environment: { API_URL: "http://api:4000" }'
    const service = await serviceOf(lines, other)
    expect(service).not.toHaveProperty('needs')
    expect(service).toMatchObject({ env: { API_URL: 'http://api:4000' } })
  })

  test('has no more rights than it asks for', async () => {
    expect(await serviceOf('    cap_drop: [ALL]\n    read_only: true')).not.toMatchObject({
      capabilities: expect.anything() as unknown,
    })
    const given = '    cap_drop: [ALL]\n    cap_add: [CAP_NET_BIND_SERVICE]\n    read_only: true'
    const service = await serviceOf(given)
    expect(service).toMatchObject({ capabilities: ['net_bind_service'] })
    expect(service).not.toHaveProperty('writable')
  })

  test('with a volume is one, whatever it asks for', async () => {
    const lines = '    volumes: ["data:/data"]\n    deploy: { replicas: 3 }'
    const service = await serviceOf(lines, 'volumes:\n  data:')
    expect(service).toMatchObject({ singleton: true, volumes: { data: '/data' } })
    expect(service).not.toHaveProperty('instances')
  })

  test.each(['deploy: { replicas: 0 }', 'scale: 0', 'profiles: [debug]'])(
    'with %s is left out',
    async (line) => {
      const imported = await importText(`services:
  web: { image: web, ${line} }
  other: { image: other }
`)
      expect(Object.keys(servicesOf(imported))).toEqual(['other'])
      expect(told(imported, 'dropped').join()).toContain('2 services.web: left out')
    },
  )

  test.each([
    ['512m', '512MiB'],
    ['1g', '1GiB'],
    ['1.5gb', '1536MiB'],
    ['100000000', '96MiB'],
  ])('with mem_limit %s has memory %s', async (limit, memory) => {
    expect(await serviceOf(`    mem_limit: ${limit}`)).toMatchObject({ memory })
  })

  test('with a Java heap has room for it', async () => {
    const service = await serviceOf('    environment: { JAVA_OPTS: "-Xms1g -Xmx1g" }')
    expect(service).toMatchObject({ memory: '1792MiB' })
  })

  test('whose check is disabled is asked for its page, or its port', async () => {
    const disabled = '    ports: [8000]\n    healthcheck: { disable: true }'
    expect(await serviceOf(disabled)).toMatchObject({ health: { http: '/' } })
    const none = '    expose: [8000]\n    healthcheck: { test: [NONE] }'
    expect(await serviceOf(none)).toMatchObject({ health: { tcp: true } })
  })
})

test('variables of the environment count more than those of .env, and --env-file takes its place', async () => {
  const text = 'services:\n  web:\n    image: web:${TAG}\n'
  const environment = new Map([['TAG', { value: 'outer', from: 'the environment' }]])
  const files = { '.env': 'TAG=inner' }
  const tagOf = async (members: object): Promise<unknown> =>
    servicesOf(await importText(text, members, files))['web']?.['image']
  expect(await tagOf({})).toBe('web:inner')
  expect(await tagOf({ environment })).toBe('web:outer')
  const other = { file: 'other.env', found: { text: 'TAG=other' } }
  expect(await tagOf({ envFiles: [other] })).toBe('web:other')
  const none = { file: 'none.env', found: { problem: 'missing' } } as const
  const missing = await importText(text, { envFiles: [none] }, files)
  expect(told(missing, 'fault').join()).toContain('none.env is not there')
})

test('.env names the project and its profiles, as it does for compose', async () => {
  const files = { '.env': 'COMPOSE_PROJECT_NAME=Other_App\nCOMPOSE_PROFILES=a, b' }
  const text = 'services:\n  web: { image: web, profiles: [b] }\n'
  const imported = await importText(text, {}, files)
  expect(parse(imported.manifest ?? '')).toMatchObject({ app: 'other-app' })
  expect(Object.keys(servicesOf(imported))).toEqual(['web'])
  expect((await importText(text, { profiles: ['c'] }, files)).manifest).toBeUndefined()
})

test('values that aliases and variables multiply have a bound', async () => {
  const environment = new Map([['L', { value: 'x'.repeat(60_000), from: 'here' }]])
  const aliases = Array.from({ length: 100 }, (_, index) => `    k${index}: *a`).join('\n')
  const text = `x-a: &a "$L"\nservices:\n  web:\n    image: web\n    labels:\n${aliases}\n`
  const imported = await importText(text, { environment })
  expect(told(imported, 'fault').join()).toContain('more than 4194304 characters')
})

test('merge keys lay one map under another, and what stands there counts', async () => {
  const text = `x-a: &a { image: one, environment: { A: "1", B: "1" } }
x-b: &b { image: two, restart: always }
services:
  web: { <<: [*a, *b], environment: { A: "2" } }
`
  const imported = await importText(text)
  expect(servicesOf(imported)['web']).toMatchObject({ image: 'one', env: { A: '2' } })
  expect(servicesOf(imported)['web']?.['env']).not.toHaveProperty('B')
})
