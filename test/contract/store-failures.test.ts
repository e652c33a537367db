/** What the sqlite store does when the disk, its file or its thread fails it. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Store } from '../../src/store/port.ts'
import { openSqliteStore, type SqliteStoreOptions } from '../../src/store/sqlite/sqlite-store.ts'
import { aCommit, put, recordKey } from './store.contract.ts'

let folder = ''
let file = ''
const open: Store[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roadstead-failures-'))
  file = join(folder, 'state.db')
})

afterEach(async () => {
  for (const store of open.splice(0)) await store.close()
  await rm(folder, { recursive: true })
})

async function openStore(options: Partial<SqliteStoreOptions> = {}): Promise<Store> {
  const store = await openSqliteStore({ file, clock: systemClock, log: silentLog, ...options })
  open.push(store)
  return store
}

async function epochOf(store: Store): Promise<number> {
  return (await store.campaign(new AbortController().signal)).epoch
}

/** A store with a hundred records in it, closed. */
async function makeStore(): Promise<void> {
  const store = await openStore()
  const epoch = await epochOf(store)
  for (let n = 0; n < 100; n++) {
    await store.commit(aCommit(epoch, [put(`n${n}`, { n, text: 'x'.repeat(500) })]))
  }
  await store.close()
}

/** Tries to open the file; tells the error's code, and whether a byte of the file has changed. */
async function refusal(): Promise<{ code: string; isUntouched: boolean }> {
  const before = await readFile(file)
  const error = await openStore().catch((caught: unknown) => caught)
  const isUntouched = Buffer.compare(await readFile(file), before) === 0
  return { code: (error as { code: string }).code, isUntouched }
}

describe('opening a store file', () => {
  it('refuses a second server, and serves the first on', async () => {
    const first = await openStore()
    const epoch = await epochOf(first)
    await expect(openStore()).rejects.toMatchObject({ code: 'store-in-use', status: 409 })
    await expect(first.commit(aCommit(epoch, [put('a', {})]))).resolves.toBe(1)
    await first.close()
    await expect(openStore()).resolves.toBeDefined()
  })

  it('refuses a file of a newer version, and leaves it as it is', async () => {
    await makeStore()
    const database = new DatabaseSync(file)
    database.exec('PRAGMA user_version = 99')
    database.close()
    expect(await refusal()).toEqual({ code: 'store-newer', isUntouched: true })
  })

  it('refuses a file that is no database', async () => {
    await writeFile(file, 'not a database, but a letter to the operators\n'.repeat(200))
    expect(await refusal()).toEqual({ code: 'store-corrupt', isUntouched: true })
  })

  it("refuses another program's database", async () => {
    const database = new DatabaseSync(file)
    database.exec('CREATE TABLE songs (title TEXT)')
    database.close()
    expect(await refusal()).toEqual({ code: 'store-corrupt', isUntouched: true })
  })

  it('refuses a truncated file, and one with a page of zeros', async () => {
    await makeStore()
    const whole = await readFile(file)
    await writeFile(file, whole.subarray(0, whole.length - 8_192))
    expect(await refusal()).toEqual({ code: 'store-corrupt', isUntouched: true })
    const holed = Buffer.from(whole)
    holed.fill(0, 8_192, 12_288)
    await writeFile(file, holed)
    expect(await refusal()).toEqual({ code: 'store-corrupt', isUntouched: true })
  })

  it('says so when the folder is not there', async () => {
    const nowhere = openStore({ file: join(folder, 'nowhere', 'state.db') })
    await expect(nowhere).rejects.toMatchObject({ code: 'store-failed', retry: 'never' })
  })

  it('keeps the file from the eyes of others', async () => {
    await makeStore()
    expect((await stat(file)).mode & 0o077).toBe(0)
  })
})

