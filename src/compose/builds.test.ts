import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { validateManifest } from '../parts/apps/manifest/manifest.ts'
import { convertedBuildKeys } from './convert/build.ts'
import { importText, told } from './import.fixture.ts'
import { buildKeys } from './schema.ts'
import type { ComposeSource } from './source.ts'

/** What becomes of `build`: the same, where a manifest can say it, and never silently less. */

const registry = 'registry.example/team'

async function built(lines: string, members: Partial<ComposeSource> = { registry }) {
  const imported = await importText(`services:\n  web:\n${lines}`, members)
  const { manifest = '' } = imported
  expect(told(imported, 'fault')).toEqual([])
  expect(validateManifest({ text: manifest, file: 'm' }, undefined)).toMatchObject({ ok: true })
  const { web } = (parse(manifest) as { services: Record<string, Record<string, unknown>> })
    .services
  const open = told(imported, 'open').map((line) => line.split(':')[0])
  const dropped = told(imported, 'dropped').map((line) => line.split(':')[0])
  return { image: web?.['image'], build: web?.['build'], open, dropped }
}

test('every key that compose-spec gives a build is known here, and no other', () => {
  expect([...convertedBuildKeys].toSorted()).toEqual([...buildKeys].toSorted())
})

test('a folder is built, and its image goes to the registry that is named', async () => {
  const image = 'registry.example/team/shop/web'
  expect(await built('    build: ./web/')).toMatchObject({ image, build: 'web', open: [] })
  expect(await built('    build: .')).toMatchObject({ image, build: '.' })
})

test('an image that is built is pushed where it says, or to the registry that is named', async () => {
  const lines = '    image: other.example:5000/a/b:v3\n    build: ./web'
  const own = await built(lines, {})
  expect(own).toMatchObject({ image: 'other.example:5000/a/b', build: 'web', open: [] })
  expect((await built(lines)).image).toBe('registry.example/team/shop/web')
})

test('without a registry it is to be decided where the image goes', async () => {
  const image = 'registry.example/shop/web'
  expect(await built('    build: ./web', {})).toMatchObject({
    image,
    open: ['3 services.web.build'],
  })
  // By its name alone it would be pushed to a registry that everybody can read.
  const named = await built('    image: shop/web\n    build: ./web', {})
  expect(named).toMatchObject({ image, open: ['4 services.web.build'] })
})

test('Dockerfile, stage and arguments are carried; what nothing sets is the Dockerfile’s own', async () => {
  const lines = `    build:
      context: web
      dockerfile: ./docker/Dockerfile
      target: run
      args: ["A=1.10", FROM_OUTSIDE, UNSET]`
  const environment = new Map([['FROM_OUTSIDE', { value: 'x', from: 'the environment' }]])
  const { build, open, dropped } = await built(lines, { registry, environment })
  expect(build).toEqual({
    context: 'web',
    dockerfile: 'docker/Dockerfile',
    target: 'run',
    args: { A: '1.10', FROM_OUTSIDE: 'x' },
  })
  expect([open, dropped]).toEqual([[], ['7 services.web.build.args.UNSET']])
})

test.each([
  ['https://example.org/a.git', '    build: https://example.org/a.git', '3 services.web.build'],
  ['../web', '    build: { context: ../web }', '3 services.web.build.context'],
  ['/srv/web', '    build: /srv/web', '3 services.web.build'],
  [
    'an inline Dockerfile',
    '    build:\n      dockerfile_inline: FROM scratch',
    '4 services.web.build.dockerfile_inline',
  ],
  [
    'a Dockerfile elsewhere',
    '    build: { context: web, dockerfile: ../Dockerfile }',
    '3 services.web.build.dockerfile',
  ],
])('%s cannot be built here, and the report says how it can', async (_what, lines, at) => {
  const { build, open } = await built(lines)
  expect(build).toBeUndefined()
  expect(open).toEqual([at])
})

test('what steps may miss is to be decided, what only makes them faster is not missed', async () => {
  const { open, dropped } = await built(`    build:
      context: .
      network: host
      ssh: [default]
      cache_from: [a]
      no_cache: true
      privileged: false`)
  expect(open).toEqual(['5 services.web.build.network', '6 services.web.build.ssh'])
  expect(dropped).toEqual([
    '7 services.web.build.cache_from',
    '8 services.web.build.no_cache',
    '9 services.web.build.privileged',
  ])
})
