import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { processesOf } from './left-behind.ts'

let folder: string
let child: ChildProcess | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'left-'))
})

afterEach(() => {
  child?.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

describe('what a run of tests has left behind', () => {
  test.each([
    ['where it is', () => spawn('cat', { cwd: folder })],
    ['its environment', () => spawn('cat', { env: { DATA: join(folder, 'data') } })],
    ['its command line', () => spawn('sh', ['-c', 'read line', join(folder, 'a')])],
  ] as const)('is known by %s', async (_name, start) => {
    child = start()
    await once(child, 'spawn')
    await expect.poll(() => processesOf(folder).map(({ pid }) => pid)).toEqual([child.pid])
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(processesOf(folder)).toEqual([])
  })

  test('is nothing of a folder whose name begins alike', async () => {
    child = spawn('cat', { env: { DATA: `${folder}-other/data` } })
    await once(child, 'spawn')
    expect(processesOf(folder)).toEqual([])
  })
})
