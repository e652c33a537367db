import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RolloutView } from '../../src/wire/api.ts'
import { Cloud, until } from './cloud.ts'

/** A colleague sees the next version of a whole app while its rollout is held, and nobody else does. */

const cloud = new Cloud()
const folder = join(cloud.folder, 'app')
/** The test step waits for it. */
const go = join(cloud.folder, 'go')

const start = `.listen(+process.env.PORT, process.env.HOST)`

const catalogue = `require('node:http')
  .createServer((_, response) => response.end('catalogue ' + process.env.VERSION))${start}\n`

/** Hands the header on, as every service has to that calls another. */
const storefront = `require('node:http').createServer(async ({ headers, url }, response) => {
  if (url === '/healthz') return response.end('ok')
  const release = headers['roadstead-release']
  const handed = release === undefined ? {} : { 'roadstead-release': release }
  const answer = await fetch(process.env.CATALOGUE_URL, { headers: handed })
  response.end('storefront ' + process.env.VERSION + ', ' + await answer.text())
})${start}\n`

const wait = `const { existsSync } = require('node:fs')
setInterval(() => { if (existsSync(${JSON.stringify(go)})) process.exit(0) }, 50)\n`

const manifest = (version: string): string => `roadstead: v1
app: linked
defaults: { cpu: 0.05, memory: 64MiB, health: { http: /healthz, every: 1s } }
services:
  storefront:
    run: node storefront.js
    instances: 2
    route: linked.localhost
    needs: [catalogue]
    env: { VERSION: ${version} }
  catalogue: { run: node catalogue.js, instances: 2, env: { VERSION: ${version} } }
release:
  steps:
    - maintenance: { portion: 50% }
    - test: { run: node wait.js, timeout: 2m }
    - remaining: {}
`

async function deploy(version: string): Promise<void> {
  writeFileSync(join(folder, 'roadstead.yaml'), manifest(version))
  const ran = await cloud.run('deploy', '--file', folder, '--version', version, '--detach')
  if (ran.code !== 0) throw new Error(ran.output)
}

async function newest(): Promise<RolloutView> {
  return cloud.newestRollout()
}

interface Made {
  readonly id: string
  readonly token: string
  readonly urls: string[]
}

async function link(...options: string[]): Promise<Made> {
  const { code, output } = await cloud.run('test-link', 'linked', '--json', ...options)
  if (code !== 0) throw new Error(output)
  return JSON.parse(output) as Made
}

/** The front page, as a browser asks for it: at the ingress, under the app's host. */
async function visit(
  headers: Record<string, string> = {},
  path = '/',
): Promise<{ status: number; text: string; cookie: string }> {
  const answer = await request(`${cloud.file.ingress}${path}`, {
    headers: { host: 'linked.localhost', ...headers },
  })
  const text = await answer.body.text()
  const [cookie = ''] = String(answer.headers['set-cookie'] ?? '').split(';')
  return { status: answer.statusCode, text, cookie }
}

const old = { status: 200, text: 'storefront v1, catalogue v1' }
const next = { status: 200, text: 'storefront v2, catalogue v2' }

beforeAll(async () => {
  // A test of the release waits for a file in the test's own folder.
  await cloud.start(['--isolation', 'off'])
  mkdirSync(folder)
  writeFileSync(join(folder, 'catalogue.js'), catalogue)
  writeFileSync(join(folder, 'storefront.js'), storefront)
  writeFileSync(join(folder, 'wait.js'), wait)
  writeFileSync(go, '')
  await deploy('v1')
  await until(async () => (await newest()).state === 'done', 'v1 runs')
  rmSync(go)
}, 120_000)

afterAll(() => cloud.remove())

describe('a test link', { timeout: 90_000 }, () => {
  test('has nowhere to lead before the next version stands in maintenance', async () => {
    const ran = await cloud.run('test-link', 'linked')
    expect(ran).toMatchObject({ code: 1, output: expect.stringContaining('waits in maintenance') })
  })

  test('shows the next version of every service to whoever has it, and to nobody else', async () => {
    await deploy('v2')
    await until(async () => {
      const { steps } = await newest()
      return steps.some(({ kind, state }) => kind === 'test' && state === 'running')
    }, 'v2 is being tested')
    expect(existsSync(go)).toBe(false)
    const { token, urls } = await link()
    const [url = ''] = urls
    expect(url).toBe(
      `http://linked.localhost:${new URL(cloud.file.ingress).port}/.roadstead/test/${token}`,
    )
    const { pathname } = new URL(url)
    await until(
      async () => (await visit({}, pathname)).status === 302,
      'the ingress knows the link',
    )
    const { cookie } = await visit({}, pathname)
    for (let visitor = 0; visitor < 6; visitor++) {
      expect(await visit()).toMatchObject(old)
      expect(await visit({ cookie })).toMatchObject(next)
      expect(await visit({ 'roadstead-release': token })).toMatchObject(next)
    }
  })

  test('that nobody made, that was ended, or whose time is over is refused', async () => {
    expect((await visit({}, `/.roadstead/test/${'x'.repeat(43)}`)).status).toBe(403)
    expect((await visit({ 'roadstead-release': 'x'.repeat(43) })).status).toBe(403)

    const ended = await link()
    const useEnded = { 'roadstead-release': ended.token }
    await until(async () => (await visit(useEnded)).status === 200, 'the link is known')
    const listed = await cloud.run('test-link', 'linked', '--list')
    expect(listed.output).toContain(ended.id)
    expect(listed.output).not.toContain(ended.token)
    expect(await cloud.run('test-link', 'linked', '--end', ended.id)).toMatchObject({ code: 0 })
    await until(async () => (await visit(useEnded)).status === 403, 'an ended link is refused')

    const short = await link('--for', '4s')
    const useShort = { 'roadstead-release': short.token }
    await until(async () => (await visit(useShort)).text === next.text, 'the short link is known')
    await until(async () => (await visit(useShort)).status === 403, 'its time is over')
    const left = await cloud.run('test-link', 'linked', '--list')
    expect(left.output).not.toContain(short.id)
  })

  test('lives on with its release once that is online, and dies with it', async () => {
    const kept = await link()
    writeFileSync(go, '')
    await until(async () => (await newest()).state === 'done', 'v2 runs')
    expect(await visit()).toMatchObject(next)
    expect(await visit({ 'roadstead-release': kept.token })).toMatchObject(next)
    const revert = await cloud.run('revert', 'linked')
    expect(revert).toMatchObject({ code: 0 })
    await until(
      async () => !(await cloud.run('test-link', 'linked', '--list')).output.includes(kept.id),
      'the link goes with the last instance of v2',
    )
    await until(async () => {
      const { status } = await visit({ 'roadstead-release': kept.token })
      return status === 403
    }, 'the ingress refuses it')
    expect(await visit()).toMatchObject(old)
  })
})
