import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/base/digest.ts'
import { appAt, appKind, releasesOf } from '../../src/parts/apps/records.ts'
import { openRollouts } from '../../src/parts/rollouts/records.ts'
import { replace } from '../../src/store/port.ts'
import type { DeployAnswer, DeployRequest } from '../../src/wire/api.ts'
import type { DeployPlanView } from '../../src/wire/deploy-plan.ts'
import { tarOf } from '../fixtures/tar.ts'
import { shop } from '../fixtures/records.ts'
import { aRunningServer, errorOf, type TestServer } from '../fixtures/running-server.ts'

const path = '/v1/cells/local/default/apps/shop'
const archive = tarOf([{ name: 'server.js', content: 'serve()' }])
const digest = digestOf(archive)

let server: TestServer

beforeEach(async () => {
  server = await aRunningServer()
})

afterEach(() => server.stop())

function aBody(parts: Partial<DeployRequest> & { readonly greeting?: string } = {}): DeployRequest {
  const { greeting = 'hello', ...rest } = parts
  const lines = [
    'roadstead: v1',
    'app: shop',
    'services:',
    '  web:',
    '    source: .',
    '    worker: true',
    '    run: node server.js',
    '    instances: 2',
    `    env: { GREETING: ${greeting} }`,
  ]
  return {
    manifest: `${lines.join('\n')}\n`,
    artifacts: { '.': { digest, sizeBytes: archive.length } },
    files: null,
    version: 'v1',
    supersede: false,
    ...rest,
  }
}

function post(verb: string, body: unknown, role: 'operator' | 'viewer' = 'operator') {
  return server.call(role, `${path}/${verb}`, { method: 'POST', body: JSON.stringify(body) })
}

async function planned(body = aBody()): Promise<DeployPlanView> {
  const response = await post('plan', body)
  expect(response.status).toBe(200)
  return (await response.json()) as DeployPlanView
}

async function upload(): Promise<void> {
  const put = { method: 'PUT', body: archive }
  const response = await server.call('operator', `/v1/artifacts/${digest}`, put)
  expect(response.status).toBe(201)
}

async function deployed(body = aBody()): Promise<DeployAnswer> {
  const response = await post('deploy', body)
  expect(response.status).toBe(202)
  return (await response.json()) as DeployAnswer
}

/** The rollout's end, as its controller would write it. */
async function runs(releaseId: string): Promise<void> {
  const { state } = server
  const app = appAt(state.snapshot, shop)!
  const [rollout] = openRollouts(state.snapshot, shop)
  await state.commit({
    writes: [
      replace(appKind, app, { ...app.value, releaseId }),
      { op: 'delete', key: rollout!.key, expect: rollout!.revision },
    ],
    attribution: { who: 'test', what: 'rollout.finish', why: 'a test' },
  })
}

describe('a plan', () => {
  test('needs no upload, stores nothing, and is for viewers too', async () => {
    const { revision } = server.state.snapshot
    const plan = await planned()
    expect(plan).toMatchObject({ nothingToDo: false, base: null, services: [{ name: 'web' }] })
    expect((await post('plan', aBody(), 'viewer')).status).toBe(200)
    const keyed = { 'idempotency-key': 'plan-1' }
    const again = { method: 'POST', headers: keyed, body: JSON.stringify(aBody()) }
    expect((await server.call('operator', `${path}/plan`, again)).status).toBe(200)
    expect(server.state.snapshot.revision).toBe(revision)
  })

  test('says that there is no room where no node is known', async () => {
    const { placement } = await planned()
    expect(placement).toMatchObject([{ service: 'web', fits: false }])
    expect(placement[0]?.because).toContain('no node is known')
  })

  test('is run by its hash, which the release keeps', async () => {
    await upload()
    const { hash } = await planned()
    const { releaseNumber } = await deployed(aBody({ plan: hash }))
    expect(releaseNumber).toBe(1)
    expect(releasesOf(server.state.snapshot, shop)[0]?.value.planHash).toBe(hash)
  })

  test('is refused where something has changed since, and says what', async () => {
    await upload()
    const before = await planned()
    const { releaseId } = await deployed(aBody({ greeting: 'other' }))
    const { revision } = server.state.snapshot
    const stale = await post('deploy', aBody({ plan: before.hash }))
    expect(stale.status).toBe(409)
    const error = await errorOf(stale)
    expect(error).toMatchObject({ code: 'plan-stale', details: { changed: ['base'] } })
    expect(error.message).toContain('what runs is release 1 now')
    expect(server.state.snapshot.revision).toBe(revision)
    await runs(releaseId)
    const { hash } = await planned()
    await post('scale', { service: 'web', instances: 4 })
    const scaled = await errorOf(await post('deploy', aBody({ plan: hash })))
    expect(scaled).toMatchObject({ details: { changed: ['hands'] } })
    expect(scaled.message).toContain('web has 4 by hand')
    const other = await errorOf(await post('deploy', aBody({ plan: hash, greeting: 'x' })))
    expect(other).toMatchObject({ details: { changed: ['content', 'hands'] } })
  })

  test('that is none is refused', async () => {
    await upload()
    const answer = await post('deploy', aBody({ plan: 'latest' }))
    expect(answer.status).toBe(422)
    expect(await errorOf(answer)).toMatchObject({ code: 'plan-invalid', path: '/body/plan' })
  })
})

