import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { importText, told } from './import.fixture.ts'
import type { Imported } from './import.ts'

/** Files beside a compose file, and its configs, as what a service mounts. */

const files = {
  'nginx.conf': 'x',
  'pages/index.html': 'x',
  'initdb/a.sql': 'x',
  'data/old': 'x',
  'empty/': '',
  'tls.key': 'x',
}

function webOf({ manifest = '' }: Imported): Record<string, unknown> {
  return (parse(manifest) as { services: Record<string, Record<string, unknown>> }).services['web']!
}

function importWith(lines: string, more = ''): Promise<Imported> {
  return importText(`services:\n  web:\n    image: web\n${lines}\n${more}`, {}, files)
}

/** The one sentence on the first volume, with its mark's outcome. */
async function first(volume: string): Promise<{ web: Record<string, unknown>; line: string }> {
  const imported = await importWith(`    volumes: [${volume}]`)
  const line = imported.lines.find(({ path }) => path === 'services.web.volumes.0')
  return { web: webOf(imported), line: `${line?.outcome} ${line?.said} → ${line?.advice}` }
}

describe('a bound file or folder', () => {
  test('that is there is mounted, and read-only is no difference where it was', async () => {
    const { web, line } = await first('"./nginx.conf:/etc/nginx/nginx.conf:ro"')
    expect(web['mounts']).toEqual({ '/etc/nginx/nginx.conf': 'nginx.conf' })
    expect(line).toMatch(/^carried `mounts: { \/etc\/nginx\/nginx.conf: nginx.conf }`, with each/)
    const folder = '{ type: bind, source: ./pages, target: /srv/www/, read_only: true }'
    expect((await first(folder)).web['mounts']).toEqual({ '/srv/www': 'pages' })
  })

  test.each([
    '"./nginx.conf:/etc/nginx.conf"',
    '"./pages:/srv/www"',
    '"./initdb:/docker-entrypoint-initdb.d"',
  ])('that could be written to is read-only, and that is said: %s', async (volume) => {
    const { web, line } = await first(volume)
    expect(Object.keys(web['mounts'] as object)).toHaveLength(1)
    expect(line).toMatch(/^changed .*; read-only, as every mount/)
  })

  test.each([
    ['"./data:/srv/x"', { data: '/srv/x' }],
    ['"./pages:/var/lib/mysql"', { pages: '/var/lib/mysql' }],
    ['"./empty:/srv/x"', { empty: '/srv/x' }],
    ['"./var/made-by-compose:/srv/x"', { 'var-made-by-compose': '/srv/x' }],
  ])('that holds data is a volume, without what is in it: %s', async (volume, volumes) => {
    const { web, line } = await first(volume)
    expect(web).toMatchObject({ volumes, singleton: true })
    expect(web).not.toHaveProperty('mounts')
    expect(line).toMatch(/^changed .*of which nothing is taken over/)
  })

  test.each([
    ['"./none.conf:/etc/none.conf:ro"', './none.conf is not there'],
    ['"./none:/etc/none"', './none is not there'],
    ['"./tls.key:/etc/tls.key:ro"', 'seems to hold a secret'],
    ['"/etc/hosts:/etc/hosts:ro"', 'is a folder of the machine'],
    ['"../up:/etc/up:ro"', 'leads out of the folder'],
    ['"./nginx.conf:/proc/x:ro"', "which is the platform's"],
  ])('is not carried, and for somebody to decide: %s', async (volume, said) => {
    const { web, line } = await first(volume)
    expect(web).not.toHaveProperty('mounts')
    expect(line).toMatch(/^open /)
    expect(line).toContain(said)
    expect(line).not.toMatch(/→ $/)
  })

  test('of one service do not lie in one another', async () => {
    const both = '["./pages:/srv:ro", "./nginx.conf:/srv/a:ro", "kept:/srv/b"]'
    const imported = await importWith(`    volumes: ${both}`, 'volumes: { kept: }')
    expect(told(imported, 'open').map((line) => line.split(':')[0])).toEqual([
      '4 services.web.volumes.1',
      '4 services.web.volumes.2',
    ])
    expect(webOf(imported)['mounts']).toEqual({ '/srv': 'pages' })
  })

  test('that two services write to is a volume of the first', async () => {
    const other = '  other:\n    image: other\n    volumes: ["./data:/data"]'
    const imported = await importWith('    volumes: ["./data:/data"]', other)
    expect(webOf(imported)['volumes']).toEqual({ data: '/data' })
    expect(told(imported, 'open').join()).toContain("`data` is `web`'s already")
  })
})

describe('a config', () => {
  const given = `configs:
  page: { file: ./nginx.conf }
  text: { content: "Hello $\{NAME:-you}, $$5\\n" }
  variable: { environment: WORDS }
  gone: { file: ./none }
  outside: { file: ../none }
  elsewhere: { external: true }
`

  test('is mounted at its target, or by its name below the root', async () => {
    const lines = '    configs: [page, { source: text, target: /etc/motd, mode: 0400 }]'
    const imported = await importWith(lines, given)
    expect(webOf(imported)['mounts']).toEqual({
      '/page': 'nginx.conf',
      '/etc/motd': { content: 'Hello you, $5\n' },
    })
    expect(told(imported, 'changed').join('\n')).toContain(
      '4 services.web.configs.1: `mounts: { /etc/motd: … }`, with each deploy; everybody in it may read it: mode not kept',
    )
    expect(told(imported, 'carried').join('\n')).toContain('configs.page')
  })

  test('whose value is a variable stands in the manifest, and that is said', async () => {
    const text = `services: { web: { image: web, configs: [variable] } }\n${given}`
    const environment = new Map([['WORDS', { value: 'x', from: 'here' }]])
    const imported = await importText(text, { environment })
    expect(webOf(imported)['mounts']).toEqual({ '/variable': { content: 'x' } })
    expect(told(imported, 'changed').join()).toContain('the manifest holds the value of WORDS')
  })

  test.each(['variable', 'gone', 'outside', 'elsewhere'])('%s cannot be carried', async (name) => {
    const imported = await importWith(`    configs: [${name}]`, given)
    expect(told(imported, 'open').join()).toContain(`4 services.web.configs.0: `)
    expect(webOf(imported)).not.toHaveProperty('mounts')
  })

  test('that nothing declares is a fault', async () => {
    const imported = await importWith('    configs: [none]')
    expect(told(imported, 'fault').join()).toContain('the file declares no config `none`')
  })
})

test('a secret is never put into an archive', async () => {
  const more = 'secrets: { key: { file: ./tls.key } }'
  const imported = await importWith('    secrets: [key]', more)
  expect(webOf(imported)).not.toHaveProperty('mounts')
  expect(told(imported, 'open').join()).toContain('what goes along with a release lies on the')
})
