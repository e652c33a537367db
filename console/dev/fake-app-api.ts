import type { AppView, InstanceView, LogLineView, WhyView } from '../../src/wire/api.ts'
import type { JobView, RunDetails, RunView } from '../../src/wire/jobs.ts'
import type { ReleaseView } from '../../src/wire/releases.ts'
import { explanation, manifestOf } from './fake-explanation.ts'
import type { FakeInstance } from './fake-fleet.ts'
import type { FakeApp } from './fake-scenes.ts'
import type { FakeWorld } from './fake-world.ts'

/** The part of the fake API that is about one app: its reads, and what can be done to it. */

export interface FakeReply {
  readonly status: number
  readonly body: unknown
}

/** What a test makes the server say to the next write whose path ends so. */
export interface FakeRefusal {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly details?: Readonly<Record<string, unknown>>
}

/** A write that the console has sent. */
export interface FakeWrite {
  readonly method: string
  readonly path: string
  readonly key: string
  readonly body: unknown
}

export class FakeAppApi {
  /** Every write, oldest first. */
  readonly writes: FakeWrite[] = []
  /** By the end of the path; each is said once. */
  readonly refusals = new Map<string, FakeRefusal>()
  readonly #world: FakeWorld

  constructor(world: FakeWorld) {
    this.#world = world
  }

  /** Undefined: there is nothing at this address. */
  read(url: URL): unknown {
    const [, , noun, a = '', b = '', , name, part, id] = url.pathname.split('/')
    if (noun === 'instances') return this.#instances(url, a, b)
    if (noun === 'logs') return { items: logOf(url.searchParams.get('instance') ?? '') }
    if (noun === 'volumes') return { items: [] }
    if (noun === 'runs') return a === '' ? this.#runs() : runDetails()
    if (noun !== 'cells') return undefined
    const app = this.#world.apps.find(
      ({ at }) => at.environment === a && at.tenant === b && at.app === name,
    )
    if (app === undefined) return undefined
    switch (part) {
      case undefined:
        return this.#world.appViews(Date.now()).find(({ at }) => at === app.at)
      case 'releases':
        return id === undefined ? { items: releasesOf(app) } : explanation(app, Number(id))
      case 'rollouts':
        if (id !== undefined) return this.#world.rollouts.find((rollout) => rollout.id === id)
        return { items: this.#world.rollouts.filter(({ at }) => at.app === app.at.app) }
      case 'jobs':
        return { items: id === undefined ? [jobOf(app)] : [runOf(app.at)] }
      default:
        return { items: [] }
    }
  }

  write(write: FakeWrite): FakeReply {
    this.writes.push(write)
    for (const [end, refusal] of this.refusals) {
      if (!write.path.split('?')[0]?.endsWith(end)) continue
      this.refusals.delete(end)
      const { status, ...error } = refusal
      return { status, body: { error: { ...error, requestId: 'req-fake' } } }
    }
    return { status: 202, body: { revision: this.#world.revision, ...this.#act(write) } }
  }

  #act({ method, path, body }: FakeWrite): object {
    const [, , , a, b, , name, verb] = path.split(/[/?]/)
    const app = this.#world.apps.find(
      ({ at }) => at.environment === a && at.tenant === b && at.app === name,
    )
    if (app === undefined) return {}
    const { service = '', instances = 0 } = (body ?? {}) as { service?: string; instances?: number }
    if (method === 'DELETE') this.#world.apps.splice(this.#world.apps.indexOf(app), 1)
    else if (verb === 'scale') change(app, service, { wanted: instances, ready: instances })
    else if (verb === 'stop') change(app, service, { stopped: true, ready: 0 })
    else if (verb === 'start') change(app, service, { stopped: false })
    else if (verb === 'revert') return { rolloutId: this.#world.deploy('v0.9', 60, Date.now()).id }
    this.#world.touch('app')
    return {}
  }

  /** A test of each rollout that has got as far as that. */
  #runs(): { readonly items: readonly RunView[] } {
    const tested = this.#world.rollouts.filter(({ steps }) => steps[1]?.state === 'done')
    return {
      items: tested.map(({ at, id }) => ({ ...runOf(at), purpose: 'test', rolloutId: id })),
    }
  }

  #instances(url: URL, id: string, part: string): unknown {
    const all = [...this.#world.fleet.instances.values()].map(instanceOf)
    if (id === '') {
      const app = url.searchParams.get('app')
      return { items: all.filter((one) => app === null || one.at.app === app) }
    }
    const found = all.find((one) => one.id === id)
    return part === 'why' && found !== undefined ? whyOf(found) : found
  }
}

function change(app: FakeApp, name: string, part: Partial<AppView['services'][number]>): void {
  app.services = app.services.map((one) =>
    name === '' || one.name === name ? { ...one, ...part } : one,
  )
}

