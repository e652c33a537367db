import { gzipSync, zstdCompressSync } from 'node:zlib'
import { expect } from 'vitest'
import { digestOf } from '../../src/base/digest.ts'
import { archiveLimits } from '../../src/parts/artifacts/driver.ts'
import { paxRecord, tarOf, type TarMember } from '../fixtures/tar.ts'
import { invalid, type Answer, type BadInput, type Expected } from './bad-input.ts'
import type { Target } from './target.ts'

/**
 * Archives as anybody may upload them: refused whole, with the reason, and nothing of them is kept.
 * How each rule is kept in detail is the archiver's contract (test/contract/archiver-tar.test.ts).
 */

const unsafe = (message: RegExp): Expected => ({ status: 422, code: 'archive-unsafe', message })
const truncated: Expected = { status: 422, code: 'archive-truncated', message: /middle/ }
const noArchive: Expected = { status: 422, code: 'archive-invalid', message: /not a tar/ }

const fine = tarOf([{ name: 'server.js', content: 'serve()' }])
const absoluteInHeader: TarMember[] = [
  { name: 'x', type: 'x', content: paxRecord('path', '/evil') },
  { name: 'a' },
]
const throughLink: TarMember[] = [
  { name: 'l', type: '2', target: '.' },
  { name: 'l/evil', content: 'x' },
]

export const archives: readonly BadInput[] = [
  upload('../', () => tarOf([{ name: '../evil' }]), unsafe(/leads out/)),
  upload('../ behind a folder', () => tarOf([{ name: 'a/../../evil' }]), unsafe(/leads out/)),
  upload('an absolute name', () => tarOf([{ name: '/etc/evil' }]), unsafe(/is absolute/)),
  upload('one in an extended header', () => tarOf(absoluteInHeader), unsafe(/is absolute/)),
  upload('a link that escapes', () => linkTo('../../etc'), unsafe(/outside/)),
  upload('an absolute link', () => linkTo('/etc/passwd'), unsafe(/absolute path/)),
  upload('a link down and up again', () => linkTo('b/../../c'), unsafe(/up again/)),
  upload('a file through a link', () => tarOf(throughLink), unsafe(/through a link/)),
  upload('a hard link', () => tarOf([{ name: 'a', type: '1', target: 'b' }]), unsafe(/hard/)),
  upload('a character device', () => ofType('3'), unsafe(/CharacterDevice/)),
  upload('a block device', () => ofType('4'), unsafe(/BlockDevice/)),
  upload('a fifo', () => ofType('6'), unsafe(/FIFO/)),
  upload('a type nobody knows', () => ofType('Z'), unsafe(/not a file/)),
  upload('a setuid bit', () => tarOf([{ name: 'a', mode: 0o4755 }]), unsafe(/setuid/)),
  upload('a setgid folder', () => tarOf([{ name: 'a/', type: '5', mode: 0o2755 }]), unsafe(/gid/)),
  upload('a file twice', () => tarOf([{ name: 'a' }, { name: './a' }]), unsafe(/comes twice/)),
  upload('a size beyond all bounds', () => ofSize(8_000_000_000), unsafe(/unpacks to over/)),
  upload('a bomb of 2 GB in 2 MB', bomb, unsafe(/unpacks to over/)),
  upload('a million entries', millionEntries, unsafe(/100,?000/)),
  upload('a cut in a file', () => fine.subarray(0, 600), truncated),
  upload('a cut in zstd', () => cut(zstdCompressSync(fine)), truncated),
  upload('a cut in gzip', () => cut(gzipSync(fine)), truncated),
  upload('no end', () => tarOf([{ name: 'a', content: 'x' }], true), truncated),
  upload('no archive in it', () => Buffer.from('hello'.repeat(300)), noArchive),
  upload('nothing in it', () => Buffer.alloc(0), noArchive),
  upload('gzip of nothing', () => gzipSync(''), noArchive),
  {
    name: 'an archive under another digest',
    send: (target) => put(target, fine, digestOf('other')),
    answer: { status: 422, code: 'digest-mismatch' },
    after: nothingKept(digestOf('other')),
  },
  {
    name: 'an archive under a digest in capitals',
    send: (target) => put(target, fine, `sha256:${'A'.repeat(64)}`),
    answer: invalid('/params/digest'),
  },
  {
    name: 'an archive that announces 2 GB',
    send: (target) =>
      target.raw(target.head('PUT', place(digestOf('x')), ['Content-Length: 2000000000'])),
    answer: { status: 413, code: 'body-too-large', details: { limitBytes: 2 ** 29 } },
    after: nothingKept(digestOf('x')),
  },
  {
    name: 'an archive that is streamed without an end',
    send: (target) => {
      const piece = Buffer.from(`100000\r\n${'x'.repeat(0x100000)}\r\n`)
      const head = target.head('PUT', place(digestOf('w')), ['Transfer-Encoding: chunked'])
      return target.endlessly(head, piece)
    },
    answer: { status: 413, code: 'artifact-too-large', details: { bytesMax: 2 ** 29 } },
    after: nothingKept(digestOf('w')),
  },
  {
    name: 'an archive that stops in the middle of the upload',
    send: async (target) => {
      await target.raw(
        `${target.head('PUT', place(digestOf('y')), ['Content-Length: 500'])}half`,
        200,
      )
      return target.call('operator', 'HEAD', place(digestOf('y')))
    },
    answer: { status: 404 },
    after: nothingKept(digestOf('y')),
  },
  {
    name: 'an archive at a byte a second',
    send: (target) =>
      target.slowly(target.head('PUT', place(digestOf('z')), ['Content-Length: 1000'])),
    answer: { status: 408, code: 'body-too-slow' },
    isSlow: true,
    after: nothingKept(digestOf('z')),
  },
  ...[fine, gzipSync(fine), zstdCompressSync(fine)].map((archive, index) => ({
    name: `an honest archive, ${['as it is', 'with gzip', 'with zstd'][index]}`,
    send: (target: Target) => putTwice(target, archive),
    answer: { status: 200 },
  })),
]

