import { describe, expect, test } from 'vitest'
import { aJobRun, aListener, anInstance, aRelease, aSpec } from '../../../test/fixtures/records.ts'
import type { AssignedInstance } from '../../wire/agent.ts'
import { planAssignment, type PlacedInstance } from './plan-assignment.ts'

function placed(parts: Partial<PlacedInstance> = {}): PlacedInstance {
  return {
    instance: anInstance(),
    release: aRelease(),
    listeners: new Map(),
    targets: [],
    ...parts,
  }
}

const listeners = new Map([
  ['web', aListener('web', 20_000)],
  ['credit-check', aListener('credit-check', 20_002)],
])

describe('the assignment of a service', () => {
  test('is what its release says, with the port that it was given', () => {
    const spec = aSpec({ warmup: { get: ['/'], times: 3 } })
    const [assigned] = planAssignment([placed({ release: aRelease({ services: [spec] }) })])
    expect(assigned).toMatchObject({
      instanceId: 'i-1',
      purpose: 'service',
      desired: 'running',
      port: 21_000,
      run: spec.run,
      artifact: spec.artifact,
      warmup: spec.warmup,
      timeoutMs: null,
    })
    expect(assigned?.env).toMatchObject({
      PORT: '21000',
      ROADSTEAD_APP: 'shop',
      ROADSTEAD_SERVICE: 'web',
      ROADSTEAD_INSTANCE: 'i-1',
      ROADSTEAD_RELEASE: '7',
      ROADSTEAD_VERSION: 'v7',
      ROADSTEAD_ENVIRONMENT: 'local',
      ROADSTEAD_TENANT: 'default',
    })
  })

  test("has arguments for an image's own program where the manifest gives some", () => {
    const [assigned] = planAssignment([
      placed({ release: aRelease({ services: [aSpec({ run: [], args: ['-v'] })] }) }),
    ])
    expect(assigned).toMatchObject({ run: [], args: ['-v'] })
    const plain = aRelease({ services: [aSpec({})] })
    expect(planAssignment([placed({ release: plain })])[0]).not.toHaveProperty('args')
  })

  test('names the listeners that a container may call, and none for a process', () => {
    const image = { image: 'r.example/web:v1', digest: `sha256:${'b'.repeat(64)}` }
    const calling = aSpec({ needs: ['credit-check'] })
    const contained = aRelease({ services: [{ ...calling, artifact: image }] })
    const [container] = planAssignment([placed({ release: contained, listeners })])
    expect(container?.reaches).toEqual([20_002])
    expect(container?.env).toMatchObject({ CREDIT_CHECK_URL: 'http://127.0.0.1:20002' })
    const plain = aRelease({ services: [calling] })
    expect(planAssignment([placed({ release: plain, listeners })])[0]).not.toHaveProperty('reaches')
  })

  test('says what its container is asked for, and where it finds its volumes', () => {
    const spec = aSpec({
      name: 'db',
      port: 5_432,
      singleton: true,
      volumes: [{ name: 'pg-data', path: '/data' }],
      capabilities: ['chown'],
      user: '70:70',
      workingDirectory: '/work',
      writable: true,
      network: 'shared',
    })
    const instance = anInstance({ service: 'db' })
    const volume = { id: 'vol-1', at: instance.at, service: 'db', nodeId: 'node-1', createdAt: 0 }
    const volumes = [
      { ...volume, id: 'vol-0', name: 'pg-data', made: true, doomed: { at: 0, by: 'test' } },
      { ...volume, name: 'pg-data', made: false },
      { ...volume, id: 'vol-2', service: 'web', name: 'pg-data', made: true },
    ]
    const release = aRelease({ services: [spec, aSpec({ network: 'shared' })] })
    const [assigned] = planAssignment([placed({ instance, release, volumes })])
    const network = { app: 'local/default/shop', alias: 'db' }
    const as = { user: '70:70', workingDirectory: '/work' }
    const container = { port: 5_432, capabilities: ['chown'], ...as, writable: true, network }
    expect(assigned).toMatchObject({ port: 21_000, container })
    expect(assigned?.volumes).toEqual([
      { id: 'vol-1', name: 'pg-data', path: '/data', begins: true },
    ])
    const [leaving] = planAssignment([placed({ instance, release, volumes: volumes.slice(0, 1) })])
    expect(leaving?.volumes).toMatchObject([{ id: 'vol-0', begins: false }])
    expect(assigned?.env).toMatchObject({ PORT: '5432', VOLUME_PG_DATA: '/data' })
    const [web] = planAssignment([placed({ release })])
    expect(web?.container).toEqual({ network: { ...network, alias: null } })
    expect(web).not.toHaveProperty('volumes')
  })

  test('names the archive of what it mounts', () => {
    const artifact = { digest: `sha256:${'c'.repeat(64)}`, sizeBytes: 3 }
    const mounts = { artifact, paths: ['/etc/a.conf'] }
    const release = aRelease({ services: [aSpec({ mounts })] })
    expect(planAssignment([placed({ release })])[0]?.mounts).toEqual(mounts)
    const plain = aRelease({ services: [aSpec()] })
    expect(planAssignment([placed({ release: plain })])[0]).not.toHaveProperty('mounts')
  })

  test('names the archives whose assets go along, where the service has any', () => {
    const artifact = { digest: `sha256:${'b'.repeat(64)}`, sizeBytes: 2 }
    const carried = { web: [{ artifact, directory: 'dist', until: 9 }] }
    const assets = { directory: 'public/assets', keepMs: 1 }
    const release = aRelease({ services: [aSpec({ assets })], carried })
    const [assigned] = planAssignment([placed({ release })])
    expect(assigned?.assets).toEqual({
      directory: 'public/assets',
      carried: [{ artifact, directory: 'dist' }],
    })
    const without = aRelease({ services: [aSpec({ assets })] })
    expect(planAssignment([placed({ release: without })])[0]).not.toHaveProperty('assets')
  })

  test('names the local listener of each service that it needs', () => {
    const release = aRelease({ services: [aSpec({ needs: ['credit-check'] })] })
    const [assigned] = planAssignment([placed({ release, listeners })])
    expect(assigned?.env['CREDIT_CHECK_URL']).toBe('http://127.0.0.1:20002')
    expect(assigned?.env).not.toHaveProperty('WEB_URL')
  })

  test('lets no variable of the manifest take the place of the platform’s', () => {
    const env = { PORT: '1', CREDIT_CHECK_URL: 'http://evil', ROADSTEAD_TENANT: 'other', A: 'b' }
    const release = aRelease({ services: [aSpec({ needs: ['credit-check'], env })] })
    const [assigned] = planAssignment([placed({ release, listeners })])
    expect(assigned?.env).toMatchObject({
      PORT: '21000',
      CREDIT_CHECK_URL: 'http://127.0.0.1:20002',
      ROADSTEAD_TENANT: 'default',
      A: 'b',
    })
  })

  test('gives a worker no port', () => {
    const instance = anInstance({ placement: { nodeId: 'node-1', port: null } })
    const [assigned] = planAssignment([placed({ instance })])
    expect(assigned?.port).toBeNull()
    expect(assigned?.env).not.toHaveProperty('PORT')
  })

  test('still holds an instance that is to stop, until it has ended', () => {
    const instance = anInstance({ desired: 'stopped', pool: 'draining' })
    expect(planAssignment([placed({ instance })])).toMatchObject([{ desired: 'stopped' }])
  })

  test('leaves out an instance whose release has no such service', () => {
    const instance = anInstance({ service: 'gone' })
    expect(planAssignment([placed({ instance }), placed()])).toHaveLength(1)
  })

  test('is in order of id, whatever the order of the records', () => {
    const ids = ['i-3', 'i-1', 'i-2'].map((id) => placed({ instance: anInstance({ id }) }))
    const assigned = planAssignment(ids).map((one) => one.instanceId)
    expect(assigned).toEqual(['i-1', 'i-2', 'i-3'])
  })
})

