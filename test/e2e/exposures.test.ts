import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AppView } from '../../src/wire/api.ts'
import { call } from '../contract/ingress-bed.ts'
import { Cloud } from './cloud.ts'

/** One host with three faces: what customers, the company and operators see of one app. */

const cloud = new Cloud()

const program = `
const { createServer } = require('node:http')
createServer((request, response) => response.end(process.env.FACE))
  .listen(Number(process.env.PORT), process.env.HOST)
`

function manifest(app: string, faces: readonly string[]): string {
  const service = (face: string): string[] => [
    `  ${face}:`,
    '    run: node server.js',
    '    cpu: 0.05',
    '    memory: 32MiB',
    '    disk: 8MiB',
    '    health: { http: /, every: 200ms, passes: 1 }',
    `    route: { host: hi.localhost, expose: ${face} }`,
    `    env: { FACE: ${face} }`,
  ]
  const services = faces.flatMap((face) => service(face))
  return `${['roadstead: v1', `app: ${app}`, 'services:', ...services].join('\n')}\n`
}

beforeAll(() => cloud.start())
afterAll(() => cloud.remove())

test('each exposure of a host is served at its own address of `up`, and at no other', async () => {
  const folder = join(cloud.folder, 'hi')
  mkdirSync(folder)
  writeFileSync(join(folder, 'server.js'), program)
  writeFileSync(join(folder, 'roadstead.yaml'), manifest('hi', ['public', 'private']))
  const { code, output } = await cloud.run('deploy', '-f', folder)
  expect(code, output).toBe(0)
  // Another app may have the same host and path where this one has none, and only there.
  writeFileSync(join(folder, 'roadstead.yaml'), manifest('ho', ['private']))
  expect((await cloud.run('deploy', '-f', folder)).output).toContain('leads to hi/private')
  writeFileSync(join(folder, 'roadstead.yaml'), manifest('ho', ['admin']))
  expect((await cloud.run('deploy', '-f', folder)).code).toBe(0)
  const { ingressPort, privatePort = 0, adminPort = 0 } = cloud.file
  const ports = { public: ingressPort, private: privatePort, admin: adminPort }
  for (const [face, port] of Object.entries(ports)) {
    const { status, text } = await call(port, { host: 'hi.localhost' })
    expect([face, status, text]).toEqual([face, 200, face])
  }
  const app = (name: string): Promise<AppView> => cloud.get(`/v1/cells/local/default/apps/${name}`)
  const services = [...(await app('hi')).services, ...(await app('ho')).services]
  expect(services).toHaveLength(3)
  for (const { name, url } of services) {
    expect(url).toBe(`http://hi.localhost:${ports[name as keyof typeof ports]}/`)
  }
})
