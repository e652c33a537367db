/** A backup as a file: all of it comes back, and nothing of one that was cut or changed. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { digestOf } from '../../src/base/digest.ts'
import { seededRandom } from '../../src/base/random.ts'
import { archiveBytes, printArchive } from '../../src/drivers/backups/archive.ts'
import { openBackupMaker } from '../../src/drivers/backups/backup-maker.ts'
import { checkBackup, restoreBackup } from '../../src/drivers/backups/restore.ts'
import type { BackupManifest } from '../../src/parts/backups/model.ts'

let folder = ''
let file = ''
let data = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roadstead-archive-'))
  file = join(folder, 'backup.tar')
  data = join(folder, 'restored')
})
afterEach(() => rm(folder, { recursive: true }))

const blob = Buffer.alloc(700_000, 'artifact ')
const blobPath = (() => {
  const hex = digestOf(blob).slice('sha256:'.length)
  return `artifacts/sha256/${hex.slice(0, 2)}/${hex.slice(2)}`
})()

/** A server's folder with all that belongs into a backup, and what does not. */
async function aServerFolder(): Promise<string> {
  const server = join(folder, 'server')
  const files = {
    'state.db': 'not this one, its copy',
    'state.db-wal': 'nor this',
    'logs/shop.log': 'lines',
    'artifacts/incoming/1': 'half of something',
    [blobPath]: blob,
    'audit/chain-1': 'sealed',
  }
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(server, path, '..'), { recursive: true })
    await writeFile(join(server, path), content)
  }
  return server
}

async function makeBackup(): Promise<void> {
  const server = await aServerFolder()
  const maker = await openBackupMaker({
    folder: server,
    copyStore: async (target) => {
      await writeFile(target, 'the store')
      return { revision: 7, at: 1_000 }
    },
    version: 'test',
    clock: systemClock,
  })
  const prepared = await maker.prepare(new AbortController().signal)
  const chunks: Uint8Array[] = []
  for await (const chunk of prepared.content()) chunks.push(chunk as Uint8Array)
  const content = Buffer.concat(chunks)
  expect(content.length).toBe(prepared.sizeBytes)
  await writeFile(file, content)
}

const restore = () => restoreBackup({ file, data, checkStore: async () => {} })

/** Tries to restore; the error's code, and whatever was left of the attempt. */
async function refusal(): Promise<{ code: unknown; left: string[] }> {
  const error = await restore().catch((caught: unknown) => caught)
  const left = (await readdir(folder)).filter((name) => name.startsWith('restored'))
  return { code: (error as { code?: unknown }).code, left }
}

const invalid = { code: 'backup-invalid', left: [] }

describe('a backup', () => {
  it('holds the copied store, artifacts and audit, and nothing else', async () => {
    await makeBackup()
    const manifest = await restore()
    expect(manifest).toMatchObject({ revision: 7, at: 1_000, version: 'test' })
    const paths = manifest.entries.map(({ path }) => path)
    expect(paths).toEqual(['server/audit/chain-1', 'server/state.db', `server/${blobPath}`])
    expect(await readFile(join(data, 'server/state.db'), 'utf8')).toBe('the store')
    expect((await readFile(join(data, 'server', blobPath))).equals(blob)).toBe(true)
    expect(await readdir(join(folder, 'server'))).not.toContain('backup-under-way')
  })

  it('is refused whole when any byte of it is changed', async () => {
    await makeBackup()
    const whole = await readFile(file)
    const random = seededRandom(4)
    for (let round = 0; round < 60; round++) {
      const changed = Buffer.from(whole)
      const at = Math.floor(random.float() * (whole.length - 1_024))
      changed.writeUInt8((whole.readUInt8(at) + 1) % 256, at)
      await writeFile(file, changed)
      const error = await checkBackup(file).catch((caught: unknown) => caught)
      // What pads a file up to a block is nobody's: a change of it changes nothing.
      if (!(error instanceof Error)) expect(whole.readUInt8(at)).toBe(0)
      else expect([at, error]).toMatchObject([at, { code: 'backup-invalid' }])
    }
    const changed = Buffer.from(whole)
    changed.writeUInt8(1, whole.length - 300_000)
    await writeFile(file, changed)
    expect(await refusal()).toEqual(invalid)
  })

  it('is refused whole wherever it was cut off', async () => {
    await makeBackup()
    const whole = await readFile(file)
    for (const length of [
      0,
      100,
      512,
      2_000,
      400_000,
      whole.length - 2_048,
      whole.length - 1_600,
    ]) {
      await writeFile(file, whole.subarray(0, length))
      expect(await refusal()).toEqual(invalid)
    }
  })

  const manifest: BackupManifest = {
    format: 1,
    version: 'test',
    revision: 1,
    at: 0,
    madeAt: 0,
    entries: [],
  }
  const entryOf = (path: string) => ({ path, sizeBytes: 1, digest: digestOf('x') })
  const hostile: Record<string, BackupManifest> = {
    'leaves the folder': {
      ...manifest,
      entries: [entryOf('server/state.db'), entryOf('server/../../evil')],
    },
    'names a file twice': {
      ...manifest,
      entries: [entryOf('server/state.db'), entryOf('server/state.db')],
    },
    'holds no store': { ...manifest, entries: [entryOf('server/other')] },
  }
  for (const [what, made] of Object.entries(hostile)) {
    it(`is refused when it ${what}`, async () => {
      await writeArchive(made)
      expect(await refusal()).toEqual(invalid)
    })
  }

  it('of a later format is refused with what to do', async () => {
    await writeArchive({ ...manifest, format: 2 })
    expect(await refusal()).toEqual({ code: 'backup-newer', left: [] })
  })

  it('is refused when its store cannot be used', async () => {
    await makeBackup()
    const checkStore = async () => {
      throw new Error('a store of a newer version')
    }
    await expect(restoreBackup({ file, data, checkStore })).rejects.toThrow('newer')
    expect(await readdir(folder)).not.toContain('restored')
  })

  it('is refused into a folder that is not empty, and goes into an empty one', async () => {
    await makeBackup()
    await mkdir(data)
    await writeFile(join(data, 'mine'), '')
    await expect(restore()).rejects.toMatchObject({ code: 'data-folder-not-empty', status: 409 })
    expect(await readdir(data)).toEqual(['mine'])
    await rm(join(data, 'mine'))
    await restore()
    expect(await readdir(data)).toEqual(['server'])
  })

  async function writeArchive(made: BackupManifest): Promise<void> {
    const chunks: Uint8Array[] = []
    async function* one(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('x')
    }
    for await (const chunk of printArchive(made, one)) chunks.push(chunk)
    const content = Buffer.concat(chunks)
    expect(content.length).toBe(archiveBytes(made))
    await writeFile(file, content)
  }
})
