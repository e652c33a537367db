/** What every blob store must do; run by each implementation (blob-store-*.test.ts beside it). */
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/base/digest.ts'
import { Refusal } from '../../src/base/errors.ts'
import type { BlobStore } from '../../src/parts/artifacts/driver.ts'

/** A place for one store: opened again, it shows what was stored before. */
export interface BlobPlace {
  open(options?: { blobBytesMax?: number }): Promise<BlobStore>
  remove(): Promise<void>
}

export const patient = new AbortController().signal

export function describeBlobStore(name: string, makePlace: () => Promise<BlobPlace>): void {
  describe(`${name} blob store`, () => {
    const ends: (() => Promise<void>)[] = []
    afterEach(async () => {
      for (const end of ends.splice(0)) await end()
    })

    async function aPlace(): Promise<BlobPlace> {
      const place = await makePlace()
      ends.push(() => place.remove())
      return place
    }

    async function aStore(options?: { blobBytesMax?: number }): Promise<BlobStore> {
      return (await aPlace()).open(options)
    }

    const hello = Buffer.from('hello, blob')
    const digest = digestOf(hello)

    test('what was stored is read back, by its digest, also by the next process', async () => {
      const place = await aPlace()
      const ref = await (await place.open()).put(digest, Readable.from([hello]), patient)
      expect(ref).toEqual({ digest, sizeBytes: hello.length })
      const again = await place.open()
      const found = await again.get(digest)
      expect(found?.sizeBytes).toBe(hello.length)
      expect(await buffer(found!.content)).toEqual(hello)
      expect(await again.has(digest)).toBe(true)
      expect(await again.list()).toEqual([{ digest, sizeBytes: hello.length }])
    })

    test('what was never stored is not there', async () => {
      const store = await aStore()
      expect(await store.get(digest)).toBeUndefined()
      expect(await store.has(digest)).toBe(false)
      expect(await store.list()).toEqual([])
      await store.remove(digest)
    })

    test('what was removed is not there any more, and may be stored again', async () => {
      const store = await aStore()
      await store.put(digest, Readable.from([hello]), patient)
      await store.remove(digest)
      expect(await store.has(digest)).toBe(false)
      await store.put(digest, Readable.from([hello]), patient)
      expect(await store.has(digest)).toBe(true)
    })

    test('content that is not what its digest says is refused, and not kept', async () => {
      const store = await aStore()
      const put = store.put(digest, Readable.from([Buffer.from('something else')]), patient)
      await expect(put).rejects.toMatchObject({ code: 'digest-mismatch', status: 422 })
      expect(await store.list()).toEqual([])
    })

    test('storing what is there succeeds, and does not believe a lie either', async () => {
      const store = await aStore()
      await store.put(digest, Readable.from([hello]), patient)
      expect(await store.put(digest, Readable.from([hello]), patient)).toMatchObject({ digest })
      const lie = store.put(digest, Readable.from([Buffer.from('a lie')]), patient)
      await expect(lie).rejects.toMatchObject({ code: 'digest-mismatch' })
      expect(await buffer((await store.get(digest))!.content)).toEqual(hello)
    })

    test('several that store the same at once all succeed', async () => {
      const store = await aStore()
      const big = Buffer.alloc(1_000_000, 7)
      const puts = Array.from({ length: 8 }, () =>
        store.put(
          digestOf(big),
          Readable.from([big.subarray(0, 400_000), big.subarray(400_000)]),
          patient,
        ),
      )
      await Promise.all(puts)
      expect(await store.list()).toEqual([{ digest: digestOf(big), sizeBytes: big.length }])
    })

    test('an upload that breaks off is refused, and nothing of it is kept', async () => {
      const store = await aStore()
      const content = new PassThrough()
      const put = store.put(digest, content, patient)
      content.write(hello.subarray(0, 4))
      content.destroy(new Error('socket hang up'))
      await expect(put).rejects.toMatchObject({ code: 'upload-incomplete', status: 400 })
      expect(await store.list()).toEqual([])
    })

    test('an upload that is broken off from here ends at once, with the reason', async () => {
      const store = await aStore()
      const stop = new AbortController()
      const put = store.put(digest, new PassThrough(), stop.signal)
      stop.abort(new Refusal('body-too-slow', 'too slow', { status: 408 }))
      await expect(put).rejects.toMatchObject({ code: 'body-too-slow' })
    })

    test('an upload beyond the limit is refused as soon as it passes it', async () => {
      const store = await aStore({ blobBytesMax: 10 })
      const endless = Readable.from(
        (function* () {
          for (;;) yield Buffer.alloc(8)
        })(),
      )
      const put = store.put(digest, endless, patient)
      await expect(put).rejects.toMatchObject({ code: 'artifact-too-large', status: 413 })
      expect(await store.list()).toEqual([])
    })

    test('a digest that is none is refused before anything is touched', async () => {
      const store = await aStore()
      for (const wrong of ['', 'sha256:../../etc', `sha256:${'A'.repeat(64)}`, 'md5:00']) {
        await expect(store.has(wrong)).rejects.toMatchObject({ code: 'digest-invalid' })
      }
    })
  })
}
