import * as fc from 'fast-check'
import { createHash } from 'node:crypto'
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { paxRecord, tarOf, type TarMember } from '../fixtures/tar.ts'
import { archiveLimits, type PlacedSource } from '../../src/parts/artifacts/driver.ts'
import { packPlaced } from '../../src/drivers/artifacts/placed-tree.ts'
import { checkArchive, tarArchiver } from '../../src/drivers/artifacts/tar-archiver.ts'

const archiver = tarArchiver()
let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'roadstead-archiver-'))
})

afterEach(async () => {
  await rm(home, { recursive: true, force: true })
})

/** Writes a tree: a path that ends in `/` is a folder, a value that starts with `->` a link. */
async function plant(root: string, tree: Record<string, string>): Promise<string> {
  await mkdir(root, { recursive: true })
  for (const [path, content] of Object.entries(tree)) {
    const place = join(root, path)
    await mkdir(path.endsWith('/') ? place : dirname(place), { recursive: true })
    if (content.startsWith('->')) await symlink(content.slice(2), place)
    else if (!path.endsWith('/')) await writeFile(place, content)
  }
  return root
}

/** Reads a tree as `plant` takes it; executable files end in `*`. */
async function harvest(root: string, base = ''): Promise<Record<string, string>> {
  const tree: Record<string, string> = {}
  for (const member of await readdir(join(root, base), { withFileTypes: true })) {
    const path = base + member.name
    const place = join(root, path)
    if (member.isSymbolicLink()) tree[path] = `->${await readlink(place)}`
    else if (member.isDirectory()) {
      Object.assign(tree, { [`${path}/`]: '' }, await harvest(root, `${path}/`))
    } else {
      const { mode } = await stat(place)
      tree[(mode & 0o777) === 0o755 ? `${path}*` : path] = await readFile(place, 'utf8')
    }
  }
  return tree
}

async function roundTrip(tree: Record<string, string>, only?: string[]) {
  const source = await plant(join(home, 'source'), tree)
  const { digest } = await archiver.pack(source, join(home, 'a.tar.zst'), only)
  await archiver.unpack(join(home, 'a.tar.zst'), digest, join(home, 'place'))
  return harvest(join(home, 'place'))
}

