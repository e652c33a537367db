/** The agent's directories on a real disk, with real archives: what is shared, composed, put back. */
import { createReadStream } from 'node:fs'
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ArtifactCache } from '../../src/agent/artifact-cache.ts'
import { contentKey, type ArchiveContent } from '../../src/agent/content.ts'
import type { Disk } from '../../src/base/disk.ts'
import { Fault, Refusal } from '../../src/base/errors.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemDisk } from '../../src/base/system-disk.ts'
import { VirtualClock } from '../../src/base/virtual-clock.ts'
import { tarArchiver } from '../../src/drivers/artifacts/tar-archiver.ts'
import type { ArtifactRef } from '../../src/parts/artifacts/model.ts'

const archiver = tarArchiver()
const clock = new VirtualClock()
let home: string
let directory: string
/** Archives that the server has, by digest. */
let archives: Map<string, string>
/** What the server is asked for. */
let fetched: string[]
let outage: Error | undefined

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'roadstead-artifacts-'))
  directory = join(home, 'artifacts')
  archives = new Map()
  fetched = []
  outage = undefined
})

afterEach(async () => {
  await systemDisk.remove(home)
  await rm(home, { recursive: true, force: true })
})

async function aCache(disk: Disk = systemDisk): Promise<ArtifactCache> {
  const cache = new ArtifactCache({
    directory,
    disk,
    archiver,
    clock,
    log: silentLog,
    signal: new AbortController().signal,
    fetch: (digest) => {
      fetched.push(digest)
      if (outage !== undefined) return Promise.reject(outage)
      const archive = archives.get(digest)
      if (archive !== undefined) return Promise.resolve(createReadStream(archive))
      const gone = `the server has no artifact ${digest}`
      return Promise.reject(new Refusal('artifact-unknown', gone, { status: 404 }))
    },
  })
  await cache.open()
  return cache
}

/** Packs a tree, so that the server has it: `->` begins a link. */
async function upload(name: string, tree: Record<string, string>): Promise<ArtifactRef> {
  const root = join(home, name)
  for (const [path, content] of Object.entries(tree)) {
    const place = join(root, path)
    await mkdir(dirname(place), { recursive: true })
    if (content.startsWith('->')) await symlink(content.slice(2), place)
    else await writeFile(place, content)
    if (path.startsWith('bin/')) await chmod(place, 0o755)
  }
  const archive = join(home, `${name}.tar.zst`)
  const artifact = await archiver.pack(root, archive)
  archives.set(artifact.digest, archive)
  return artifact
}

async function harvest(root: string, base = ''): Promise<Record<string, string>> {
  const tree: Record<string, string> = {}
  for (const member of await readdir(join(root, base), { withFileTypes: true })) {
    const path = base + member.name
    if (member.isDirectory()) Object.assign(tree, await harvest(root, `${path}/`))
    else if (member.isSymbolicLink()) tree[path] = `->${await readlink(join(root, path))}`
    else tree[path] = await readFile(join(root, path), 'utf8')
  }
  return tree
}

function laidOver(
  artifact: ArtifactRef,
  earlier: readonly ArtifactRef[],
  from = 'public/assets',
): ArchiveContent {
  const carried = earlier.map((one) => ({ artifact: one, directory: from }))
  return { artifact, assets: { directory: 'public/assets', carried } }
}

const assetsOf = (version: string): Record<string, string> => ({
  'server.js': `// ${version}`,
  'public/index.html': version,
  [`public/assets/main-${version}.js`]: version,
  'public/assets/same.css': version,
})