describe('a second deploy', () => {
  beforeEach(upload)

  test('of what runs changes nothing: no release, no rollout, no revision', async () => {
    const { releaseId } = await deployed()
    await runs(releaseId)
    const { revision } = server.state.snapshot
    const again = await server.call('operator', `${path}/deploy`, {
      method: 'POST',
      headers: { 'idempotency-key': 'second' },
      body: JSON.stringify(
        aBody({ version: 'another label', manifest: `# new\n${aBody().manifest}` }),
      ),
    })
    expect(again.status).toBe(200)
    const release = { id: releaseId, number: 1, version: 'v1' }
    expect(await again.json()).toEqual({ unchanged: true, release })
    expect(server.state.snapshot.revision).toBe(revision)
  })

  test('of what is queued attaches to it', async () => {
    const first = await deployed()
    const { revision } = server.state.snapshot
    const second = await deployed()
    expect(second).toMatchObject({ rolloutId: first.rolloutId, attached: true })
    expect(server.state.snapshot.revision).toBe(revision)
  })

  test('sent at the same moment attaches too', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => deployed()))
    expect(new Set(answers.map(({ rolloutId }) => rolloutId)).size).toBe(1)
    expect(releasesOf(server.state.snapshot, shop)).toHaveLength(1)
  })

  test('after a scale by hand undoes it, without a new release', async () => {
    const { releaseId } = await deployed()
    await runs(releaseId)
    await post('scale', { service: 'web', instances: 4 })
    const plan = await planned()
    expect(plan).toMatchObject({
      nothingToDo: false,
      putsBack: true,
      drift: [{ service: 'web', byHand: 4, inManifest: 2, by: 'operator' }],
    })
    expect(await planned(aBody({ keepDrift: true }))).toMatchObject({ nothingToDo: true })
    expect((await post('deploy', aBody({ keepDrift: true }))).status).toBe(200)
    expect(await deployed()).toMatchObject({ releaseId, releaseNumber: 1 })
    const [rollout] = openRollouts(server.state.snapshot, shop)
    expect(rollout?.value.putsBack).toEqual({ scale: { web: 4 }, stopped: [] })
    expect(await deployed()).toMatchObject({ rolloutId: rollout?.value.id, attached: true })
  })
})

describe('a queued rollout', () => {
  beforeEach(upload)

  test('is taken back by its cancel, once', async () => {
    const { rolloutId } = await deployed()
    expect((await post(`rollouts/${rolloutId}/cancel`, undefined)).status).toBe(202)
    const [entry] = openRollouts(server.state.snapshot, shop)
    expect(entry?.value.cancelledBy).toBe('operator')
  })

  test('that is unknown, or a viewer’s wish, is refused', async () => {
    const { rolloutId } = await deployed()
    expect((await post('rollouts/ro-none/cancel', undefined)).status).toBe(404)
    expect((await post(`rollouts/${rolloutId}/cancel`, undefined, 'viewer')).status).toBe(403)
  })
})
