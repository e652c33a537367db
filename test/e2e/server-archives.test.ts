import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/base/digest.ts'
import { archiveLimits } from '../../src/parts/artifacts/driver.ts'
import { paxRecord, tarOf } from '../fixtures/tar.ts'
import { aRunningServer, errorOf, type TestServer } from '../fixtures/running-server.ts'

/**
 * Archives as anybody may upload them: refused whole, with the reason, and nothing of them is kept
 * (reliability.md, "Archives"). What each rule says is the archiver's contract to prove.
 */

let server: TestServer

beforeAll(async () => {
  server = await aRunningServer()
})

afterAll(() => server.stop())

function put(archive: Buffer, digest = digestOf(archive)): Promise<Response> {
  const body = new Uint8Array(archive)
  return server.call('operator', `/v1/artifacts/${digest}`, { method: 'PUT', body })
}

/** Files below the server's store of artifacts. */
async function kept(): Promise<string[]> {
  const found = await readdir(join(server.directory, 'artifacts'), {
    recursive: true,
    withFileTypes: true,
  })
  return found.filter((entry) => entry.isFile()).map(({ name }) => name)
}

const fine = tarOf([{ name: 'server.js', content: 'serve()' }])
const many = Array.from({ length: archiveLimits.entriesMax + 1 }, (_, index) => ({
  name: `${index}`,
}))

const hostile: [string, () => Buffer, string, RegExp][] = [
  ['../', () => tarOf([{ name: '../evil' }]), 'archive-unsafe', /leads out/],
  ['an absolute name', () => tarOf([{ name: '/etc/evil' }]), 'archive-unsafe', /is absolute/],
  [
    'an absolute name in an extended header',
    () => tarOf([{ name: 'x', type: 'x', content: paxRecord('path', '/evil') }, { name: 'a' }]),
    'archive-unsafe',
    /is absolute/,
  ],
  [
    'a link that escapes',
    () => tarOf([{ name: 'a', type: '2', target: '../../etc' }]),
    'archive-unsafe',
    /outside/,
  ],
  [
    'a file through a link',
    () =>
      tarOf([
        { name: 'l', type: '2', target: '.' },
        { name: 'l/evil', content: 'x' },
      ]),
    'archive-unsafe',
    /through a link/,
  ],
  ['a device', () => tarOf([{ name: 'a', type: '4' }]), 'archive-unsafe', /BlockDevice/],
  ['a fifo', () => tarOf([{ name: 'a', type: '6' }]), 'archive-unsafe', /FIFO/],
  ['a hard link', () => tarOf([{ name: 'a', type: '1', target: 'b' }]), 'archive-unsafe', /hard/],
  ['a setuid bit', () => tarOf([{ name: 'a', mode: 0o4755 }]), 'archive-unsafe', /setuid/],
  ['a bomb', () => tarOf([{ name: 'a', size: 3_000_000_000 }], true), 'archive-unsafe', /over/],
  ['too many entries', () => zstdCompressSync(tarOf(many)), 'archive-unsafe', /over/],
  ['a cut in a file', () => fine.subarray(0, 600), 'archive-truncated', /in the middle/],
  ['a cut in its compression', () => cut(zstdCompressSync(fine)), 'archive-truncated', /middle/],
  ['a cut in gzip', () => cut(gzipSync(fine)), 'archive-truncated', /middle/],
  ['no end', () => tarOf([{ name: 'a', content: 'x' }], true), 'archive-truncated', /middle/],
  ['no archive in it', () => Buffer.from('hello'.repeat(300)), 'archive-invalid', /not a tar/],
  ['nothing in it', () => Buffer.alloc(0), 'archive-invalid', /not a tar/],
]

function cut(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.length - 9)
}

describe('an upload', () => {
  test.each(hostile)('with %s is refused, and nothing is kept', async (_what, make, code, why) => {
    const archive = make()
    const before = await kept()
    const { revision } = server.state.snapshot
    const answer = await put(archive)
    expect(answer.status).toBe(422)
    const error = await errorOf(answer)
    expect(error).toMatchObject({ code })
    expect(error.message).toMatch(why)
    expect(await kept()).toEqual(before)
    expect(server.state.snapshot.revision).toBe(revision)
    const head = { method: 'HEAD' }
    const known = await server.call('operator', `/v1/artifacts/${digestOf(archive)}`, head)
    expect(known.status).toBe(404)
  })

  test('under another digest is refused, and nothing is kept', async () => {
    const before = await kept()
    const answer = await put(fine, digestOf('other'))
    expect(answer.status).toBe(422)
    expect(await errorOf(answer)).toMatchObject({ code: 'digest-mismatch' })
    expect(await kept()).toEqual(before)
  })

  test.each([
    ['as it is', fine],
    ['with gzip', gzipSync(fine)],
    ['with zstd', zstdCompressSync(fine)],
  ])('of an honest archive %s is kept', async (_how, archive) => {
    expect((await put(archive)).status).toBe(201)
    expect((await put(archive)).status).toBe(200)
  })
})
