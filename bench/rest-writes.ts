/**
 * Durable writes through REST: authenticated, validated, audited, committed with fsync, seen by the
 * control loops; 64 connections, each scaling an app of its own that has no instances.
 *
 * The peer is the same server answering a read that commits nothing, so that the ratio is what a
 * durable write costs beyond a request.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { tarArchiver } from '../src/drivers/artifacts/tar-archiver.ts'
import { Cloud } from '../test/e2e/cloud.ts'
import { runBench, type Sample } from './lib/protocol.ts'

const connections = 64
const seconds = 5
const appPath = (index: number): string => `/v1/cells/local/default/apps/app-${index}`

const cloud = new Cloud()
await cloud.start()
try {
  await deployApps()
  await runBench('rest-writes', [
    {
      title: `${connections} connections, one durable commit each`,
      ours: { name: 'POST …/scale', run: () => load('POST', (index) => `${appPath(index)}/scale`) },
      peers: [{ name: 'GET the same app', run: () => load('GET', appPath) }],
    },
  ])
} finally {
  await cloud.remove()
}

async function load(method: 'GET' | 'POST', pathOf: (index: number) => string): Promise<Sample> {
  let index = 0
  const cpuBefore = cpuMsOfServer()
  const result = await autocannon({
    url: cloud.file.server,
    connections,
    duration: seconds,
    setupClient: (client) => client.setRequests([request(method, pathOf(index++))]),
  })
  return {
    operations: result['2xx'],
    wallMs: result.duration * 1_000,
    cpuMs: cpuMsOfServer() - cpuBefore,
    errors: result.errors + result.timeouts + result.non2xx,
  }
}

function request(method: 'GET' | 'POST', path: string): autocannon.Request {
  const authorization = `Bearer ${cloud.token}`
  if (method === 'GET') return { method, path, headers: { authorization } }
  return {
    method,
    path,
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ service: 'web', instances: 0 }),
  }
}

/** User and system time of the server with its store's thread, in hundredths of a second. */
function cpuMsOfServer(): number {
  const stat = readFileSync(`/proc/${cloud.file.roles.server?.pid}/stat`, 'utf8')
  const [user = '0', system = '0'] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14)
  return (Number(user) + Number(system)) * 10
}

async function deployApps(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'roadstead-bench-'))
  const archive = `${folder}.tar`
  try {
    writeFileSync(join(folder, 'server.js'), '')
    const ref = await tarArchiver().pack(folder, archive)
    const headers = { authorization: `Bearer ${cloud.token}` }
    const url = `${cloud.file.server}/v1/artifacts/${ref.digest}`
    const stored = await fetch(url, { method: 'PUT', headers, body: readFileSync(archive) })
    if (!stored.ok) throw new Error(await stored.text())
    for (let index = 0; index < connections; index++) {
      const manifest = `roadstead: v1
app: app-${index}
services: { web: { run: node server.js, health: /healthz, instances: 1 } }
`
      const deploy = {
        manifest,
        artifacts: { '.': ref },
        files: null,
        version: '',
        supersede: false,
      }
      // Stopped before it begins: nothing of it is ever started.
      const answer = await cloud.request('POST', `${appPath(index)}/deploy`, deploy)
      if (!answer.ok) throw new Error(await answer.text())
      await cloud.request('POST', `${appPath(index)}/scale`, { service: 'web', instances: 0 })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
    rmSync(archive, { force: true })
  }
  await new Promise((resolve) => setTimeout(resolve, 15_000))
}
