import { lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { own } from './ownership.ts'

const root = mkdtempSync(join(tmpdir(), 'roadstead-ownership-'))
const uid = 1_879_048_200
const uidOf = (path: string): number => lstatSync(path).uid

afterEach(() => rmSync(root, { recursive: true, force: true }))

// Only root can give files away; the agent does it only where it is root.
describe.runIf(process.getuid?.() === 0)('giving a folder to an instance', () => {
  it('gives all that is in it, and nothing that a link in it leads to', async () => {
    const [folder, outside] = [join(root, 'volume'), join(root, 'outside')]
    mkdirSync(join(folder, 'deep'), { recursive: true })
    mkdirSync(join(outside, 'etc'), { recursive: true })
    writeFileSync(join(folder, 'deep', 'file'), '')
    writeFileSync(join(outside, 'etc', 'passwd'), '')
    symlinkSync(outside, join(folder, 'link'))

    await own(folder, uid)

    const given = ['', 'deep', 'deep/file', 'link'].map((name) => join(folder, name))
    expect(new Set(given.map(uidOf))).toEqual(new Set([uid]))
    const kept = [outside, join(outside, 'etc'), join(outside, 'etc', 'passwd')]
    expect(kept.map(uidOf)).toEqual([0, 0, 0])
  })
})