describe('packing and unpacking', () => {
  test('what comes out is what went in: files, folders, links, the executable bit', async () => {
    const tree = {
      'server.js': 'console.log(1)',
      'lib/': '',
      'lib/deep/': '',
      'lib/deep/a.txt': 'ä',
      'empty/': '',
      current: '->lib/deep',
      'lib/up': '->../server.js',
    }
    const source = await plant(join(home, 'source'), { ...tree, 'bin/run': '#!/bin/sh' })
    await chmod(join(source, 'bin/run'), 0o700)
    const { digest } = await archiver.pack(source, join(home, 'a'))
    await archiver.unpack(join(home, 'a'), digest, join(home, 'place'))
    expect(await harvest(join(home, 'place'))).toEqual({
      ...tree,
      'bin/': '',
      'bin/run*': '#!/bin/sh',
    })
  })

  test('names of any length up to the limit and of any script survive', async () => {
    const long = Array.from({ length: 20 }, (_, index) => `${'ů'.repeat(20)}${index}`).join('/')
    const tree = await roundTrip({ [`${long}/${'x'.repeat(90)}`]: 'deep', 'カ ナ': 'kana' })
    expect(tree).toMatchObject({ [`${long}/${'x'.repeat(90)}`]: 'deep', 'カ ナ': 'kana' })
  })

  test('a file of some megabytes survives', async () => {
    const big = Buffer.from(Array.from({ length: 3_000_001 }, (_, index) => (index * 7_919) % 251))
    const source = await plant(join(home, 'source'), {})
    await writeFile(join(source, 'big'), big)
    const { digest } = await archiver.pack(source, join(home, 'a'))
    await archiver.unpack(join(home, 'a'), digest, join(home, 'place'))
    expect(big.equals(await readFile(join(home, 'place/big')))).toBe(true)
  })

  test('the digest and the size are those of the file', async () => {
    const source = await plant(join(home, 'source'), { a: '1' })
    const { digest, sizeBytes } = await archiver.pack(source, join(home, 'a'))
    const bytes = await readFile(join(home, 'a'))
    expect(digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`)
    expect(sizeBytes).toBe(bytes.length)
  })

  test('the same tree gives the same digest, whatever its age, order, umask and place', async () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/)
    const tree = fc.dictionary(name, fc.string({ maxLength: 2_000 }), { minKeys: 1, maxKeys: 6 })
    let run = 0
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        run += 1
        const backwards = Object.fromEntries(Object.entries(files).toReversed())
        const one = await plant(join(home, `one-${run}`), files)
        const two = await plant(join(home, `two-${run}/other/place`), backwards)
        for (const path of Object.keys(files)) {
          await chmod(join(two, path), 0o600)
          await utimes(join(two, path), 1, 1)
        }
        const packed = await Promise.all(
          [one, two].map((source, index) => archiver.pack(source, join(home, `${index}-${run}`))),
        )
        expect(packed[0]).toEqual(packed[1])
        await archiver.unpack(join(home, `0-${run}`), packed[0]!.digest, join(home, `out-${run}`))
        expect(await harvest(join(home, `out-${run}`))).toEqual(files)
      }),
      { numRuns: 20 },
    )
  })
})

describe('what is packed', () => {
  test('.gitignore is honoured at every level, as git does', async () => {
    const tree = await roundTrip({
      '.gitignore': 'node_modules/\n*.log\n/dist\n!keep.log\n',
      'node_modules/a/index.js': '1',
      'a.log': '1',
      'keep.log': 'kept',
      'dist/a.js': '1',
      'web/dist/a.js': 'kept',
      'web/.gitignore': '!b.log\n*.tmp\n',
      'web/b.log': 'kept',
      'web/c.tmp': '1',
      'c.tmp': 'kept',
      'A.LOG': 'kept',
    })
    const kept = Object.keys(tree).filter((path) => tree[path] === 'kept')
    expect(kept.toSorted()).toEqual(['A.LOG', 'c.tmp', 'keep.log', 'web/b.log', 'web/dist/a.js'])
    expect(Object.values(tree)).not.toContain('1')
  })

  test('node_modules goes along where git does not ignore it, .git and .roadstead never do', async () => {
    const tree = await roundTrip({
      'node_modules/a/index.js': '1',
      '.git/config': '1',
      'sub/.git': 'gitdir: ../.git',
      '.roadstead/server/state.db': '1',
    })
    expect(Object.keys(tree)).toEqual([
      'node_modules/',
      'node_modules/a/',
      'node_modules/a/index.js',
      'sub/',
    ])
  })

  test('only what is asked for is packed', async () => {
    const tree = { 'e2e/a.ts': '1', 'e2e/b/c.ts': '2', 'src/x.ts': '3', 'smoke.sh': '4' }
    expect(await roundTrip(tree, ['e2e/', './smoke.sh'])).toEqual({
      'e2e/': '',
      'e2e/a.ts': '1',
      'e2e/b/': '',
      'e2e/b/c.ts': '2',
      'smoke.sh': '4',
    })
  })

  test('what is asked for and not there is refused by name', async () => {
    await expect(roundTrip({ a: '1' }, ['a', 'e2e'])).rejects.toMatchObject({
      code: 'file-missing',
      path: 'e2e',
    })
    await expect(roundTrip({ a: '1' }, ['../b'])).rejects.toMatchObject({ code: 'archive-unsafe' })
  })

  test.each(['.env', 'web/.env', '.env.production'])(
    '%s is refused, with the remedy',
    async (path) => {
      await expect(roundTrip({ [path]: 'SECRET=1' })).rejects.toMatchObject({
        code: 'secret-file',
        path,
        hint: expect.stringContaining('.gitignore'),
      })
      expect(await readdir(home)).toEqual(['source'])
    },
  )

  test('an ignored .env is left out, and an example goes along', async () => {
    const tree = await roundTrip({
      '.gitignore': '.env',
      '.env': 'SECRET=1',
      '.env.example': 'SECRET=',
    })
    expect(Object.keys(tree)).toEqual(['.env.example', '.gitignore'])
  })

  test.each(['->/etc/passwd', '->../outside'])(
    'a link that leaves (%s) is refused',
    async (link) => {
      await expect(roundTrip({ 'lib/': '', leak: link })).rejects.toMatchObject({
        code: 'archive-unsafe',
        path: 'leak',
      })
    },
  )

  test('an archive that is written into its own directory does not contain itself', async () => {
    const source = await plant(join(home, 'source'), { a: '1' })
    const { digest } = await archiver.pack(source, join(source, 'self'))
    await archiver.unpack(join(source, 'self'), digest, join(home, 'place'))
    expect(await harvest(join(home, 'place'))).toEqual({ a: '1' })
  })

  test('a target that is there already is left alone', async () => {
    const source = await plant(join(home, 'source'), { a: '1' })
    await writeFile(join(home, 'a'), 'mine')
    await expect(archiver.pack(source, join(home, 'a'))).rejects.toMatchObject({
      code: 'pack-failed',
    })
    expect(await readFile(join(home, 'a'), 'utf8')).toBe('mine')
  })
})

/** Unpacks bytes; the folder that they were to become must not exist when that fails. */
async function unpack(bytes: Buffer, by = archiver): Promise<Record<string, string>> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  await writeFile(join(home, 'archive'), bytes)
  await by.unpack(join(home, 'archive'), digest, join(home, 'place'))
  return harvest(join(home, 'place'))
}

const hostile: [string, TarMember[], RegExp][] = [
  ['a name with ../', [{ name: '../evil' }], /leads out/],
  ['../ in the middle', [{ name: 'a/../../evil' }], /leads out/],
  ['an absolute name', [{ name: '/tmp/evil' }], /is absolute/],
  ['a link out', [{ name: 'a', type: '2', target: '../..' }], /outside/],
  ['an absolute link', [{ name: 'a', type: '2', target: '/etc' }], /absolute path/],
  ['a link up after down', [{ name: 'a', type: '2', target: 'b/../../c' }], /up again/],
  ['a hard link', [{ name: 'a' }, { name: 'b', type: '1', target: 'a' }], /hard link/],
  ['a hard link out', [{ name: 'b', type: '1', target: '/etc/passwd' }], /hard link/],
  ['a character device', [{ name: 'a', type: '3' }], /CharacterDevice/],
  ['a block device', [{ name: 'a', type: '4' }], /BlockDevice/],
  ['a fifo', [{ name: 'a', type: '6' }], /FIFO/],
  ['a type nobody knows', [{ name: 'a', type: 'Z' }], /not a file/],
  ['a setuid bit', [{ name: 'a', mode: 0o4755 }], /setuid/],
  ['a setgid folder', [{ name: 'a/', type: '5', mode: 0o2755 }], /setgid/],
  [
    'a file through a link',
    [
      { name: 'a/', type: '5' },
      { name: 'l', type: '2', target: 'a' },
      { name: 'l/evil', content: 'x' },
    ],
    /through a link/,
  ],
  [
    'a link in the place of a folder',
    [
      { name: 'a/', type: '5' },
      { name: 'a/b', content: 'x' },
      { name: 'a', type: '2', target: '.' },
    ],
    /once as a folder/,
  ],
  [
    'a file twice',
    [
      { name: 'a', content: '1' },
      { name: './a', content: '2' },
    ],
    /comes twice/,
  ],
  [
    'a file over a link',
    [
      { name: 'a', type: '2', target: 'b' },
      { name: 'a', content: '2' },
    ],
    /comes twice/,
  ],
  ['a file below a file', [{ name: 'a', content: '1' }, { name: 'a/b' }], /through a file/],
  [
    'an extended header with an absolute name',
    [{ name: 'x', type: 'x', content: paxRecord('path', '/evil') }, { name: 'fine' }],
    /is absolute/,
  ],
  [
    'an extended header that is too large',
    [{ name: 'x', type: 'x', content: paxRecord('path', 'a'.repeat(1_100_000)) }, { name: 'a' }],
    /ExtendedHeader/,
  ],
  [
    'a name that is too long',
    [{ name: 'x', type: 'x', content: paxRecord('path', 'a/'.repeat(600)) }, { name: 'a' }],
    /longer than 1024/,
  ],
  ['a size beyond all bounds', [{ name: 'a', size: 8_000_000_000 }], /unpacks to over/],
]

describe('a hostile archive', () => {
  test.each(hostile)('with %s is refused, and nothing is kept', async (_what, members, message) => {
    await expect(unpack(tarOf(members))).rejects.toMatchObject({
      code: 'archive-unsafe',
      status: 422,
      message: expect.stringMatching(message),
    })
    expect(await readdir(home)).toEqual(['archive'])
  })

  test.each(hostile)('with %s is refused by a look too', async (_what, members, message) => {
    await writeFile(join(home, 'archive'), tarOf(members))
    await expect(checkArchive(join(home, 'archive'))).rejects.toMatchObject({
      code: 'archive-unsafe',
      message: expect.stringMatching(message),
    })
    expect(await readdir(home)).toEqual(['archive'])
  })

  test('that goes through a link by another spelling is refused', async () => {
    const members = [
      { name: 'a/', type: '5' },
      { name: 'a/l', type: '2', target: 'b' },
      { name: 'a/./l/evil', content: 'x' },
    ]
    await expect(unpack(tarOf(members))).rejects.toThrow(/through a link/)
  })

  test('of more folders than the limit, none with an entry of its own, is refused', async () => {
    const limited = tarArchiver({ ...archiveLimits, entriesMax: 10 })
    const deep = tarOf([{ name: `${'d/'.repeat(12)}file`, content: 'x' }])
    await expect(unpack(deep, limited)).rejects.toMatchObject({ code: 'archive-unsafe' })
  })

  test('that is a bomb is refused before it has filled the disk', async () => {
    const bytes = zstdCompressSync(tarOf([{ name: 'zeros', content: Buffer.alloc(1_000_001) }]))
    expect(bytes.length).toBeLessThan(1_000)
    const limited = tarArchiver({ ...archiveLimits, unpackedBytesMax: 1_000_000 })
    await expect(unpack(bytes, limited)).rejects.toMatchObject({ code: 'archive-unsafe' })
    expect(await readdir(home)).toEqual(['archive'])
  })

  test('of endless padding is refused', async () => {
    const bytes = zstdCompressSync(Buffer.concat([tarOf([{ name: 'a' }]), Buffer.alloc(3_000_000)]))
    const limited = tarArchiver({ ...archiveLimits, unpackedBytesMax: 1_000, entriesMax: 10 })
    await expect(unpack(bytes, limited)).rejects.toMatchObject({ code: 'archive-unsafe' })
  })

  test('of more entries than the limit, or more headers about them, is refused', async () => {
    const limited = tarArchiver({ ...archiveLimits, entriesMax: 10 })
    const entries = Array.from({ length: 11 }, (_, index) => ({ name: `a${index}` }))
    const header = { name: 'x', type: 'x', content: paxRecord('comment', 'again') }
    const headers = Array.from({ length: 21 }, () => header)
    expect(Object.keys(await unpack(tarOf(entries.slice(1)), limited))).toHaveLength(10)
    await rm(join(home, 'place'), { recursive: true })
    for (const members of [entries, [...headers, { name: 'a' }]]) {
      await expect(unpack(tarOf(members), limited)).rejects.toMatchObject({
        code: 'archive-unsafe',
      })
    }
    expect(await readdir(home)).toEqual(['archive'])
  })
})

describe('a directory beyond the limits', () => {
  test.each([
    ['files', { entriesMax: 2 }],
    ['bytes', { unpackedBytesMax: 2 }],
    ['bytes when packed', { packedBytesMax: 2 }],
  ])('of %s is refused, and nothing is written', async (_what, limits) => {
    const source = await plant(join(home, 'source'), { a: '1', b: '2', c: '3' })
    const limited = tarArchiver({ ...archiveLimits, ...limits })
    await expect(limited.pack(source, join(home, 'a'))).rejects.toMatchObject({
      code: 'artifact-too-large',
      status: 413,
    })
    expect(await readdir(home)).toEqual(['source'])
  })
})

describe('a damaged archive', () => {
  const members = [
    { name: 'a', content: 'x'.repeat(5_000) },
    { name: 'b', content: 'y' },
  ]

  test.each([
    ['in a file', tarOf(members).subarray(0, 2_000)],
    ['between two files', tarOf(members, true)],
    ['in zstd', zstdCompressSync(tarOf(members)).subarray(0, -5)],
    ['in gzip', gzipSync(tarOf(members)).subarray(0, -20)],
  ])('that was cut %s is refused, and nothing is kept', async (_where, bytes) => {
    await expect(unpack(bytes)).rejects.toMatchObject({ code: 'archive-truncated' })
    expect(await readdir(home)).toEqual(['archive'])
  })

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a text', Buffer.from('hello, '.repeat(500))],
    ['a changed header', Buffer.from(tarOf(members)).fill(7, 100, 110)],
  ])('of %s is refused', async (_what, bytes) => {
    await expect(unpack(bytes)).rejects.toMatchObject({
      code: expect.stringMatching(/^archive-(invalid|truncated)$/),
    })
    expect(await readdir(home)).toEqual(['archive'])
  })

  test('with another digest than it should have is not even parsed', async () => {
    await writeFile(join(home, 'archive'), tarOf([{ name: '../evil' }]))
    await expect(
      archiver.unpack(join(home, 'archive'), `sha256:${'0'.repeat(64)}`, join(home, 'place')),
    ).rejects.toMatchObject({ code: 'digest-mismatch' })
    expect(await readdir(home)).toEqual(['archive'])
  })
})

describe('what others packed', () => {
  test.each([
    ['plain tar', (bytes: Buffer) => bytes],
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('is read: %s', async (_how, compress) => {
    const bytes = compress(
      tarOf([
        { name: './', type: '5' },
        { name: './lib/a.txt', content: 'a', mode: 0o664 },
        { name: './run', content: 'b', mode: 0o775 },
        { name: 'lib/', type: '5', mode: 0o777 },
      ]),
    )
    expect(await unpack(bytes)).toEqual({ 'lib/': '', 'lib/a.txt': 'a', 'run*': 'b' })
  })

  test('a place that is taken is left alone', async () => {
    await plant(join(home, 'place'), { mine: '1' })
    await expect(unpack(tarOf([{ name: 'a' }]))).rejects.toMatchObject({ code: 'unpack-failed' })
    expect(await harvest(join(home, 'place'))).toEqual({ mine: '1' })
  })
})

describe('packing files at places of their own', () => {
  async function placed(tree: Record<string, string>, mounts: readonly PlacedSource[]) {
    const source = await plant(join(home, 'source'), tree)
    const { digest } = await packPlaced(source, join(home, 'a.tar.zst'), mounts)
    await archiver.unpack(join(home, 'a.tar.zst'), digest, join(home, 'place'))
    return { digest, tree: await harvest(join(home, 'place')) }
  }

  test('files, folders and texts lie where they are seen, and nothing beside them', async () => {
    const tree = { 'proxy/nginx.conf': 'a', 'pages/b.html': 'b', 'pages/deep/c': 'c', other: 'x' }
    const found = await placed(tree, [
      { path: '/etc/nginx/conf.d/default.conf', from: { file: 'proxy/nginx.conf' } },
      { path: '/srv/www', from: { file: './pages/' } },
      { path: '/run.txt', from: { content: 'ä\n' } },
    ])
    expect(found.tree).toEqual({
      'etc/': '',
      'etc/nginx/': '',
      'etc/nginx/conf.d/': '',
      'etc/nginx/conf.d/default.conf': 'a',
      'srv/': '',
      'srv/www/': '',
      'srv/www/b.html': 'b',
      'srv/www/deep/': '',
      'srv/www/deep/c': 'c',
      'run.txt': 'ä\n',
    })
  })

  test('the whole folder can be one of them; .gitignore and .env hold as everywhere', async () => {
    const { tree } = await placed({ a: '1', 'b/c': '2', d: '3', '.gitignore': 'd\n' }, [
      { path: '/all', from: { file: '.' } },
    ])
    expect(tree).toEqual({
      'all/': '',
      'all/.gitignore': 'd\n',
      'all/a': '1',
      'all/b/': '',
      'all/b/c': '2',
    })
    const source = await plant(join(home, 'other'), { 'conf/.env': 'TOKEN=1' })
    const packing = packPlaced(source, join(home, 'b'), [{ path: '/c', from: { file: 'conf' } }])
    await expect(packing).rejects.toMatchObject({ code: 'secret-file' })
  })

  test('a link that would lead out of what is seen is refused', async () => {
    const source = await plant(join(home, 'source'), { 'conf/up': '->../beside', beside: 'x' })
    const packing = packPlaced(source, join(home, 'b'), [{ path: '/c', from: { file: 'conf' } }])
    await expect(packing).rejects.toMatchObject({ code: 'archive-unsafe', path: 'conf/up' })
  })

  test('what is missing is refused by its name', async () => {
    const source = await plant(join(home, 'source'), { a: 'x' })
    const packing = packPlaced(source, join(home, 'b'), [{ path: '/c', from: { file: 'nowhere' } }])
    await expect(packing).rejects.toMatchObject({ code: 'file-missing', path: 'nowhere' })
  })
})
