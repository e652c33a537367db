/** A server killed at any instant loses no commit that it has acknowledged. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { seededRandom } from '../../src/base/random.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts'
import { thingKey, type Thing } from '../../src/store/thing.fixture.ts'

/** Deaths in one run of `npm test`; STORE_CRASHES=500 for the figure of reliability.md. */
const crashes = Number(process.env['STORE_CRASHES'] ?? 25)
/** So few commits are kept that folding and forgetting go on all the time. */
const commitsKept = 300
const child = join(import.meta.dirname, 'store-crash.child.ts')

/** The highest count of each writer, and the highest revision, that were acknowledged. */
interface Acknowledged {
  readonly counts: Map<string, number>
  revision: number
}

/** Runs a child, kills it after a while, and reads what it had acknowledged by then. */
async function killOne(file: string, acknowledged: Acknowledged, waitMs: number, early: boolean) {
  const notes = `${file}.notes`
  await writeFile(notes, '')
  const victim = spawn(process.execPath, [child, file, String(commitsKept), notes], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = new Promise((resolve) => victim.once('close', resolve))
  const begun = new Promise((resolve) => victim.stdout.once('data', resolve))
  let errors = ''
  victim.stderr.on('data', (text) => (errors += text))
  if (!early) await Promise.race([begun, exit])
  await sleep(waitMs)
  victim.kill('SIGKILL')
  await exit
  expect(errors).toBe('')
  // What comes after the last newline was cut off by the kill itself.
  for (const line of (await readFile(notes, 'utf8')).split('\n').slice(0, -1)) {
    const [name = '', count = 0, revision = 0] = line.split(' ')
    acknowledged.counts.set(name, Number(count))
    acknowledged.revision = Math.max(acknowledged.revision, Number(revision))
  }
}

/** Opens the file as the next server would, and compares. */
async function verify(file: string, { counts, revision }: Acknowledged): Promise<number> {
  const store = await openSqliteStore({
    file,
    clock: systemClock,
    log: silentLog,
    horizon: { commits: commitsKept },
  })
  try {
    const loaded = await store.load()
    expect(loaded.revision).toBeGreaterThanOrEqual(revision)
    const found = new Map(loaded.records.map(({ key, value }) => [key, value as Thing]))
    for (const [name, count] of counts) {
      const stored = found.get(thingKey(name))?.count ?? 0
      // One more may have become durable without being told: a phantom, never a hole.
      expect([count, count + 1]).toContain(stored)
      counts.set(name, stored)
    }
    const log = await store.log({ limit: 10_000 })
    const oldest = log[0]?.revision ?? 0
    expect(log.map((entry) => entry.revision - oldest)).toEqual(log.map((_, index) => index))
    expect(log.at(-1)?.revision ?? 0).toBe(loaded.revision)
    return loaded.revision
  } finally {
    await store.close()
  }
}

it(
  `loses no acknowledged commit when killed at ${crashes} random instants`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roadstead-crash-'))
    const file = join(folder, 'state.db')
    const random = seededRandom(20_261_121)
    const acknowledged: Acknowledged = { counts: new Map(), revision: 0 }
    try {
      let last = 0
      for (let crash = 0; crash < crashes; crash++) {
        // Every fifth dies while it starts: the kill may hit the recovery of the one before.
        const early = crash % 5 === 4
        await killOne(file, acknowledged, random.float() * (early ? 300 : 80), early)
        last = await verify(file, acknowledged)
      }
      // The test has shown something only if there was something to lose.
      expect(acknowledged.counts.size).toBe(8)
      expect(last).toBeGreaterThan(crashes * 20)
    } finally {
      await rm(folder, { recursive: true })
    }
  },
  30_000 + crashes * 4_000,
)
