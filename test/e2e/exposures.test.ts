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

function manifest(): string {
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
  const services = ['public', 'private', 'admin'].flatMap((face) => service(face))
  return `${['roadstead: v1', 'app: hi', 'services:', ...services].join('\n')}\n`
}

beforeAll(() => cloud.start(), 60_000)
afterAll(() => cloud.remove(), 60_000)

test('each exposure of a host is served at its own address of `up`, and at no other', async () => {
  const folder = join(cloud.folder, 'hi')
  mkdirSync(folder)
  writeFileSync(join(folder, 'server.js'), program)
  writeFileSync(join(folder, 'roadstead.yaml'), manifest())
  const { code, output } = await cloud.run('deploy', '-f', folder)
  expect(code, output).toBe(0)
  const { ingressPort, privatePort = 0, adminPort = 0 } = cloud.file
  const ports = { public: ingressPort, private: privatePort, admin: adminPort }
  for (const [face, port] of Object.entries(ports)) {
    const { status, text } = await call(port, { host: 'hi.localhost' })
    expect([face, status, text]).toEqual([face, 200, face])
  }
  const { services } = await cloud.get<AppView>('/v1/cells/local/default/apps/hi')
  for (const { name, url } of services) {
    expect(url).toBe(`http://hi.localhost:${ports[name as keyof typeof ports]}/`)
  }
  expect((await cloud.run('destroy', 'hi', '--yes')).code).toBe(0)
}, 60_000)
