/**
 * The data plane: our ingress beside a bare undici proxy (what the library costs without any of our
 * rules and counts), and beside HAProxy and nginx where they are installed. One instance stands behind
 * each, answers are 1 KB, the client is the same. Processor time is the proxy's alone.
 */
import { spawnSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'
import { Pool } from 'undici'
import { freePort } from '../test/fixtures/free-port.ts'
import { listening, run, runRoadstead } from './lib/ingress-process.ts'
import { runBench, type Contender, type Figure, type Sample } from './lib/protocol.ts'

/** A round's length and what is dropped before it, in seconds. */
const roundSeconds = 3
const warmUpSeconds = 1
const connections = 64
const ticksPerMs = 0.1

const [child, ...ports] = process.argv[2] === '--child' ? process.argv.slice(3) : []
if (child === 'instance') runInstance(Number(ports[0]))
else if (child === 'bare') runBareProxy(Number(ports[0]), Number(ports[1]))
else await main()

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'roadstead-bench-'))
  const children: ChildProcess[] = []
  const begin = async (starter: Starter): Promise<Proxy> => {
    const port = await freePort()
    const proxy = starter(port)
    children.push(proxy)
    await listening(port)
    return { port, pid: proxy.pid ?? 0 }
  }
  try {
    const target = (await begin((port) => runSelf('instance', port))).port
    const ours = await begin((port) => runRoadstead({ folder, port, target }))
    const peers = [
      {
        name: 'roadstead with HAProxy',
        proxy: await begin((port) =>
          runRoadstead({ folder: join(folder, 'driven'), port, target, driver: 'haproxy' }),
        ),
      },
      { name: 'bare undici', proxy: await begin((port) => runSelf('bare', port, target)) },
    ]
    for (const { name, starter } of installed(folder, target)) {
      peers.push({ name, proxy: await begin(starter) })
    }
    const figure = (title: string, what: Partial<autocannon.Options>): Figure => ({
      title,
      ours: contender('roadstead', ours, what),
      peers: peers.map(({ name, proxy }) => contender(name, proxy, what)),
    })
    await runBench('data-plane', [
      figure(`GET, ${connections} keep-alive connections`, {}),
      figure(`POST of 1 KB, ${connections} keep-alive connections`, {
        method: 'POST',
        body: 'x'.repeat(1_024),
      }),
    ])
  } finally {
    for (const process of children) process.kill('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Proxy {
  readonly port: number
  readonly pid: number
}

type Starter = (port: number) => ChildProcess

function contender(name: string, proxy: Proxy, what: Partial<autocannon.Options>): Contender {
  const load = (duration: number) =>
    autocannon({ url: `http://127.0.0.1:${proxy.port}/`, connections, duration, ...what })
  return {
    name,
    async run(): Promise<Sample> {
      await load(warmUpSeconds)
      const cpuBefore = cpuMsOf(proxy.pid)
      const startedAt = performance.now()
      const { requests, errors, non2xx } = await load(roundSeconds)
      const wallMs = performance.now() - startedAt
      const cpuMs = cpuMsOf(proxy.pid) - cpuBefore
      return { operations: requests.total, wallMs, cpuMs, errors: errors + non2xx }
    },
  }
}

/** User and system time of a process and its children. */
function cpuMsOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  let ticks = 0
  for (const one of [String(pid), ...(children === '' ? [] : children.split(' '))]) {
    const stat = readFileSync(`/proc/${one}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks / ticksPerMs
}

/** The peers that this machine has; what is missing is said, with the way to get it. */
function installed(folder: string, target: number): { name: string; starter: Starter }[] {
  const known = [
    { name: 'haproxy', package: 'haproxy', starter: haproxy(folder, target) },
    { name: 'nginx', package: 'nginx-light', starter: nginx(folder, target) },
  ]
  return known.filter((peer) => {
    const isHere = spawnSync(peer.name, ['-v']).error === undefined
    if (!isHere) console.log(`${peer.name} is not here: left out (apt-get install ${peer.package})`)
    return isHere
  })
}

function haproxy(folder: string, target: number): Starter {
  return (port) => {
    const file = join(folder, 'haproxy.cfg')
    const lines = [
      'global',
      '  nbthread 1',
      'defaults',
      '  mode http',
      '  timeout connect 2s',
      '  timeout client 75s',
      '  timeout server 60s',
      'frontend public',
      `  bind 127.0.0.1:${port}`,
      '  option forwardfor',
      '  default_backend web',
      'backend web',
      '  http-reuse always',
      `  server i-1 127.0.0.1:${target}`,
    ]
    writeFileSync(file, `${lines.join('\n')}\n`)
    return run('haproxy', ['-db', '-f', file])
  }
}

function nginx(folder: string, target: number): Starter {
  return (port) => {
    const file = join(folder, 'nginx.conf')
    const lines = [
      `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr error;`,
      'events { worker_connections 1024; }',
      'http { access_log off; keepalive_requests 1000000000;',
      `upstream web { server 127.0.0.1:${target}; keepalive 128; }`,
      `server { listen 127.0.0.1:${port}; location / { proxy_pass http://web;`,
      'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;',
      'proxy_set_header X-Forwarded-For $remote_addr; } } }',
    ]
    writeFileSync(file, `${lines.join('\n')}\n`)
    return run('nginx', ['-p', folder, '-c', file])
  }
}

function runSelf(role: string, port: number, target = 0): ChildProcess {
  return run(process.execPath, [
    import.meta.filename,
    '--child',
    role,
    String(port),
    String(target),
  ])
}

/** What stands behind every proxy. */
function runInstance(port: number): void {
  const body = Buffer.alloc(1_024, 'x')
  const headers = { 'content-type': 'text/plain', 'content-length': body.length }
  createServer({ keepAliveTimeout: 60_000 }, (req, res) => {
    req.resume().once('end', () => res.writeHead(200, headers).end(body))
  }).listen(port, '127.0.0.1')
}

/** The least that a streaming proxy on undici can do: no routes, no counts, no retries. */
function runBareProxy(port: number, target: number): void {
  const pool = new Pool(`http://127.0.0.1:${target}`)
  createServer((req, res) => {
    const { connection: _connection, ...headers } = req.headers
    const body = req.method === 'GET' ? null : req
    pool.dispatch(
      { method: req.method ?? 'GET', path: req.url ?? '/', headers, body },
      {
        onRequestStart() {},
        onResponseStart(_controller, status, { connection, 'keep-alive': _idle, ...answered }) {
          if (connection !== 'close') res.writeHead(status, answered)
        },
        onResponseData(controller, chunk) {
          if (res.write(chunk)) return
          controller.pause()
          res.once('drain', () => controller.resume())
        },
        onResponseEnd: () => void res.end(),
        onResponseError: () => void res.destroy(),
      },
    )
  }).listen(port, '127.0.0.1')
}
