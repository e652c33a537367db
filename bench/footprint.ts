/**
 * Figure 17: what an idle `up` takes: memory (proportional set) of supervisor and roles, and their
 * CPU time over a minute. Then what the server alone takes with 600 agents, which speak the real
 * protocol over HTTP from another process, and 20,000 instances. Linux only; the bundles must be
 * built (`npm run build`).
 *
 *   npm run bench -- footprint [--seconds 60] [--noisy]
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { LargeServer, memoryOf } from './lib/large-server.ts'

interface Usage {
  readonly pssMiB: number
  /** User and system time so far. */
  readonly cpuMs: number
}

/** Goals of design/performance.md. */
const pssMiBMax = 250
const cpuShareMax = 0.02

const largeMiBMax = 400
const large = { nodes: 600, instances: 20_000 } as const

/** Linux counts processor time in hundredths of a second, whatever the kernel's own tick. */
const msPerTick = 10

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    noisy: { type: 'boolean', default: false },
  },
})
const loadPerCore = (loadavg()[0] ?? 0) / availableParallelism()
console.log(`load ${loadPerCore.toFixed(2)} per core, Node.js ${process.version}`)
if (loadPerCore > 0.5 && !values.noisy) {
  console.error('error: the machine is busy; wait, or say --noisy')
  process.exit(1)
}

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const folder = mkdtempSync(join(tmpdir(), 'roadstead-footprint-'))
const launcher = join(root, 'bin', 'roadstead.js')
const ports = ['--port', '0', '--ingress-port', '0']
const up = spawn(process.execPath, [launcher, 'up', '--data', folder, ...ports], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  await new Promise<void>((resolve, reject) => {
    up.stdout.on('data', (chunk: Buffer) => chunk.includes('all of it runs') && resolve())
    up.once('exit', () => reject(new Error('up did not start')))
  })
  // Until code that runs once has been let go of and the heaps have settled.
  await sleep(10_000)
  await measure(Number(values.seconds))
} finally {
  up.kill('SIGTERM')
  await new Promise((resolve) => up.once('exit', resolve))
  rmSync(folder, { recursive: true, force: true })
}

async function measure(seconds: number): Promise<void> {
  const { roles } = JSON.parse(readFileSync(join(folder, 'up.json'), 'utf8'))
  const pids: Record<string, number> = { supervisor: up.pid ?? 0 }
  for (const [name, { pid }] of Object.entries<{ pid: number }>(roles)) pids[name] = pid
  const before = Object.entries(pids).map(([name, pid]) => [name, usageOf(pid)] as const)
  await sleep(seconds * 1_000)
  const rows = before.map(([name, earlier]) => {
    const later = usageOf(pids[name] ?? 0)
    return { name, pssMiB: later.pssMiB, cpuShare: (later.cpuMs - earlier.cpuMs) / seconds / 1_000 }
  })
  const all = {
    name: 'all',
    pssMiB: rows.reduce((sum, row) => sum + row.pssMiB, 0),
    cpuShare: rows.reduce((sum, row) => sum + row.cpuShare, 0),
  }
  for (const { name, pssMiB, cpuShare } of [...rows, all]) {
    const share = `${(cpuShare * 100).toFixed(2)} % of a core`
    console.log(`${name.padEnd(11)} ${pssMiB.toFixed(0).padStart(4)} MiB  ${share.padStart(17)}`)
  }
  console.log(`goals: ${pssMiBMax} MiB and ${cpuShareMax * 100} % of a core in all`)
  const withLarge = await measureLarge(seconds)
  const result = { at: new Date().toISOString(), loadPerCore, seconds, rows, all, large: withLarge }
  const place = join(root, 'bench', 'results', 'footprint.json')
  writeFileSync(place, `${JSON.stringify(result, null, 2)}\n`)
}

/** The real server process with a large cell; its memory once it has been at rest for a while. */
async function measureLarge(seconds: number): Promise<object> {
  const startedAt = performance.now()
  const running = await LargeServer.start(large)
  try {
    const readyMs = performance.now() - startedAt
    await sleep(10_000)
    const pid = running.server.pid ?? 0
    const before = usageOf(pid)
    await sleep(seconds * 1_000)
    const { cpuMs } = usageOf(pid)
    const memory = memoryOf(pid)
    const cpuShare = (cpuMs - before.cpuMs) / seconds / 1_000
    const { nodes, instances } = large
    console.log(
      `server with ${nodes} agents and ${instances} instances: ${memory.pssMiB.toFixed(0)} MiB ` +
        `(${memory.anonymousMiB.toFixed(0)} its own), ${(cpuShare * 100).toFixed(1)} % of a core; ` +
        `goal ${largeMiBMax} MiB`,
    )
    return { ...large, ...memory, cpuShare, readyMs }
  } finally {
    await running.stop()
  }
}

function usageOf(pid: number): Usage {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const pssKiB = Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1])
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[11]) + Number(fields[12])
  return { pssMiB: pssKiB / 1_024, cpuMs: ticks * msPerTick }
}