describe('a directory with the assets of earlier versions', () => {
  test('has its own files, and of the earlier ones what it lacks, the newer first', async () => {
    const v1 = await upload('v1', { ...assetsOf('v1'), 'public/assets/old.js': 'v1' })
    const v2 = await upload('v2', { ...assetsOf('v2'), 'public/assets/old.js': 'v2' })
    const v3 = await upload('v3', { ...assetsOf('v3'), 'bin/run': '#!/bin/sh', here: '->public' })
    const cache = await aCache()
    const { directory: place, content, without } = await cache.take(laidOver(v3, [v2, v1]), 'all')
    expect(await harvest(place)).toEqual({
      'server.js': '// v3',
      'public/index.html': 'v3',
      'public/assets/main-v1.js': 'v1',
      'public/assets/main-v2.js': 'v2',
      'public/assets/main-v3.js': 'v3',
      'public/assets/same.css': 'v3',
      'public/assets/old.js': 'v2',
      'bin/run': '#!/bin/sh',
      here: '->public',
    })
    expect([content, without]).toEqual([laidOver(v3, [v2, v1]), null])
    expect((await stat(join(place, 'bin/run'))).mode & 0o777).toBe(0o755)
    expect((await stat(join(place, 'public/assets'))).mode & 0o222).toBe(0)
  })

  test('keeps the times of files, of which servers make their validators', async () => {
    const v1 = await upload('v1', assetsOf('v1'))
    const v2 = await upload('v2', assetsOf('v2'))
    const cache = await aCache()
    const plain = await cache.take({ artifact: v1 }, 'all')
    const composed = await cache.take(laidOver(v2, [v1]), 'all')
    const file = 'public/assets/main-v1.js'
    const [own, copy] = [
      await stat(join(plain.directory, file)),
      await stat(join(composed.directory, file)),
    ]
    // The system takes times in whole µs.
    expect(Math.abs(copy.mtimeMs - own.mtimeMs)).toBeLessThan(0.005)
  })

  test('takes files alone, from where they were; what is in the way stays', async () => {
    const v1 = await upload('v1', {
      'dist/a.js': 'v1',
      'dist/link.js': '->a.js',
      'dist/sub/b.js': 'v1',
      'dist/file/c.js': 'v1',
    })
    const v2 = await upload('v2', {
      'public/assets/sub': '->../elsewhere',
      'public/elsewhere/x': 'v2',
      'public/assets/file': 'v2',
    })
    const cache = await aCache()
    const taken = await cache.take(laidOver(v2, [v1], 'dist'), 'all')
    expect(await harvest(taken.directory)).toEqual({
      'public/assets/a.js': 'v1',
      'public/assets/sub': '->../elsewhere',
      'public/elsewhere/x': 'v2',
      'public/assets/file': 'v2',
    })
  })

  test.each([
    ['has none in that folder', { 'server.js': 'v1' }, { 'server.js': 'v2' }],
    ['finds a file where its folder would be', assetsOf('v1'), { public: 'v2' }],
  ])('is the artifact alone where an earlier one %s', async (_what, first, second) => {
    const v1 = await upload('v1', first)
    const v2 = await upload('v2', second)
    const cache = await aCache()
    const { directory: place } = await cache.take(laidOver(v2, [v1]), 'all')
    expect(await harvest(place)).toEqual(second)
  })

  test('is made once, and again only when it is asked for otherwise', async () => {
    const [v1, v2] = [await upload('v1', assetsOf('v1')), await upload('v2', assetsOf('v2'))]
    const cache = await aCache()
    const wanted = laidOver(v2, [v1])
    const both = await Promise.all([cache.take(wanted, 'all'), cache.take(wanted, 'all')])
    const again = await cache.take(wanted, 'all')
    expect(new Set([...both, again].map((taken) => taken.directory)).size).toBe(1)
    expect(fetched.toSorted()).toEqual([v1.digest, v2.digest].toSorted())
    const plain = await cache.take({ artifact: v2 }, 'all')
    expect(plain.directory).not.toBe(again.directory)
    expect(await harvest(plain.directory)).toEqual(assetsOf('v2'))
  })

  test('leaves the artifacts that it is made of as they were', async () => {
    const [v1, v2] = [await upload('v1', assetsOf('v1')), await upload('v2', assetsOf('v2'))]
    const cache = await aCache()
    await cache.take(laidOver(v2, [v1]), 'all')
    expect(await cache.findAltered([{ artifact: v1 }, { artifact: v2 }])).toEqual([])
  })
})