function upload(what: string, make: () => Buffer, answer: Expected): BadInput {
  const made = remembered(make)
  return {
    name: `an archive with ${what}`,
    send: (target) => put(target, made()),
    answer,
    after: (target) => nothingKept(digestOf(made()))(target),
  }
}

function put(target: Target, archive: Buffer, digest = digestOf(archive)) {
  return target.call('operator', 'PUT', place(digest), { body: new Uint8Array(archive) })
}

async function putTwice(target: Target, archive: Buffer): Promise<Answer> {
  expect((await put(target, archive)).status).toBe(201)
  return put(target, archive)
}

function place(digest: string): string {
  return `/v1/artifacts/${digest}`
}

/** The app's own archive, and what the honest rows left, is all that there is. */
function nothingKept(digest: string): NonNullable<BadInput['after']> {
  return async (target) => {
    const { status } = await target.call('operator', 'HEAD', place(digest))
    expect(status).toBe(404)
    expect(await target.artifactFiles()).not.toContain(digest.slice('sha256:ab'.length))
    // What a sender left behind goes a moment after the sender.
    await expect.poll(() => target.incomingFiles(), { timeout: 5_000 }).toEqual([])
  }
}

function linkTo(to: string): Buffer {
  return tarOf([{ name: 'a', type: '2', target: to }])
}

function ofType(type: string): Buffer {
  return tarOf([{ name: 'a', type }])
}

function ofSize(size: number): Buffer {
  return tarOf([{ name: 'a', size }], true)
}

function cut(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.length - 9)
}

/** A file of zeros just below the bound, then another: 2 GB to unpack, 2 MB to send. */
function bomb(): Buffer {
  const frameBytes = 64 * 1024 * 1024
  const frames = archiveLimits.unpackedBytesMax / frameBytes - 1
  const frame = gzipSync(Buffer.alloc(frameBytes))
  const first = gzipSync(ofSize(frames * frameBytes))
  const second = gzipSync(tarOf([{ name: 'b', size: 2 * frameBytes }], true))
  return Buffer.concat([first, ...Array.from({ length: frames }, () => frame), second])
}

/** A thousand folders, a thousand times: what counts is how many headers there are to read. */
function millionEntries(): Buffer {
  const thousand = tarOf(
    Array.from({ length: 1_000 }, (_, index) => ({ name: `f${index}/`, type: '5' })),
    true,
  )
  const frame = gzipSync(thousand)
  return Buffer.concat(Array.from({ length: 1_000 }, () => frame))
}

function remembered<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
