import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { validateManifest } from '../parts/apps/manifest/manifest.ts'
import { importText, told } from './import.fixture.ts'

/** Any compose file gives a manifest that validates, or a report that says what is wrong. */

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const names = fc.constantFrom('web', 'api', 'db', 'My_Cache', 'queue.1', 'x-ray')
const places = '/data /data/more /var/lib/x /etc/x /etc/x/y/ /one /tmp / /x/../y /etc/...'
const paths = fc.constantFrom('/a b', ...places.split(' '))

/** What lies beside the file. */
const beside = { 'conf/a': 'x', 'pages/b': 'x', 'a.conf': 'x', 'logs/': '', 'tls.key': 'x' }

/** Values that a file can be written with, and where `isWild` such that are wrong too. */
function services(isWild: boolean) {
  const also = <T>(good: readonly T[], bad: readonly T[]) =>
    fc.constantFrom(...good, ...(isWild ? bad : []))
  const text = isWild
    ? fc.string({ maxLength: 12 })
    : fc.constantFrom(
        '',
        'run fast',
        "it's",
        '{env} {other}',
        'a "b" c',
        'none',
        'é\u4e16',
        '--x=1',
      )
  const port = also([80, 443, 3000, 5432, 8080, 9229], [70_000])
  const duration = also(['1s', '500ms', '1m30s', '2h', '1us'], ['soon'])
  const sources = also(
    'data other_data ./conf ./pages ./a.conf ./logs ./none . ./tls.key ../up / /run/docker.sock'.split(
      ' ',
    ),
    ['no'],
  )
  const variables = fc.dictionary(
    fc.constantFrom('A', 'PORT', 'HOST', 'WEB_URL', 'DB_HOST', 'a.b', 'VOLUME_DATA', 'ROADSTEAD_X'),
    fc.oneof(text, fc.constantFrom('web', 'http://api:4000', 'db:5432', '{env}', '$X', '${Y:-z}')),
    { maxKeys: 4 },
  )
  const healthcheck = fc.record(
    {
      test: fc.oneof(text, fc.constant(['CMD', 'true']), fc.constant(['NONE'])),
      interval: duration,
      timeout: duration,
      start_period: duration,
      retries: fc.integer({ min: 0, max: 300 }),
      disable: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  return fc.record(
    {
      image: also(['web', 'postgres:17', 'r.example/a/b', 'redis'], ['NO', 'a@sha256:0']),
      build: fc.constantFrom('.', './api'),
      command: fc.oneof(text, fc.array(text, { maxLength: 3 })),
      entrypoint: optional(fc.array(text, { maxLength: 2 })),
      environment: variables,
      ports: fc.uniqueArray(
        fc.oneof(
          port.map((target) => `${target}:${target}`),
          port.map((target) => `127.0.0.1:80:${target}/udp`),
          port.map((target) => ({ target, host_ip: '127.0.0.1' })),
        ),
        { maxLength: 3, selector: (item) => JSON.stringify(item) },
      ),
      expose: fc.uniqueArray(port, { maxLength: 2 }),
      volumes: fc.uniqueArray(
        fc.oneof(
          fc.tuple(sources, paths).map(([source, path]) => `${source}:${path}`),
          fc.tuple(sources, paths).map(([source, path]) => `${source}:${path}:ro`),
          paths,
        ),
        { maxLength: 4 },
      ),
      configs: fc.subarray(['one', 'two', { source: 'three', target: '/etc/x', mode: 256 }]),
      user: also(['1000', '70:70', 'root', 'app', '0:0', ''], ['a b', '-1']),
      working_dir: fc.constantFrom('/app', '/', 'app', '/a b', '/app/'),
      depends_on: fc.uniqueArray(names, { maxLength: 2 }),
      healthcheck,
      deploy: fc.record({ replicas: fc.integer({ min: 0, max: 2_000 }) }, { requiredKeys: [] }),
      mem_limit: also(['1k', '512m', '9999999g'], ['x']),
      cpus: also(['0', '0.001', '2', '9999'], ['x']),
      stop_grace_period: duration,
      cap_add: fc.subarray(['CHOWN', 'SYS_ADMIN', 'ALL']),
      cap_drop: fc.subarray(['ALL', 'KILL']),
      read_only: fc.boolean(),
      tmpfs: fc.constantFrom('/tmp', '/run'),
      secrets: fc.constant(['key']),
      container_name: fc.constantFrom('other', 'web'),
    },
    { requiredKeys: isWild ? [] : ['image'] },
  )
}

/** Where it is not wild, services wait for earlier ones only. */
function project(isWild: boolean) {
  return fc.dictionary(names, services(isWild), { minKeys: 1, maxKeys: 4 }).map((all) => {
    const earlier: string[] = []
    const kept = Object.entries(all).map(([name, one]) => {
      const waits = (one.depends_on ?? []).filter((other) => isWild || earlier.includes(other))
      earlier.push(name)
      return [name, { ...one, depends_on: waits }]
    })
    return {
      services: Object.fromEntries(kept) as object,
      volumes: { data: null, other_data: { external: true } },
      secrets: { key: { file: './key' } },
      configs: {
        one: { file: './a.conf' },
        two: { content: 'a {env} $X $$Y' },
        three: { content: 'x\n' },
      },
    }
  })
}

test.each([
  ['a file that is written well', false],
  ['a file that is not', true],
])('%s gives a manifest that validates, or a fault with its line', async (_name, isWild) => {
  let manifests = 0
  await fc.assert(
    fc.asyncProperty(project(isWild), async (content) => {
      const imported = await importText(stringify(content), {}, beside)
      const faults = told(imported, 'fault')
      expect(imported.manifest === undefined).toBe(faults.length > 0)
      // That would be for the line of the compose file to say.
      expect(faults.filter((said) => said.includes('would be refused'))).toEqual([])
      if (imported.manifest === undefined) return
      manifests++
      const source = { text: imported.manifest, file: 'roadstead.yaml' }
      expect(validateManifest(source, undefined)).toMatchObject({ ok: true })
    }),
    { numRuns: 300 },
  )
  if (!isWild) expect(manifests).toBeGreaterThan(150)
})

test('one file over another gives a manifest that validates, or a fault with its line', async () => {
  let manifests = 0
  await fc.assert(
    fc.asyncProperty(project(false), project(false), async (lower, upper) => {
      const overlays = [{ file: 'over.yaml', text: stringify(upper) }]
      const imported = await importText(stringify(lower), { overlays }, beside)
      const faults = told(imported, 'fault')
      expect(imported.manifest === undefined).toBe(faults.length > 0)
      expect(faults.filter((said) => said.includes('would be refused'))).toEqual([])
      if (imported.manifest === undefined) return
      manifests++
      const { services } = parse(imported.manifest) as { services: Record<string, unknown> }
      const named = new Set([...Object.keys(lower.services), ...Object.keys(upper.services)])
      expect(Object.keys(services).length).toBeLessThanOrEqual(named.size)
    }),
    { numRuns: 150 },
  )
  expect(manifests).toBeGreaterThan(30)
})

test('a file over itself means the same as alone', async () => {
  await fc.assert(
    fc.asyncProperty(project(false), async (content) => {
      const text = stringify(content)
      const alone = await importText(text, {}, beside)
      const overlays = [{ file: 'over.yaml', text }]
      const over = await importText(text, { overlays }, beside)
      expect(over.manifest).toBe(alone.manifest)
    }),
    { numRuns: 150 },
  )
})

test('any text ends in one or the other', async () => {
  const words = [
    'services:',
    '\n  ',
    'web:',
    ' {',
    '}',
    'image: a',
    '<<: *a',
    '&a',
    '- ',
    '${X',
    '!',
  ]
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...words), { maxLength: 20 }), async (parts) => {
      const imported = await importText(parts.join(''))
      expect(imported.manifest === undefined).toBe(told(imported, 'fault').length > 0)
    }),
    { numRuns: 300 },
  )
})