/** As its agent would tell of it. */
function instanceOf({
  id,
  service,
  nodeId,
  cpu,
  memoryBytes,
  pool,
  state,
}: FakeInstance): InstanceView {
  const createdAt = Date.now() - 20 * 60_000
  return {
    id,
    ...service,
    purpose: 'service',
    releaseId: 'rel-6',
    specDigest: 'sha256:0',
    resources: { cpu, memoryBytes, diskBytes: 2 ** 29 },
    needsPort: true,
    state: 'placed',
    desired: 'running',
    pool,
    drainingSince: null,
    placement: { nodeId, port: 21_000 },
    unplaced: null,
    because: 'ready in the maintenance pool',
    createdAt,
    ended: null,
    observed: {
      instanceId: id,
      state: state ?? 'ready',
      because: 'GET /healthz answered 200',
      since: createdAt + 2_000,
      runs: 1,
      pid: 4_200,
      lastExit: null,
      warmedUp: { requests: 200, firstMs: 38, lastMs: 4 },
    },
  }
}

function whyOf({ id, createdAt, service }: InstanceView): WhyView {
  return {
    instanceId: id,
    because: 'it stands on node-1, port 21000: ready in the maintenance pool',
    fix: null,
    nodes: [{ nodeId: 'node-1', zone: 'a', verdict: 'chosen', because: 'it holds a place here' }],
    events: [
      { at: createdAt, who: 'instances', why: `${service}: 4 wanted` },
      { at: createdAt + 2_000, who: 'instances', why: `${service}: ready in the maintenance pool` },
    ],
  }
}

/** Lines as programs may print them: with terminal codes, with markup, and far too long. */
function logOf(instanceId: string): LogLineView[] {
  const texts = [
    'listens on 127.0.0.1:21000',
    '\u001B[33mwarning\u001B[0m: the cache is cold',
    '<script>document.title="taken"</script>',
    'x'.repeat(1_000_000),
  ]
  const cell = { environment: 'local', tenant: 'default', app: 'shop' }
  const own = { instanceId, service: 'storefront', cell, releaseId: 'rel-6' }
  return texts.map((text, index) => {
    const at = Date.now() - 60_000 + index
    return { ...own, stream: 'stdout', at, text, position: `${at}.${index + 1}.${instanceId}` }
  })
}

function releasesOf({ at, releaseNumber, version }: FakeApp): ReleaseView[] {
  return [version, 'v0.9', 'v0.8'].map((name, back) => ({
    id: `rel-${releaseNumber - back}`,
    at,
    number: releaseNumber - back,
    version: name,
    services: [],
    steps: [],
    revertAboveFailed: 0,
    files: null,
    manifest: manifestOf(at.app),
    createdBy: 'operator',
    createdAt: Date.now() - back * 3_600_000,
  }))
}

function jobOf({ at }: FakeApp): JobView {
  const schedule = { cron: '0 3 * * *', timezone: 'Europe/Prague' }
  const spec = {
    name: 'reindex',
    service: 'catalogue',
    run: ['node', 'reindex.js'],
    schedule,
    overlap: 'skip' as const,
    timeoutMs: 60_000,
    retries: 0,
    lateAfterMs: null,
  }
  const nextAt = Date.now() + 3_600_000
  return { at, spec, nextAt, lastSuccessAt: null, lateSince: null, lastRun: runOf(at) }
}

function runOf(at: AppView['at']): RunView {
  const createdAt = Date.now() - 120_000
  return {
    id: 'run-1',
    at,
    job: 'reindex',
    purpose: 'cron',
    slot: null,
    rolloutId: null,
    releaseId: 'rel-6',
    spec: {
      run: ['node', 'reindex.js'],
      service: 'catalogue',
      artifact: { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 },
      resources: { cpu: 0.1, memoryBytes: 2 ** 27, diskBytes: 2 ** 27 },
      timeoutMs: 60_000,
      retries: 0,
      overlap: 'skip',
    },
    state: 'succeeded',
    because: 'exit code 0',
    attempts: [],
    retryAt: null,
    cancelledBy: null,
    createdBy: 'jobs',
    createdAt,
    startedAt: createdAt,
    endedAt: createdAt + 4_000,
  }
}

function runDetails(): RunDetails {
  const at = { environment: 'local', tenant: 'default', app: 'shop' }
  const own = { instanceId: 'i-job', service: 'catalogue', cell: at, releaseId: 'rel-6' }
  const printedAt = Date.now() - 118_000
  const line: LogLineView = {
    ...own,
    stream: 'stdout',
    at: printedAt,
    text: '14 checks passed',
    position: `${printedAt}.1.i-job`,
  }
  return { run: runOf(at), output: [line] }
}
