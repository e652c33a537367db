import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/base/digest.ts'
import type { DeployAnswer, RolloutView } from '../../src/wire/api.ts'
import type { DeployPlanView } from '../../src/wire/deploy-plan.ts'
import type { ApproveAnswer } from '../../src/wire/promotion.ts'
import { platformKey } from '../../src/parts/tenants/model.ts'
import type { HistoryAnswer } from '../../src/wire/history.ts'
import { tarOf } from '../fixtures/tar.ts'
import { aRunningServer, errorOf, type TestServer } from '../fixtures/running-server.ts'

/** The gates over REST, where no controller runs: what is held stays as it was asked for. */

const archive = tarOf([{ name: 'main.js', content: 'work()' }])
const digest = digestOf(archive)
const at = '/v1/cells/prod/default/apps/shop'

const platform = (prod: string): string => `roadstead: v1
platform: shop-europe
nodeGroups: { general: { engine: agents, zones: [a] } }
environments:
  prod: { nodeGroup: general${prod} }
`
const gated = platform(', approve: { role: releaser, people: 2, notAuthor: true }')
const open = platform('')

let server: TestServer
let tokens: Record<string, string>

beforeEach(async () => {
  server = await aRunningServer()
  await server.call('operator', `/v1/artifacts/${digest}`, { method: 'PUT', body: archive })
  tokens = {}
  for (const [name, role, ...may] of [
    ['dan', 'developer', 'releaser'],
    ['eva', 'viewer', 'releaser'],
    ['jan', 'viewer', 'releaser'],
    ['vit', 'viewer'],
  ] as const) {
    const token = `rst_${name.padEnd(43, 'x')}`
    tokens[name] = token
    const body = JSON.stringify({ name, role, may, hash: digestOf(token) })
    const made = await server.call('operator', '/v1/tokens', { method: 'POST', body })
    if (made.status !== 201) throw new Error(await made.text())
  }
})

afterEach(() => server.stop())

function post(who: string, path: string, body?: unknown): Promise<Response> {
  return fetch(new URL(path, server.url), {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens[who]}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function apply(text: string): Promise<void> {
  const body = JSON.stringify({ text })
  const response = await server.call('operator', '/v1/platform', { method: 'PUT', body })
  expect(response.status).toBe(200)
}

function aBody(sent: string, parts: { readonly deploy?: string } = {}): Record<string, unknown> {
  const lines = ['roadstead: v1', 'app: shop', 'services:', '  main: { worker: true, run: a }']
  if (parts.deploy !== undefined) lines.push(`environments: { prod: { deploy: ${parts.deploy} } }`)
  return {
    manifest: `${lines.join('\n')}\n`,
    platform: sent,
    artifacts: { '.': { digest, sizeBytes: archive.length } },
    files: null,
    version: 'v1',
    supersede: false,
  }
}

async function deployed(sent: string): Promise<DeployAnswer> {
  const response = await post('dan', `${at}/deploy`, aBody(sent))
  expect(response.status).toBe(202)
  return (await response.json()) as DeployAnswer
}

async function rolloutOf(id: string): Promise<RolloutView> {
  const response = await server.call('viewer', `${at}/rollouts/${id}`)
  return (await response.json()) as RolloutView
}

describe('a gate', () => {
  test('in force is not weakened by the file that a deploy sends', async () => {
    await apply(gated)
    const plan = await post('dan', `${at}/plan`, aBody(open))
    const { notes } = (await plan.json()) as DeployPlanView
    expect(notes).toEqual([
      expect.stringContaining('is not the one in force'),
      'its rollout waits for the approval of 2 releasers, not its author dan',
    ])
    const answer = await deployed(open)
    const because = 'waits for the approval of 2 releasers, not its author dan'
    expect(answer).toMatchObject({ state: 'queued', heldBy: { because, approval: true } })
    expect(await rolloutOf(answer.rolloutId)).toMatchObject({ state: 'queued', because })
  })

  test('that came along is held against, where no file is in force', async () => {
    const { rolloutId, heldBy } = await deployed(gated)
    expect(heldBy).toMatchObject({ approval: true })
    expect((await post('eva', `${at}/rollouts/${rolloutId}/approve`)).status).toBe(202)
  })

  test('takes the word of two people, each once, and of no author', async () => {
    await apply(gated)
    const { rolloutId } = await deployed(gated)
    const approve = (who: string): Promise<Response> =>
      post(who, `${at}/rollouts/${rolloutId}/approve`)
    expect(await errorOf(await approve('dan'))).toMatchObject({ code: 'approval-by-author' })
    expect(await errorOf(await approve('vit'))).toMatchObject({ code: 'approval-role' })
    const first = await approve('eva')
    expect(first.status).toBe(202)
    const { revision, waitsFor } = (await first.json()) as ApproveAnswer
    expect(waitsFor).toContain('1 more releaser')
    const again = await approve('eva')
    expect(again.status).toBe(200)
    expect(await again.json()).toMatchObject({ revision, approvedBy: ['eva'] })
    const second = (await (await approve('jan')).json()) as ApproveAnswer
    expect(second).toMatchObject({ approvedBy: ['eva', 'jan'], waitsFor: null })
    expect((await rolloutOf(rolloutId)).approvals).toHaveLength(2)
  })

  test.each([
    ['ro-nothing', 404, 'rollout-unknown'],
    ['', 409, 'approval-needless'],
  ])('takes no word for %s: %s', async (id, status, code) => {
    const { rolloutId } = await deployed(open)
    const response = await post('eva', `${at}/rollouts/${id === '' ? rolloutId : id}/approve`)
    expect(response.status).toBe(status)
    expect(await errorOf(response)).toMatchObject({ code })
  })

  test('from elsewhere only keeps deploys out, whether operators or the manifest ask for it', async () => {
    const byManifest = await post('dan', `${at}/deploy`, aBody(open, { deploy: '{ from: qa }' }))
    expect(await errorOf(byManifest)).toMatchObject({
      code: 'promotion-required',
      hint: 'roadstead promote shop --from qa/default --to prod/default',
    })
    await apply(`${platform(', from: stage')}  stage: { nodeGroup: general }\n`)
    const response = await post('dan', `${at}/deploy`, aBody(open))
    expect(response.status).toBe(409)
    expect((await errorOf(response)).message).toContain('only what has run in stage before')
    const from = { environment: 'dev', tenant: 'default' }
    const untested = await post('dan', `${at}/promote`, { from, supersede: false })
    expect(await errorOf(untested)).toMatchObject({ code: 'promotion-untested' })
  })

  test.each(['{ when: merged, branch: main }', '{ branch: main, from: qa }'])(
    'of the manifest that this version does not keep is refused: %s',
    async (deploy) => {
      const response = await post('dan', `${at}/deploy`, aBody(open, { deploy }))
      expect(await errorOf(response)).toMatchObject({ code: 'manifest-not-yet' })
    },
  )

  test('keeps its history: who put which file in force', async () => {
    await apply(gated)
    await apply(open)
    const path = `/v1/history?key=${platformKey}&limit=10`
    const answer = await server.call('viewer', path)
    expect(answer.status).toBe(200)
    const { items } = (await answer.json()) as HistoryAnswer
    expect(items[0]).toMatchObject({ who: 'operator', what: 'platform.apply', change: 'changed' })
    const paths = items[0]?.fields.map(({ path }) => path)
    expect(paths).toContain('gates.prod.approve.people')
  })
})
