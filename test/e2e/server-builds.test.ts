/** What the server makes of a build that is asked for: found, made, shared, or refused. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { digestOf } from '../../src/base/digest.ts'
import { artifactKind } from '../../src/parts/artifacts/records.ts'
import { nodeKind } from '../../src/parts/nodes/records.ts'
import { jobRunKind } from '../../src/parts/jobs/records.ts'
import { create } from '../../src/store/port.ts'
import type { BuildAnswer, BuildRequest } from '../../src/wire/jobs.ts'
import { aNode } from '../fixtures/records.ts'
import { aRunningServer, errorOf, type TestServer } from '../fixtures/running-server.ts'

const path = '/v1/cells/local/default/apps/shop/builds'
const context = { digest: digestOf('context'), sizeBytes: 7 }
const attribution = { who: 'test', what: 'test.make', why: 'for the test' }

let server: TestServer
let registry: Server
/** Tags that the registry has. */
const tags = new Map<string, string>()

beforeEach(async () => {
  tags.clear()
  registry = createServer((request, response) => {
    const digest = tags.get(request.url?.split('/').at(-1) ?? '')
    if (digest === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'docker-content-digest': digest }).end()
  })
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
  server = await aRunningServer()
})

afterEach(async () => {
  await server.stop()
  registry.close()
})

function asked(more: Partial<BuildRequest> = {}): BuildRequest {
  return {
    service: 'web',
    image: `127.0.0.1:${(registry.address() as AddressInfo).port}/shop/web`,
    context,
    dockerfile: 'Dockerfile',
    target: null,
    args: {},
    cpu: 0.5,
    memoryBytes: 2 ** 30,
    timeoutMs: 60_000,
    ...more,
  }
}

function ask(more: Partial<BuildRequest> = {}, role: 'developer' | 'viewer' = 'developer') {
  return server.call(role, path, { method: 'POST', body: JSON.stringify(asked(more)) })
}

/** A node that builds, and a context that is here. */
async function makeReady(drivers = ['process', 'docker', 'builds']): Promise<void> {
  await server.state.commit({
    writes: [
      create(nodeKind, aNode({ drivers })),
      create(artifactKind, { ...context, createdAt: 0 }),
    ],
    attribution,
  })
}

it('what the registry lacks becomes a run, which others who ask meanwhile share', async () => {
  await makeReady()
  const response = await ask()
  expect(response.status).toBe(202)
  const answer = (await response.json()) as BuildAnswer
  expect(answer.image).toMatch(/\/shop\/web:b-[0-9a-f]{24}$/)
  expect(answer.digest).toBeNull()
  expect(await (await ask()).json()).toEqual(answer)
  const runs = [...server.state.snapshot.list(jobRunKind)].map(({ value }) => value)
  expect(runs).toHaveLength(1)
  expect(runs[0]).toMatchObject({
    id: answer.runId,
    purpose: 'build',
    job: '~build',
    createdBy: 'developer',
    spec: { artifact: context, retries: 2, build: { service: 'web', image: answer.image } },
  })
  const [entry] = await server.state.log({ keyPrefix: 'job-run/', limit: 1 })
  expect(entry).toMatchObject({ who: 'developer', what: 'build.run' })
})

it('what the registry has is not built; another argument, stage or file is another image', async () => {
  await makeReady()
  const { image } = (await (await ask()).json()) as BuildAnswer
  const digest = digestOf('the image')
  tags.set(image.split(':').at(-1) ?? '', digest)
  const found = await ask({ memoryBytes: 2 ** 31, timeoutMs: 90_000 })
  expect(found.status).toBe(200)
  expect(await found.json()).toEqual({ image, digest, runId: null })
  const others = [
    { args: { A: '1' } },
    { target: 'small' },
    { dockerfile: 'other' },
    { context: { ...context, digest: digestOf('other') } },
  ]
  for (const other of others.slice(0, 3)) expect((await ask(other)).status).toBe(202)
  expect(await errorOf(await ask(others[3]))).toMatchObject({ code: 'artifact-missing' })
})

it('without a node that builds it is refused, with what to do', async () => {
  await makeReady(['process', 'docker'])
  const response = await ask()
  expect(response.status).toBe(409)
  const { code, hint } = await errorOf(response)
  expect(code).toBe('builds-unavailable')
  expect(hint).toContain('--builds')
})

it('arguments that look like secrets are told', async () => {
  await makeReady()
  const args = { NPM_TOKEN: 'x', DB_PASSWORD: 'y', KEYBOARD: 'z', NODE_VERSION: '24' }
  const { notes } = (await (await ask({ args })).json()) as BuildAnswer
  expect(notes).toEqual([expect.stringMatching(/^NPM_TOKEN, DB_PASSWORD of the build of web look/)])
})

it.each([
  ['a tag', { image: '127.0.0.1:5000/shop/web:v1' }, 422, 'image-invalid'],
  ['no name of an image', { image: 'https://r.example/Web' }, 422, 'image-invalid'],
  ['a Dockerfile out of the context', { dockerfile: '../Dockerfile' }, 400, 'input-invalid'],
  ['an absolute Dockerfile', { dockerfile: '/etc/passwd' }, 400, 'input-invalid'],
  ['an argument that is none', { args: { 'A B': '1' } }, 400, 'input-invalid'],
  ['a time-out of a second', { timeoutMs: 1_000 }, 400, 'input-invalid'],
])('%s is refused', async (_what, more, status, code) => {
  await makeReady()
  const response = await ask(more)
  expect([response.status, (await errorOf(response)).code]).toEqual([status, code])
})

it('a viewer builds nothing', async () => {
  await makeReady()
  expect((await ask({}, 'viewer')).status).toBe(403)
})

it('a deploy of what is not built says so', async () => {
  await makeReady()
  const { image } = asked()
  const manifest = `roadstead: v1\napp: shop\nservices:\n  web: { image: "${image}", build: ./web }\n`
  const deploy = async (contexts: object): Promise<{ status: number; code: string }> => {
    const body = { manifest, artifacts: {}, files: null, version: '', supersede: false, contexts }
    const to = path.replace('/builds', '/plan')
    const response = await server.call('developer', to, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    return { status: response.status, code: (await errorOf(response)).code }
  }
  expect(await deploy({ web: context })).toEqual({ status: 409, code: 'image-unbuilt' })
  expect(await deploy({})).toEqual({ status: 422, code: 'artifact-missing' })
})
