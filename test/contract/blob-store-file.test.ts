import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/base/digest.ts'
import { openFileBlobStore } from '../../src/drivers/artifacts/file-blob-store.ts'
import { canMountDisk, mountDisk } from '../fixtures/small-disk.ts'
import { describeBlobStore, patient } from './blob-store.suite.ts'

describeBlobStore('file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'roadstead-blobs-'))
  return {
    open: (options) => openFileBlobStore({ directory, ...options }),
    remove: () => rm(directory, { recursive: true }),
  }
})

describe('blobs as files', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'roadstead-blobs-'))
  })
  afterEach(async () => {
    await rm(directory, { recursive: true, force: true })
  })

  test('the stream of one that is too large stays open: its sender is still to be answered', async () => {
    const blobs = await openFileBlobStore({ directory, blobBytesMax: 4 })
    const content = Readable.from([Buffer.from('too'), Buffer.from('large'), Buffer.from('more')])
    const put = blobs.put(digestOf('x'), content, patient)
    await expect(put).rejects.toMatchObject({ code: 'artifact-too-large' })
    expect(content.destroyed).toBe(false)
  })

  test('what a killed server had received in part is gone at the next start', async () => {
    await mkdir(join(directory, 'incoming'))
    await writeFile(join(directory, 'incoming', '7'), 'half of')
    await openFileBlobStore({ directory })
    expect(await readdir(join(directory, 'incoming'))).toEqual([])
  })

  test('a refused upload leaves no file', async () => {
    const store = await openFileBlobStore({ directory })
    const put = store.put(digestOf('a'), Readable.from([Buffer.from('b')]), patient)
    await expect(put).rejects.toThrow('what came is')
    expect(await readdir(join(directory, 'incoming'))).toEqual([])
  })

  test.skipIf(!canMountDisk())('a full disk is a fault, and nothing is kept', async () => {
    const disk = mountDisk('256k')
    try {
      const store = await openFileBlobStore({ directory: disk.directory })
      const big = Buffer.alloc(1_000_000, 7)
      const put = store.put(digestOf(big), Readable.from([big]), patient)
      await expect(put).rejects.toMatchObject({ code: 'disk-full', retry: 'backoff' })
      const small = Buffer.alloc(1_000, 7)
      await store.put(digestOf(small), Readable.from([small]), patient)
      expect(await store.list()).toHaveLength(1)
    } finally {
      disk.remove()
    }
  })
})
