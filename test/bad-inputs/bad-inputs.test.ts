import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { agentProtocolInputs } from './agent-protocol.ts'
import { archives } from './archives.ts'
import { errorIn, type BadInput } from './bad-input.ts'
import { jobInputs } from './jobs.ts'
import { manifests } from './manifests.ts'
import { rest } from './rest.ts'
import { Target } from './target.ts'

/**
 * Everything bad that anybody may send, one row each, to one real server: a typed error, no word of
 * its insides, a loop that goes on serving the others, memory that comes back (reliability.md).
 *
 * Later tables: DNS, what is ingested, webhooks. They come with what reads them. Compose files are
 * read by the command line alone: compose.test.ts.
 */

const tables: Readonly<Record<string, readonly BadInput[]>> = {
  'the API': rest,
  'a manifest': manifests,
  'the agent protocol': agentProtocolInputs,
  'an archive': archives,
  jobs: jobInputs,
}

/**
 * Time for which one input may hold the server's loop, in ms of its own CPU. The promise is 50 ms;
 * a machine a third as fast as the one it was made on is no reason to fail, and the figure is printed.
 */
const lagMsMax = 150

/**
 * How often an input that held the loop for longer is sent again: what the input itself costs comes
 * back every time, a collection that happened to fall into it does not.
 */
const secondLooksMax = 3

/** What the server may hold more after all of it, in bytes: what its program can still reach. */
const heldBytesMax = 32 * 1024 * 1024

/**
 * What it may have more of the machine's memory, in bytes. It swings between 20 and 82 MiB by what the
 * allocator keeps of a burst for the next one, and would grow without end if something leaked.
 */
const residentBytesMax = 128 * 1024 * 1024

/** A manifest's thread ends after 30 s without work, and gives its memory back. */
const pauseMs = 40_000

const target = new Target()
const lags: { readonly name: string; readonly cpuMs: number; readonly wallMs: number }[] = []
let before = { rss: 0, held: 0 }

beforeAll(async () => {
  await target.start()
  await target.sendHonestly()
  await systemClock.sleep(500)
  before = await target.measure('memory')
})

afterAll(async () => {
  await target.stop()
})

describe.each(Object.entries(tables))('%s', (_where, rows) => {
  const quick = rows.filter(({ isSlow }) => isSlow !== true)
  const slow = rows.filter(({ isSlow }) => isSlow === true)
  test.each(quick)('the server is sent $name', { timeout: 60_000 }, async (row) => {
    let lag = await lagOf(row)
    // What was taken is there already when it comes again, and is answered otherwise.
    const looksMax = row.answer.status >= 400 ? secondLooksMax : 0
    for (let look = 0; look < looksMax && lag.cpuMs >= lagMsMax; look++) {
      lag = await lagOf(row)
    }
    lags.push({ name: row.name, ...lag })
    expect(lag.cpuMs, 'ms for which the loop stood still').toBeLessThan(lagMsMax)
  })

  if (slow.length > 0) {
    test.concurrent.each(slow)('the server is sent $name', { timeout: 60_000 }, check)
  }
})

describe('after all of this', () => {
  test('the server is the one that was started, and has told nobody of its insides', async () => {
    expect(target.isAlive).toBe(true)
    const health = await target.call(null, 'GET', '/v1/health')
    expect(JSON.parse(health.text)).toMatchObject({ status: 'ok' })
    expect(target.answered.filter((text) => insides.test(text))).toEqual([])
    expect(target.output).not.toMatch(/unexpected error|an assertion failed|Unhandled/)
  })

  test('nothing came of any of it', async () => {
    const { items: apps } = await target.get<{ items: unknown[] }>('/v1/apps')
    expect(apps).toHaveLength(1)
    expect(apps).toMatchObject([{ at: { app: 'shop' }, releaseNumber: 1, health: 'ok' }])
    expect(apps).toMatchObject([{ services: [{ name: 'web', wanted: 1 }] }])
    const { items: nodes } = await target.get<{ items: { id: string }[] }>('/v1/nodes')
    expect(nodes.map(({ id }) => id).toSorted()).toEqual(['node-1', 'node-idle'])
  })

  test(
    'it holds hardly more memory than after honest inputs of that size',
    { timeout: 90_000 },
    async () => {
      const after = await settledMemory(pauseMs)
      print(after)
      expect(after.held - before.held).toBeLessThan(heldBytesMax)
      expect(after.rss - before.rss).toBeLessThan(residentBytesMax)
    },
  )
})

async function lagOf(row: BadInput): Promise<{ readonly cpuMs: number; readonly wallMs: number }> {
  await target.measure('lag')
  await check(row)
  const { cpuMs, wallMs } = await target.measure('lag')
  return { cpuMs, wallMs }
}

/** A stack's line, a file of ours or of a package, a folder of this machine. */
const insides = /\n\s+at |node_modules|\.ts:\d|\.js:\d+:\d|file:\/\//

async function check(row: BadInput): Promise<void> {
  const answer = await row.send(target)
  const { status, code, path, message, details } = row.answer
  const error = errorIn(answer)
  expect({ status: answer.status, code: error?.code }, answer.text.slice(0, 500)).toEqual({
    status,
    code,
  })
  if (code !== undefined) expect(error?.message).toMatch(message ?? /\w/)
  if (path !== undefined) expect(error?.path).toBe(path)
  if (details !== undefined) expect(error?.details).toMatchObject(details)
  expect(target.isAlive).toBe(true)
  await row.after?.(target)
}

/** Once the collector had time, and idle threads have ended: what is held then is held for good. */
async function settledMemory(waitMs: number): Promise<{ rss: number; held: number }> {
  const giveUpAt = systemClock.monotonic() + waitMs
  for (;;) {
    const now = await target.measure('memory')
    const isLow = now.rss - before.rss < residentBytesMax / 2
    if (isLow || systemClock.monotonic() > giveUpAt) return now
    await systemClock.sleep(500)
  }
}

function print(after: { readonly rss: number; readonly held: number }): void {
  const worst = lags.toSorted((a, b) => b.cpuMs - a.cpuMs).slice(0, 3)
  const wall = Math.max(...lags.map(({ wallMs }) => wallMs))
  const named = worst.map(({ name, cpuMs }) => `${cpuMs.toFixed(1)} ms (${name})`).join(', ')
  const grown = (key: 'rss' | 'held'): string => ((after[key] - before[key]) / 2 ** 20).toFixed(1)
  process.stdout.write(
    `${lags.length} inputs; the loop stood still for ${named}; ${wall.toFixed(1)} ms of wall time at the most\n` +
      `memory: ${grown('rss')} MiB resident, ${grown('held')} MiB held more than before\n`,
  )
}