function targetsIn(assigned: AssignedInstance | undefined): Record<string, string> {
  const variables = Object.entries(assigned?.env ?? {})
  return Object.fromEntries(variables.filter(([name]) => name.startsWith('ROADSTEAD_TARGET')))
}

describe('the assignment of a test', () => {
  const route = { host: 'shop.localhost', path: '/', expose: 'public' as const }
  const files = { digest: `sha256:${'f'.repeat(64)}`, sizeBytes: 2 }
  const release = aRelease({
    files,
    services: [aSpec({ name: 'credit-check' }), aSpec({ name: 'web', route })],
    steps: [
      { kind: 'maintenance', portion: 0.25, min: 1 },
      { kind: 'test', run: ['npm', 'run', 'smoke'], timeoutMs: 60_000 },
    ],
  })
  const instance = anInstance({
    purpose: 'job',
    service: '~test',
    placement: { nodeId: 'node-1', port: null },
  })

  const run = aJobRun({
    job: '~test',
    purpose: 'test',
    spec: { ...aJobRun().spec, run: ['npm', 'run', 'smoke'], artifact: files, service: null },
  })

  const successor = { releaseId: release.id, specDigest: `sha256:${'1'.repeat(64)}` }
  const web = { service: 'web', target: successor, successors: 1, online: 0, predecessors: 2 }

  test('runs the release’s command against the maintenance pool of the routed service', () => {
    const [assigned] = planAssignment([placed({ instance, release, run, listeners })])
    expect(assigned).toMatchObject({
      purpose: 'job',
      port: null,
      run: ['npm', 'run', 'smoke'],
      artifact: files,
      timeoutMs: 60_000,
      warmup: null,
    })
    expect(targetsIn(assigned)).toEqual({ ROADSTEAD_TARGET: 'http://127.0.0.1:20001' })
  })

  test('names the maintenance pool of each service that has somebody in it', () => {
    const credit = { ...web, service: 'credit-check' }
    const [assigned] = planAssignment([
      placed({ instance, release, run, listeners, targets: [credit, web] }),
    ])
    expect(targetsIn(assigned)).toEqual({
      ROADSTEAD_TARGET: 'http://127.0.0.1:20001',
      ROADSTEAD_TARGET_WEB: 'http://127.0.0.1:20001',
      ROADSTEAD_TARGET_CREDIT_CHECK: 'http://127.0.0.1:20003',
    })
  })

  test('names the listener of a service that is online already', () => {
    const credit = { ...web, service: 'credit-check', online: 1, predecessors: 0 }
    const [assigned] = planAssignment([
      placed({ instance, release, run, listeners, targets: [credit] }),
    ])
    expect(assigned?.env['ROADSTEAD_TARGET_CREDIT_CHECK']).toBe('http://127.0.0.1:20002')
  })

  test.each([
    ['nothing is wanted of', { ...web, successors: 0 }],
    ['vanishes', { ...web, target: null }],
    ['has no port', { ...web, service: 'mailer' }],
  ])('does not name a service that %s', (_, target) => {
    const [assigned] = planAssignment([
      placed({ instance, release, run, listeners, targets: [target] }),
    ])
    expect(Object.keys(targetsIn(assigned))).toEqual(['ROADSTEAD_TARGET'])
  })

  test('aims at the first service with a port where none has a route', () => {
    const services = [aSpec({ name: 'mailer', worker: true }), aSpec({ name: 'credit-check' })]
    const unrouted = aRelease({ ...release, services })
    const [assigned] = planAssignment([placed({ instance, run, release: unrouted, listeners })])
    expect(assigned?.env['ROADSTEAD_TARGET']).toBe('http://127.0.0.1:20003')
  })
})