describe('an earlier archive that cannot be had', () => {
  test('is left out at once, and told, where the server has it no more', async () => {
    const [v1, v2] = [await upload('v1', assetsOf('v1')), await upload('v2', assetsOf('v2'))]
    const v3 = await upload('v3', assetsOf('v3'))
    const kept = archives.get(v1.digest) ?? ''
    archives.delete(v1.digest)
    const cache = await aCache()
    const taken = await cache.take(laidOver(v3, [v2, v1]), 'all')
    expect(taken.content).toEqual(laidOver(v3, [v2]))
    expect(taken.without).toContain(`the server has no artifact ${v1.digest}`)
    expect(Object.keys(await harvest(taken.directory))).toContain('public/assets/main-v2.js')
    // What could not be had is asked for again by the next start.
    archives.set(v1.digest, kept)
    const whole = await cache.take(laidOver(v3, [v2, v1]), 'all')
    expect(whole.without).toBeNull()
    expect(Object.keys(await harvest(whole.directory))).toContain('public/assets/main-v1.js')
  })

  test('holds a start up while it may still come, and then does not', async () => {
    const [v1, v2] = [await upload('v1', assetsOf('v1')), await upload('v2', assetsOf('v2'))]
    const cache = await aCache()
    const plain = await cache.take({ artifact: v2 }, 'all')
    outage = new Fault('server-unreachable', 'the server does not answer')
    await expect(cache.take(laidOver(v2, [v1]), 'all')).rejects.toBe(outage)
    const taken = await cache.take(laidOver(v2, [v1]), 'had')
    expect(taken).toMatchObject({ directory: plain.directory, content: { artifact: v2 } })
    expect(taken.without).toContain('the server does not answer')
  })

  test('is no matter where its own archive is missing: that one has to come', async () => {
    const [v1, v2] = [await upload('v1', assetsOf('v1')), await upload('v2', assetsOf('v2'))]
    archives.delete(v2.digest)
    const cache = await aCache()
    await expect(cache.take(laidOver(v2, [v1]), 'had')).rejects.toThrow('has no artifact')
  })

  test('a disk that takes no copy is told, and the version starts without', async () => {
    const [v1, v2] = [await upload('v1', assetsOf('v1')), await upload('v2', assetsOf('v2'))]
    const full = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
    const cache = await aCache({ ...systemDisk, copy: () => Promise.reject(full) })
    await expect(cache.take(laidOver(v2, [v1]), 'all')).rejects.toThrow('disk of the node is full')
    const taken = await cache.take(laidOver(v2, [v1]), 'had')
    expect(taken.content).toEqual({ artifact: v2 })
    expect(taken.without).toContain('disk of the node is full')
  })
})

describe('a composed directory', () => {
  test('that an agent died in the middle of is thrown away, and made whole', async () => {
    const [v1, v2] = [await upload('v1', assetsOf('v1')), await upload('v2', assetsOf('v2'))]
    let copies = 0
    let reachDeath = (): void => {}
    const death = new Promise<void>((resolve) => (reachDeath = resolve))
    const dying: Disk = {
      ...systemDisk,
      copy: async (...how) => {
        await systemDisk.copy(...how)
        if (++copies < 2) return
        reachDeath()
        await new Promise(() => {})
      },
    }
    const first = await aCache(dying)
    void first.take(laidOver(v2, [v1]), 'all')
    await death
    expect((await readdir(join(directory, '.incoming'))).length).toBeGreaterThan(0)
    const next = await aCache()
    expect(await readdir(join(directory, '.incoming'))).toEqual([])
    const { directory: place } = await next.take(laidOver(v2, [v1]), 'all')
    expect(await harvest(place)).toEqual({ ...assetsOf('v2'), 'public/assets/main-v1.js': 'v1' })
  })

  test('that somebody altered is found and put back', async () => {
    const [v1, v2] = [await upload('v1', assetsOf('v1')), await upload('v2', assetsOf('v2'))]
    const cache = await aCache()
    const content = laidOver(v2, [v1])
    const { directory: place } = await cache.take(content, 'all')
    expect(await cache.findAltered([content])).toEqual([])
    await appendFile(join(place, 'public/assets/main-v1.js'), '; evil()')
    expect(await cache.findAltered([content])).toEqual([content])
    await cache.restore(content)
    expect((await harvest(place))['public/assets/main-v1.js']).toBe('v1')
    expect(await cache.findAltered([content])).toEqual([])
  })

  test('is never made of an artifact that somebody altered', async () => {
    const [v1, v2] = [await upload('v1', assetsOf('v1')), await upload('v2', assetsOf('v2'))]
    const cache = await aCache()
    const { directory: plain } = await cache.take({ artifact: v1 }, 'all')
    await appendFile(join(plain, 'public/assets/main-v1.js'), '; evil()')
    const { directory: place } = await cache.take(laidOver(v2, [v1]), 'all')
    expect((await harvest(place))['public/assets/main-v1.js']).toBe('v1')
    // Whoever runs the altered one is still to hear of it.
    expect(await cache.findAltered([{ artifact: v1 }])).toEqual([{ artifact: v1 }])
    expect(await readdir(join(directory, '.incoming'))).toEqual([])
  })

  test('stays while something runs from it, and goes by the bound of the others', async () => {
    const cache = await aCache()
    const v1 = await upload('v1', assetsOf('v1'))
    const kept = laidOver(await upload('v2', assetsOf('v2')), [v1])
    const { directory: place } = await cache.take(kept, 'all')
    for (let version = 3; version < 13; version++) {
      await clock.advance(1_000)
      const artifact = await upload(`v${version}`, assetsOf(`v${version}`))
      await cache.take(laidOver(artifact, [v1]), 'all')
    }
    await cache.collect(new Set([contentKey(kept)]))
    const names = (await readdir(directory)).filter((name) => !name.startsWith('.'))
    expect(names).toHaveLength(9)
    expect(await harvest(place)).toMatchObject({ 'public/assets/main-v1.js': 'v1' })
  })
})
