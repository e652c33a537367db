/** What a manifest mounts as it lies on the disk: each obstacle with its line and its remedy. */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Refusal } from '../../src/base/errors.ts'
import { refuseUnmountable } from '../../src/cli/manifest/mounted-files.ts'
import { requireCell } from '../../src/parts/apps/manifest/manifest.ts'
import { sourcesOf } from '../../src/parts/apps/manifest/release-content.ts'
import { packParcels } from '../../src/cli/manifest/parcels.ts'
import { tarArchiver } from '../../src/drivers/artifacts/tar-archiver.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roadstead-mounted-'))
  await mkdir(join(folder, 'conf'))
  await writeFile(join(folder, 'conf/a.conf'), 'a')
})

afterEach(() => rm(folder, { recursive: true, force: true }))

function rendered(...mounted: string[]) {
  const mounts = mounted.map((file, index) => `      /etc/${index}: ${file}`).join('\n')
  const text = `roadstead: v1\napp: shop\nservices:\n  web:\n    image: web\n    mounts:\n${mounts}\n`
  return requireCell({ text, file: 'roadstead.yaml' }, undefined)
}

async function refused(...mounted: string[]): Promise<string> {
  try {
    await refuseUnmountable(rendered(...mounted), folder)
  } catch (error) {
    if (error instanceof Refusal) return `${error.message} (${error.hint})`
    throw error
  }
  return ''
}

test('files and folders that are there go along', async () => {
  expect(await refused('conf', 'conf/a.conf')).toBe('')
})

test('what is missing is told at its line', async () => {
  const words = await refused('conf/a.conf', 'conf/b.conf')
  expect(words).toContain('roadstead.yaml:8:15: conf/b.conf is not there')
  expect(words).toContain('seen from the folder that the manifest lies in')
})

test('a link is told apart: one that leads out, and one that another name would spare', async () => {
  await symlink('/etc/passwd', join(folder, 'out'))
  await symlink('conf', join(folder, 'in'))
  expect(await refused('out')).toContain("out leads out of the manifest's folder, to /etc/passwd")
  expect(await refused('in/a.conf')).toContain('name what it leads to: conf/a.conf')
})

test('a pipe, an ignored file, a .env and a link inside that leads out are refused', async () => {
  execFileSync('mkfifo', [join(folder, 'pipe')])
  await writeFile(join(folder, '.gitignore'), '*.key\n')
  await writeFile(join(folder, 'tls.key'), 'x')
  expect(await refused('pipe')).toContain('neither a file nor a folder')
  expect(await refused('tls.key')).toContain('left out by .gitignore')
  await writeFile(join(folder, 'conf/.env'), 'x')
  expect(await refused('conf')).toContain('conf/.env would be packed, and such files hold secrets')
  await rm(join(folder, 'conf/.env'))
  await symlink('../../etc', join(folder, 'conf/up'))
  expect(await refused('conf')).toContain('conf/up')
})

test('together they have a bound', async () => {
  await writeFile(join(folder, 'one'), '')
  await truncate(join(folder, 'one'), 40 * 1024 * 1024)
  await writeFile(join(folder, 'two'), '')
  await truncate(join(folder, 'two'), 40 * 1024 * 1024)
  expect(await refused('one')).toBe('')
  expect(await refused('one', 'two')).toContain('what `web` mounts is larger than 64 MiB')
  await truncate(join(folder, 'two'), 80 * 1024 * 1024)
  expect(await refused('two')).toContain('two is larger than 64 MiB')
})

test('a changed file is another archive, and only of who mounts it', async () => {
  const digests = async (): Promise<string[]> => {
    const parcels = await packParcels(sourcesOf(rendered('conf/a.conf')), folder, tarArchiver())
    await parcels.remove()
    return Object.entries(parcels.mounts).map(([name, { digest }]) => `${name} ${digest}`)
  }
  const before = await digests()
  expect(before).toHaveLength(1)
  await writeFile(join(folder, 'conf/other'), 'beside')
  expect(await digests()).toEqual(before)
  await writeFile(join(folder, 'conf/a.conf'), 'b')
  expect(await digests()).not.toEqual(before)
})