describe('a store without room', () => {
  it('refuses what does not fit with store-full, keeps what it has, and goes on', async () => {
    const store = await openStore({ bytesMax: 400_000 })
    const epoch = await epochOf(store)
    const big = (n: number) => store.commit(aCommit(epoch, [put('big', 'x'.repeat(n))]))
    const small = (n: number) => store.commit(aCommit(epoch, [put('small', { n })]))
    const first = await small(1)
    // Those behind the one that does not fit were ordered after it, so they go with it.
    const together = await Promise.allSettled([big(1_000_000), small(2), small(3)])
    for (const result of together) {
      expect(result).toMatchObject({ reason: { code: 'store-full', retry: 'backoff' } })
    }
    await expect(small(4)).resolves.toBe(first + 1)
    const absent = { key: recordKey('big'), revision: 'absent' as const }
    const expected = { key: recordKey('small'), revision: first + 1 }
    const next = aCommit(epoch, [put('small', { n: 5 })], [absent, expected])
    await expect(store.commit(next)).resolves.toBe(first + 2)
    const { records } = await store.load()
    expect(records.map(({ value }) => value)).toEqual([{ n: 5 }])
  })

  it('goes on by itself when a full disk has room again', async ({ skip }) => {
    const disk = join(folder, 'disk')
    spawnSync('mkdir', [disk])
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk])
    if (mount.status !== 0) skip('needs the right to mount a tmpfs (root)')
    try {
      const store = await openStore({ file: join(disk, 'state.db') })
      const epoch = await epochOf(store)
      const write = (n: number) => store.commit(aCommit(epoch, [put('a', { n })]))
      await write(1)
      await writeFile(join(disk, 'hog'), Buffer.alloc(4 * 1024 * 1024)).catch(() => {})
      const failed = await fillUp(write)
      expect(failed).toMatchObject({ code: 'store-full', retry: 'backoff' })
      // Leadership survives a full store.
      await expect(epochOf(store)).resolves.toBe(epoch + 1)
      await rm(join(disk, 'hog'))
      await expect(store.commit(aCommit(epoch + 1, [put('b', {})]))).resolves.toBeGreaterThan(1)
      await store.close()
      const again = await openStore({ file: join(disk, 'state.db') })
      expect((await again.load()).records.map(({ key }) => key)).toContain(recordKey('b'))
      await expect(epochOf(again)).resolves.toBeGreaterThan(epoch + 1)
      await again.close()
    } finally {
      spawnSync('umount', [disk])
    }
  })
})

/** Writes until the disk is full: the WAL has some room of its own left at first. */
async function fillUp(write: (n: number) => Promise<number>): Promise<unknown> {
  for (let n = 0; n < 10_000; n++) {
    const error = await write(n).catch((caught: unknown) => caught)
    if (typeof error !== 'number') return error
  }
  throw new Error('the disk did not fill up')
}

describe('a store that fails', () => {
  const failures = { 'its thread dies': 'dying', 'an fsync fails': 'failing' }
  for (const [when, worker] of Object.entries(failures)) {
    it(`acknowledges nothing more and gives the leadership up when ${when}`, async () => {
      const workerUrl = new URL(`store-${worker}-worker.fixture.ts`, import.meta.url)
      const store = await openStore({ workerUrl })
      const leadership = await store.campaign(new AbortController().signal)
      const write = () => store.commit(aCommit(leadership.epoch, [put('a', {})]))
      const told: number[] = []
      const feed = (async () => {
        for await (const change of store.changes(0, new AbortController().signal)) {
          told.push(change.revision)
        }
      })().catch((error: unknown) => error)
      await expect(write()).resolves.toBe(1)
      const results = await Promise.allSettled([write(), write()])
      for (const result of results) {
        expect(result).toMatchObject({ reason: { code: 'store-failed', retry: 'never' } })
      }
      expect(leadership.lost.aborted).toBe(true)
      expect(leadership.lost.reason).toMatchObject({ code: 'store-failed' })
      await expect(write()).rejects.toMatchObject({ code: 'store-failed' })
      await expect(store.load()).rejects.toMatchObject({ code: 'store-failed' })
      await expect(feed).resolves.toMatchObject({ code: 'store-failed' })
      expect(told).toEqual([1])
      await store.close()
      const again = await openStore()
      expect((await again.load()).revision).toBe(1)
    })
  }

  it('ends its feeds quietly when it is closed', async () => {
    const store = await openStore()
    const feed = store.changes(0, new AbortController().signal)[Symbol.asyncIterator]()
    const next = feed.next()
    await store.close()
    await expect(next).resolves.toMatchObject({ done: true })
  })
})
