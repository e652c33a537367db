import { describe, expect, test } from 'vitest'
import { Refusal } from '../../../base/errors.ts'
import { runTimeoutMs } from '../model.ts'
import type { ManifestFault } from './faults.ts'
import { requireCell, requireManifest } from './manifest.ts'
import { releaseContentOf, sourcesOf, type DeployInput } from './release-content.ts'

const artifact = { digest: `sha256:${'a'.repeat(64)}`, sizeBytes: 7 }
const at = { environment: 'local', tenant: 'default', app: 'shop' }

function input(manifest: string, more: Partial<DeployInput> = {}): DeployInput {
  const text = `roadstead: v1\napp: shop\n${manifest}`
  return { manifest: text, artifacts: { '.': artifact }, files: null, ...more }
}

function refusalOf(action: () => unknown): Refusal {
  try {
    action()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('what a deploy releases', () => {
  test('has the types of the model, with default steps and no failed request allowed', () => {
    const content = releaseContentOf(input('services: { web: { run: node a.js } }'), at)
    expect(content).toMatchObject({
      team: 'default',
      revertAboveFailed: 0,
      steps: [
        { kind: 'maintenance', portion: 0.25, min: 1 },
        { kind: 'remaining', batch: 0.5, pauseMs: 0 },
      ],
    })
    expect(content.services).toEqual([
      {
        name: 'web',
        worker: false,
        run: ['node', 'a.js'],
        artifact,
        instances: 1,
        resources: { cpu: 0.1, memoryBytes: 134_217_728, diskBytes: 268_435_456 },
        spread: { zone: 'prefer', node: 'prefer' },
        health: {
          probe: { kind: 'tcp' },
          everyMs: 2_000,
          timeoutMs: 2_000,
          passes: 2,
          fails: 3,
          startDeadlineMs: 60_000,
        },
        stop: { drainMs: 20_000, graceMs: 10_000 },
        route: null,
        needs: [],
        env: {},
        warmup: null,
        singleton: false,
      },
    ])
  })

  test.each([
    ['assets: ./public/assets/', { directory: 'public/assets', keepMs: 86_400_000 }],
    ['assets: { directory: dist, keep: 90m }', { directory: 'dist', keepMs: 5_400_000 }],
  ])('has the assets of %s', (written, assets) => {
    const content = releaseContentOf(input(`services: { web: { run: node a.js, ${written} } }`), at)
    expect(content.services[0]?.assets).toEqual(assets)
  })

  test('is refused where files would be laid into an image', () => {
    const manifest = 'services: { web: { image: registry.example/web:1, assets: dist } }'
    const refusal = refusalOf(() => releaseContentOf(input(manifest), at))
    expect(refusal).toMatchObject({ code: 'manifest-not-yet', status: 422 })
    expect(refusal.message).toContain('`assets` of web')
  })

  test('has the steps that are written, in units of the model', () => {
    const content = releaseContentOf(
      input(`
team: shop
services: { web: { shell: "node a.js | tee log" }, mailer: { run: node m.js, worker: true } }
release:
  steps:
    - maintenance: { portion: 10%, min: 2 }
    - test: { run: npm run smoke }
    - remaining: { batch: 25%, pause: 30s }
  revertIf: { failedRequests: "> 5" }`),
      at,
    )
    expect(content.team).toBe('shop')
    expect(content.steps).toEqual([
      { kind: 'maintenance', portion: 0.1, min: 2 },
      { kind: 'test', run: ['npm', 'run', 'smoke'], timeoutMs: 300_000 },
      { kind: 'remaining', batch: 0.25, pauseMs: 30_000 },
    ])
    expect(content.revertAboveFailed).toBe(5)
    expect(content.services[0]!.run).toEqual(['/bin/sh', '-c', 'node a.js | tee log'])
    expect(content.services[1]).toMatchObject({ worker: true, health: { probe: { kind: 'none' } } })
  })

  test('needs the artifact of each source directory, each packed once', () => {
    const manifest = `
services:
  a: { run: node a.js, source: ./services/a/ }
  b: { run: node b.js, source: services/a }
  c: { run: node c.js }
release: { files: [e2e/] , steps: [ { remaining: {} } ] }`
    const rendered = requireCell({ text: input(manifest).manifest, file: 'm' }, undefined)
    expect(sourcesOf(rendered)).toEqual({
      directories: ['services/a', '.'],
      contexts: [],
      files: ['e2e'],
      mounts: {},
    })
    const refusal = refusalOf(() => releaseContentOf(input(manifest, { files: artifact }), at))
    expect(refusal).toMatchObject({ code: 'artifact-missing', path: 'artifacts.services/a' })
    const artifacts = { '.': artifact, 'services/a': artifact }
    const withoutFiles = refusalOf(() => releaseContentOf(input(manifest, { artifacts }), at))
    expect(withoutFiles).toMatchObject({ code: 'artifact-missing', path: 'release.files' })
    expect(
      releaseContentOf(input(manifest, { artifacts, files: artifact }), at).services.length,
    ).toBe(3)
  })

  test('packs no folder for an image, whatever lies beside the manifest', () => {
    const images = 'services: { web: { image: web, source: services/a }, db: { image: db } }'
    const rendered = requireCell({ text: input(images).manifest, file: 'm' }, undefined)
    expect(sourcesOf(rendered)).toEqual({ directories: [], contexts: [], files: [], mounts: {} })
  })

  test('has its jobs, what they leave out filled in', () => {
    const manifest = `services: { web: { run: node a.js } }
jobs:
  nightly: { service: web, run: node n.js, at: "30 2 * * *", timezone: Europe/Prague, late: 26h }
  once: { service: web, run: node o.js, retries: 2, timeout: 5m, overlap: queue }`
    const { jobs } = releaseContentOf(input(manifest), at)
    const hourMs = 3_600_000
    expect(jobs).toEqual([
      {
        name: 'nightly',
        service: 'web',
        run: ['node', 'n.js'],
        schedule: { cron: '30 2 * * *', timezone: 'Europe/Prague' },
        overlap: 'skip',
        timeoutMs: hourMs,
        retries: 0,
        lateAfterMs: 26 * hourMs,
      },
      {
        name: 'once',
        service: 'web',
        run: ['node', 'o.js'],
        schedule: null,
        overlap: 'queue',
        timeoutMs: 300_000,
        retries: 2,
        lateAfterMs: null,
      },
    ])
  })

  test('has its steps, migrations and what follows in the units of the model', () => {
    const manifest = `services:
  web: { run: node a.js, migrate: { expand: node e.js, contract: node c.js, timeout: 1m } }
release:
  steps:
    - migrate: expand
    - maintenance: { portion: 50% }
    - online: { weight: 5%, sticky: customer }
    - judge: { for: 10m, against: baseline, stop: { errors: 0.1%, p95: +20% } }
    - remaining: { batch: 25% }
  after: [ { soak: 24h }, { migrate: contract } ]`
    const { steps, after, services } = releaseContentOf(input(manifest), at)
    expect(steps).toEqual([
      { kind: 'migrate', stage: 'expand' },
      { kind: 'maintenance', portion: 0.5, min: 1 },
      { kind: 'online', weight: 0.05, sticky: true },
      { kind: 'judge', forMs: 600_000, stop: { errors: 0.001, p95: 0.2 } },
      { kind: 'remaining', batch: 0.25, pauseMs: 0 },
    ])
    expect(after).toEqual([{ kind: 'soak', ms: 86_400_000 }, { kind: 'contract' }])
    const expand = ['node', 'e.js']
    const contract = ['node', 'c.js']
    expect(services[0]?.migrate).toEqual({ expand, contract, undo: null, timeoutMs: 60_000 })
  })

  const journeys = (more: string, steps: string): string => `
services: { web: { run: node a.js } }
journeys: { browse: { script: ./e2e/browse.ts${more} }, buy: { script: e2e/buy.js } }
release: { files: [e2e/], steps: [ { maintenance: {} }, ${steps}, { remaining: {} } ] }`

  test('has its journeys with their scripts, each with a minute', () => {
    const manifest = journeys('', '{ journeys: [buy, browse] }')
    const { steps } = releaseContentOf(input(manifest, { files: artifact }), at)
    const buy = { name: 'buy', script: 'e2e/buy.js' }
    const browse = { name: 'browse', script: 'e2e/browse.ts' }
    expect(steps[1]).toEqual({ kind: 'journeys', journeys: [buy, browse], timeoutMs: 60_000 })
    expect(runTimeoutMs(steps[1])).toBe(150_000)
  })

  test('is refused where journeys shall watch production, by the name of each', () => {
    const manifest = journeys(', every: 1m', '{ journeys: [buy, browse] }')
    const refusal = refusalOf(() => releaseContentOf(input(manifest, { files: artifact }), at))
    expect(refusal).toMatchObject({ code: 'manifest-not-yet', status: 422 })
    expect(refusal.message).toContain('`every` of the journey browse')
    expect(refusal.details?.['faults']).toHaveLength(1)
  })

  test('is refused where a step has more journeys than a run can tell apart', () => {
    const many = Array.from({ length: 51 }, () => 'buy').join(', ')
    const manifest = journeys('', `{ journeys: [${many}] }`)
    const refusal = refusalOf(() => releaseContentOf(input(manifest, { files: artifact }), at))
    expect(refusal).toMatchObject({ code: 'manifest-invalid', status: 422 })
  })

  test('is refused where a job takes the name of a release’s own runs', () => {
    const manifest = 'services: { web: { run: a } }\njobs: { test: { service: web, run: b } }'
    const refusal = refusalOf(() => releaseContentOf(input(manifest), at))
    expect(refusal).toMatchObject({ code: 'manifest-invalid', status: 422 })
    expect(refusal.message).toContain('`test` is what a release')
  })

  test('is refused where the manifest is another app’s, or its cell does not exist', () => {
    const manifest = input('services: { web: { run: node a.js } }')
    const other = refusalOf(() => releaseContentOf(manifest, { ...at, app: 'other' }))
    expect(other).toMatchObject({ code: 'app-mismatch', status: 422 })
    const elsewhere = refusalOf(() => releaseContentOf(manifest, { ...at, environment: 'prod' }))
    expect(elsewhere).toMatchObject({ code: 'manifest-invalid', status: 422 })
    expect(elsewhere.message).toContain('there is no cell prod/default')
  })

  test('is refused with every fault of the manifest', () => {
    const refusal = refusalOf(() =>
      requireManifest('roadstead: v1\nap: shop\nservices: 3\n', 'm.yaml'),
    )
    expect(refusal).toMatchObject({ code: 'manifest-invalid', status: 422, path: 'm.yaml:2:1' })
    const faults = refusal.details?.['faults'] as ManifestFault[]
    expect(faults.map(({ code }) => code)).toEqual(['unknown-key', 'wrong-kind'])
  })
})

describe('what comes later is refused at deploy, each with its line', () => {
  const web = 'services: { web: { run: node a.js } }'
  const cases: readonly (readonly [name: string, manifest: string, words: string])[] = [
    ['flags', `${web}\nflags: { f: { default: true, owner: shop } }`, '`flags` are validated'],
    [
      'scale',
      'services: { web: { run: a, scale: { min: 1, max: 2, target: { cpu: 65% } } } }',
      '`scale` of web',
    ],
    ['secrets', 'services: { web: { run: a, secrets: { KEY: psp/key } } }', '`secrets` of web'],
    [
      'other apps',
      'services: { web: { run: a, needs: [stock/levels] } }',
      'web needs stock/levels',
    ],
  ]
  test.each(cases)('%s', (_name, manifest, words) => {
    const refusal = refusalOf(() => releaseContentOf(input(manifest), at))
    expect(refusal).toMatchObject({ code: 'manifest-not-yet', status: 422 })
    expect(refusal.message).toContain(words)
    const faults = refusal.details?.['faults'] as ManifestFault[]
    expect(faults.length).toBe(1)
    expect(faults[0]!.hint).not.toBe('')
  })

  test("images are not: their digest is the registry's to say", () => {
    const manifest = `
services:
  web: { image: "registry.example/{service}:{version}" }
  job: { image: registry.example/tools, run: [reindex, now], worker: true }`
    const { services } = releaseContentOf(input(manifest), at)
    expect(services.map(({ run, artifact }) => ({ run, artifact }))).toEqual([
      { run: [], artifact: { image: 'registry.example/web:{version}', digest: null } },
      { run: ['reindex', 'now'], artifact: { image: 'registry.example/tools', digest: null } },
    ])
  })

  test('a promotion takes the image that was tested, and refuses one that was not', () => {
    const manifest = 'services: { web: { image: "r.example/web:{version}" } }'
    const tested = { image: 'r.example/web:v1', digest: `sha256:${'b'.repeat(64)}` }
    const from = { environment: 'local', tenant: 'default' }
    const promoting = { artifacts: {}, promotes: { from, services: { web: tested }, mounts: {} } }
    const { services } = releaseContentOf(input(manifest, promoting), at)
    expect(services[0]?.artifact).toEqual(tested)
    const none = { artifacts: {}, promotes: { from, services: {}, mounts: {} } }
    const refusal = refusalOf(() => releaseContentOf(input(manifest, none), at))
    expect(refusal).toMatchObject({ code: 'promotion-untested', path: 'services.web.image' })
  })

  test('private and admin routes are not: each exposure has an address of its own', () => {
    const manifest = `
services:
  web: { run: a, health: /, route: { host: a.localhost, expose: private } }
  ops: { run: b, health: /, route: { host: a.localhost, expose: admin } }`
    const { services } = releaseContentOf(input(manifest), at)
    expect(services.map(({ route }) => route?.expose)).toEqual(['private', 'admin'])
  })

  test('interfaces and singletons are not: they are checked, and kept', () => {
    const manifest = `
services:
  web: { run: a, singleton: true, needs: { api: { catalogue: ^2.1 } } }
  api: { run: b, provides: { catalogue: 2.3.0 } }`
    const { services } = releaseContentOf(input(manifest), at)
    expect(services[0]).toMatchObject({ singleton: true, needs: ['api'] })
  })
})

describe('what containers ask for', () => {
  test('goes into their services, in one order and spelled one way', () => {
    const db = `image: db, port: 5432, singleton: true, volumes: { data: /data/, log: /log },
      capabilities: [setuid, chown, setuid], writable: true`
    const text = `network: shared\nservices: { db: { ${db} }, web: { image: web, writable: false } }`
    const { services } = releaseContentOf(input(text), at)
    expect(services[0]).toMatchObject({
      port: 5432,
      volumes: [
        { name: 'data', path: '/data' },
        { name: 'log', path: '/log' },
      ],
      capabilities: ['chown', 'setuid'],
      writable: true,
      network: 'shared',
    })
    expect(services[1]).toMatchObject({ network: 'shared' })
    expect(services[1]).not.toHaveProperty('writable')
  })

  test('may be another user than the image names, and never root', () => {
    const asking = (user: string): string =>
      `services: { web: { image: web, user: ${user}, workingDirectory: /app/ } }`
    const { services } = releaseContentOf(input(asking('1000')), at)
    expect(services[0]).toMatchObject({ user: '1000', workingDirectory: '/app' })
    expect(releaseContentOf(input(asking('app:0')), at).services[0]).toMatchObject({
      user: 'app:0',
    })
    for (const root of ['0', '00', 'root', '0:1000', 'root:root']) {
      const refusal = refusalOf(() => releaseContentOf(input(asking(root)), at))
      expect(refusal.message, root).toContain('`web` cannot be made root')
    }
    const odd = refusalOf(() => releaseContentOf(input(asking('"a b"')), at))
    expect(odd.message).toContain('a user such as 1000')
    const process = 'services: { web: { run: node a.js, user: app } }'
    const refusal = refusalOf(() => releaseContentOf(input(process), at))
    expect(refusal.message).toContain('`user` is for containers')
  })

  test('a process may insist on its port as well', () => {
    const text = 'services:\n  web: { run: node a.js, port: 8080 }'
    expect(releaseContentOf(input(text), at).services[0]).toMatchObject({ port: 8080 })
  })
})

describe('what services mount', () => {
  const mounting = (mounts: string): string =>
    `services: { web: { image: web, mounts: ${mounts} } }`
  const files = '{ /srv/pages/: ./pages/, /etc/a.conf: conf//a.conf, /b: { content: "x" } }'

  test('is packed by service, in the order of its paths, and goes into the release', () => {
    const text = mounting(files)
    const rendered = requireCell({ text: input(text).manifest, file: 'm' }, undefined)
    expect(sourcesOf(rendered).mounts).toEqual({
      web: [
        { path: '/b', from: { content: 'x' } },
        { path: '/etc/a.conf', from: { file: 'conf/a.conf' } },
        { path: '/srv/pages', from: { file: 'pages' } },
      ],
    })
    const { services } = releaseContentOf(input(text, { mounts: { web: artifact } }), at)
    const paths = ['/b', '/etc/a.conf', '/srv/pages']
    expect(services[0]?.mounts).toEqual({ artifact, paths })
    const none = refusalOf(() => releaseContentOf(input(text), at))
    expect(none).toMatchObject({ code: 'artifact-missing', path: 'mounts.web' })
  })

  test('is what was tested when it is promoted, and no other files', () => {
    const text = mounting(files)
    const from = { environment: 'local', tenant: 'default' }
    const tested = { web: { image: 'web', digest: `sha256:${'b'.repeat(64)}` } }
    const promotes = { from, services: tested, mounts: { web: artifact } }
    const { services } = releaseContentOf(input(text, { artifacts: {}, promotes }), at)
    expect(services[0]?.mounts?.artifact).toEqual(artifact)
  })

  test.each([
    ['{ /proc/x: a }', "/proc is the platform's"],
    ['{ /etc/a: a, /etc/a/b: b }', '/etc/a/b and /etc/a lie in one another'],
    [
      '{ /etc/a: a }, singleton: true, volumes: { data: /etc }',
      '/etc/a and /etc lie in one another',
    ],
  ])('is refused at %s', (mounts, message) => {
    const refusal = refusalOf(() => releaseContentOf(input(mounting(mounts)), at))
    expect(refusal.message).toContain(message)
  })

  test.each([
    ['{ etc/a: a }', 'an absolute path such as /etc/nginx/nginx.conf'],
    ['{ /etc/a: /etc/passwd }', 'a path'],
    ['{ /etc/a: ../a }', 'a path'],
    ['{ /etc/a: { content: a, mode: 0600 } }', 'mode'],
  ])('is refused where it is no path: %s', (mounts, message) => {
    const refusal = refusalOf(() => releaseContentOf(input(mounting(mounts)), at))
    expect(refusal.code).toBe('manifest-invalid')
    expect(`${refusal.message} ${refusal.hint}`).toContain(message)
  })

  test('a process keeps its machine’s own folders', () => {
    const text = 'services: { web: { run: node a.js, mounts: { /etc/a: a } } }'
    const refusal = refusalOf(() => releaseContentOf(input(text), at))
    expect(refusal.message).toContain("sees its machine's own /etc")
    expect(refusal.hint).toContain('/config')
  })
})

describe('an image that is built', () => {
  const manifest = (build: string, image = 'registry.example/shop/web') =>
    `services: { web: { image: ${image}, build: ${build} } }`
  const contexts = { web: artifact }

  function imageOf(build: string, given = contexts): unknown {
    const [service] = releaseContentOf(input(manifest(build), { contexts: given }), at).services
    return service?.artifact
  }

  test('is called by the hash of what it is built from', () => {
    const image = expect.stringMatching(/^registry\.example\/shop\/web:b-[0-9a-f]{24}$/)
    expect(imageOf('./web')).toEqual({ image, digest: null, isBuilt: true })
    const same = '{ context: web/, dockerfile: ./Dockerfile, memory: 2GiB, timeout: 1h }'
    expect(imageOf(same)).toEqual(imageOf('./web'))
    const other = { web: { ...artifact, digest: `sha256:${'b'.repeat(64)}` } }
    const differing = [
      imageOf('./web', other),
      imageOf('{ context: web, args: { A: 1.10 } }'),
      imageOf('{ context: web, args: { A: 1.1 } }'),
      imageOf('{ context: web, target: small }'),
      imageOf('{ context: web, dockerfile: other }'),
    ]
    expect(new Set([imageOf('./web'), ...differing].map((one) => JSON.stringify(one))).size).toBe(6)
  })

  test('needs its context', () => {
    expect(refusalOf(() => imageOf('./api')).code).toBe('artifact-missing')
  })

  test('is promoted as what ran where it was tested, and never as its neighbour', () => {
    const image = { image: 'registry.example/shop/web:b-1', digest: `sha256:${'c'.repeat(64)}` }
    const promotes = {
      from: { environment: 'local', tenant: 'default' },
      services: { web: image, api: { ...image, digest: `sha256:${'d'.repeat(64)}` } },
      mounts: {},
    }
    const one = 'image: registry.example/shop, build'
    const two = `services: { web: { ${one}: ./web }, api: { ${one}: ./api } }`
    const { services } = releaseContentOf(input(two, { artifacts: {}, promotes }), at)
    expect(services.map(({ artifact: made }) => made.digest?.at(-1))).toEqual(['c', 'd'])
  })

  test('names the folders to pack, each once, with its Dockerfiles', () => {
    const text = `services:
  a: { image: registry.example/a, build: ./x }
  b: { image: registry.example/b, build: { context: x/, dockerfile: b.Dockerfile } }`
    const sources = sourcesOf(requireCell({ text: input(text).manifest, file: 'm' }, undefined, at))
    expect(sources.contexts).toEqual([
      { directory: 'x', dockerfiles: ['Dockerfile', 'b.Dockerfile'] },
    ])
    expect(sources.directories).toEqual([])
  })
})
