import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { Machines } from './machines.ts'

/**
 * S1 and S13 with real processes: a singleton whose agent is paused, and one whose server is away.
 * The singleton itself is the witness: each writes its epoch and the time into one file, all along.
 */

const witness = `
const { appendFileSync } = require('node:fs')
const { JOURNAL, ROADSTEAD_EPOCH } = process.env
const note = () => appendFileSync(JOURNAL, ROADSTEAD_EPOCH + ' ' + process.pid + ' ' + Date.now() + '\\n')
process.on('SIGTERM', () => {})
note()
setInterval(note, 10)
`

let machines: Machines
beforeEach(() => {
  machines = new Machines()
})
afterEach(() => machines.remove())

const journal = (): string => join(machines.folder, 'journal')

interface Span {
  readonly epoch: number
  readonly from: number
  readonly to: number
}

/** When each process of the singleton wrote first and last, in the order of their first lines. */
function spans(): Span[] {
  const found = new Map<string, Span>()
  for (const line of readFileSync(journal(), 'utf8').trim().split('\n')) {
    const [epoch = 0, pid = 0, at = 0] = line.split(' ').map(Number)
    const from = found.get(String(pid))?.from ?? at
    found.set(String(pid), { epoch, from, to: at })
  }
  return [...found.values()]
}

async function deployWitness(): Promise<void> {
  writeFileSync(journal(), '')
  await machines.deploy('witness', {
    'main.js': witness,
    'roadstead.yaml': `roadstead: v1
app: witness
services:
  only:
    run: node main.js
    worker: true
    singleton: true
    env: { JOURNAL: ${journal()} }
    stop: { grace: 1s }
`,
  })
  await machines.until('the singleton writes', () => spans().some(({ epoch }) => epoch > 0))
}

test('a singleton whose agent is paused never runs beside the one that replaces it', async () => {
  await machines.startServer('--singleton-lease=4s')
  // The witness keeps its journal in the test's own folder, by the pids that the machine knows.
  machines.agentOptions = ['--isolation=off']
  machines.startAgent('n1')
  machines.startAgent('n2')
  await machines.until('both nodes are known', async () => (await machines.nodes()).length === 2)
  await deployWitness()
  const [only] = await machines.instances()
  const paused = only?.placement?.nodeId ?? ''
  machines.process(paused).kill('SIGSTOP')
  const pausedAt = systemClock.now()

  await machines.until('another singleton writes', () => spans().length > 1)
  const [first, second] = spans()
  // Its watchdog ended it, though its agent could not: at the lease's end, or a moment later.
  expect((first?.to ?? 0) - pausedAt).toBeLessThan(5_500)
  expect(second?.from).toBeGreaterThan(first?.to ?? Infinity)
  expect(second?.epoch).toBe((first?.epoch ?? 0) + 1)

  machines.process(paused).kill('SIGCONT')
  await systemClock.sleep(6_000)
  expect(spans()).toHaveLength(2)
  expect(await machines.instances()).toMatchObject([{ singleton: { epoch: second?.epoch } }])
})

test('a singleton ends with its lease while the server is away, and comes back as the same', async () => {
  await machines.startServer('--singleton-lease=4s')
  machines.agentOptions = ['--isolation=off']
  machines.startAgent('n1')
  await machines.until('the node is known', async () => (await machines.nodes()).length === 1)
  await deployWitness()
  const diedAt = systemClock.now()
  await machines.kill('server')
  const silentFor = (): number => systemClock.now() - (spans().at(-1)?.to ?? 0)
  await machines.until('it is silent', () => silentFor() > 1_000)
  expect((spans()[0]?.to ?? 0) - diedAt).toBeLessThan(5_500)
  await systemClock.sleep(2_000)
  expect(spans()).toHaveLength(1)

  await machines.startServer('--singleton-lease=4s')
  await machines.until('it writes again', () => spans().length > 1)
  const [first, second] = spans()
  expect(second?.epoch).toBe(first?.epoch)
}, 120_000)
