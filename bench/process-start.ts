/**
 * 20 instances from start to listening: the process driver, with its shim, its verified command and
 * its checked port, beside a bare spawn of the same program. What is measured beside the program's
 * own start (some 40 ms of Node.js) is what the shim costs.
 * Then one after the other, isolated: what bubblewrap and the control groups cost beside that.
 *
 * Processor time is this process's and that of the children it waited for; the loops that keep the
 * output outlive the shim, so theirs is missing (they do nothing here).
 */
import { spawn } from 'node:child_process'
import assert from 'node:assert'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemClock } from '../src/base/clock.ts'
import { systemRandom } from '../src/base/random.ts'
import type { IsolationChoice } from '../src/drivers/instances/process/isolation.ts'
import { ProcessDriver } from '../src/drivers/instances/process/process-driver.ts'
import { runBench, type Sample } from './lib/protocol.ts'

const instances = 20
/** Starts one after the other in a round. */
const alone = 10
/** It calls the bench once it listens: polling would take the time that is to be measured. */
const program = `const net = require('node:net')
net.createServer().listen(process.env.PORT, '127.0.0.1', () => {
  net.connect(process.env.BENCH_PORT, '127.0.0.1')
})`
const ticksPerMs = 0.1

await runBench('process-start', [
  {
    title: `${instances} instances until they listen`,
    ours: { name: 'process driver', run: () => measured(startPlain) },
    peers: [{ name: 'bare spawn', run: () => measured(startBare) }],
  },
  {
    title: `an instance in namespaces and control groups of its own until it listens (${alone} one by one)`,
    ours: { name: 'isolated', run: () => oneByOne((...where) => startByDriver('auto', ...where)) },
    peers: [
      { name: 'process driver', run: () => oneByOne(startPlain) },
      { name: 'bare spawn', run: () => oneByOne(startBare) },
    ],
  },
])

/** `begin` is called when the starts begin: the driver's own opening, once an agent, is before it. */
type Start = (
  ports: readonly number[],
  benchPort: string,
  begin: () => void,
) => Promise<() => Promise<void>>

/** What isolation costs shows when nothing else runs: one start after the other. */
async function oneByOne(start: Start): Promise<Sample> {
  const samples: Sample[] = []
  while (samples.length < alone) samples.push(await measured(start, 1))
  const sum = (of: (sample: Sample) => number): number =>
    samples.reduce((total, sample) => total + of(sample), 0)
  return {
    operations: alone,
    wallMs: sum(({ wallMs }) => wallMs),
    cpuMs: sum(({ cpuMs }) => cpuMs),
    errors: 0,
  }
}

/** Starts on free ports, waits until all listen, stops the watch, then ends them. */
async function measured(start: Start, count = instances): Promise<Sample> {
  const ports = await freePorts(count)
  const calls = createServer().listen(0, '127.0.0.1')
  await once(calls, 'listening')
  const allListen = untilCalled(calls, count)
  const cpuBefore = await cpuMs()
  let startedAt = 0
  const benchPort = String((calls.address() as AddressInfo).port)
  const end = await start(ports, benchPort, () => (startedAt = performance.now()))
  await allListen
  const wallMs = performance.now() - startedAt
  await end()
  calls.close()
  return { operations: count, wallMs, cpuMs: (await cpuMs()) - cpuBefore, errors: 0 }
}

function startPlain(...where: Parameters<Start>): ReturnType<Start> {
  return startByDriver('off', ...where)
}

async function startByDriver(
  isolation: IsolationChoice,
  ports: readonly number[],
  benchPort: string,
  begin: () => void,
): Promise<() => Promise<void>> {
  const root = await mkdtemp(join(tmpdir(), 'roadstead-bench-'))
  const artifact = join(root, 'artifact')
  await mkdir(artifact)
  const { PATH = '' } = process.env
  const machine = { path: PATH, lang: 'C', nodeDirectory: dirname(process.execPath) }
  const driver = new ProcessDriver({
    root: join(root, 'instances'),
    clock: systemClock,
    random: systemRandom,
    machine,
    isolation,
  })
  await driver.adopt()
  if (isolation === 'auto') assert(driver.offers().includes('limits'), 'bubblewrap is needed here')
  begin()
  await Promise.all(
    ports.map((port) =>
      driver.start({
        instanceId: `i-${port}`,
        run: 1,
        command: ['node', '-e', program],
        directory: artifact,
        env: { PORT: String(port), BENCH_PORT: benchPort, ROADSTEAD_INSTANCE: `i-${port}` },
        listen: { host: '127.0.0.1', port },
      }),
    ),
  )
  return async () => {
    await Promise.all(ports.map((port) => driver.end(`i-${port}`)))
    await Promise.all(ports.map((port) => driver.discard(`i-${port}`)))
    await driver.close()
    await rm(root, { recursive: true, force: true })
  }
}

function startBare(
  ports: readonly number[],
  benchPort: string,
  begin: () => void,
): Promise<() => Promise<void>> {
  begin()
  const children = ports.map((port) =>
    spawn(process.execPath, ['-e', program], {
      env: { PORT: String(port), BENCH_PORT: benchPort },
      stdio: 'ignore',
      // A session of its own, as ours has: Linux shares out processors by session.
      detached: true,
    }),
  )
  return Promise.resolve(async () => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(
      children.filter((child) => child.exitCode === null).map((child) => once(child, 'exit')),
    )
  })
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function untilCalled(calls: Server, count: number): Promise<void> {
  let missing = count
  return new Promise((resolve) => {
    calls.on('connection', (socket) => {
      socket.on('error', () => socket.destroy())
      if (--missing === 0) resolve()
    })
  })
}

/** User and system time of this process and its ended children, from fields 14 to 17. */
async function cpuMs(): Promise<number> {
  const stat = await readFile('/proc/self/stat', 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return ticks / ticksPerMs
}
