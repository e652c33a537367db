import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { endProcess, processesOf } from '../../scripts/left-behind.ts'
import { systemClock } from '../../src/base/clock.ts'
import { shimSource } from '../../src/drivers/instances/process/shim.ts'

/** The shim, run as the driver runs it. */

let root = ''
let shim: ChildProcess | undefined

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'roadstead-shim-'))
  await mkdir(join(root, 'events'))
  await mkdir(join(root, 'home'))
  await writeFile(join(root, 'shim.sh'), shimSource)
})

afterEach(async () => {
  for (const { pid } of processesOf(root)) endProcess(pid)
  await rm(root, { recursive: true, force: true })
})

function start(script: string, groups: readonly string[] = []): ChildProcess {
  const [events, home] = [join(root, 'events'), join(root, 'home')]
  const count = String(groups.length)
  const own = [events, home, 'i-shim', '1', '1', '1', '/usr/bin/setsid', '', count, ...groups]
  return spawn('/bin/sh', [join(root, 'shim.sh'), ...own, '/bin/sh', '-c', script], {
    stdio: 'ignore',
    env: { PATH: '/usr/bin:/bin' },
  })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await systemClock.sleep(20)
}

test('keeps what is printed, notes the exit code, and leaves nothing behind', async () => {
  shim = start('echo one; echo two >&2; exit 3')
  await once(shim, 'exit')
  expect(readFileSync(join(root, 'events/i-shim.1.exit'), 'utf8')).toBe('3\n')
  await until(() => processesOf(root).length === 0)
  expect(readFileSync(join(root, 'home/stdout.1'), 'utf8')).toBe('one\n')
  expect(readFileSync(join(root, 'home/stderr.1'), 'utf8')).toBe('two\n')
})

test('ends with its instance when the folder is gone that it keeps output in', async () => {
  // Beyond the 512 reads after which a loop opens its file again.
  const print = 'i=0; while [ $i -lt 1200 ]; do printf "%4095s\\n" x; i=$((i+1)); done'
  shim = start(`${print}; until [ -e ${root}/go ]; do sleep 0.05; done; ${print}`)
  await until(() => sizeOf(join(root, 'home/stdout.1')) > 4_000_000)
  await rm(join(root, 'home'), { recursive: true, force: true, maxRetries: 5 })
  await writeFile(join(root, 'go'), '')
  await once(shim, 'exit')
  await until(() => processesOf(root).length === 0)
  expect(readFileSync(join(root, 'events/i-shim.1.exit'), 'utf8')).toBe('0\n')
})

test('ends with an instance that never opened its output', async () => {
  shim = start('echo never', [join(root, 'no-such-group')])
  await once(shim, 'exit')
  expect(readFileSync(join(root, 'events/i-shim.1.exit'), 'utf8')).toBe('125\n')
  await until(() => processesOf(root).length === 0)
  expect(readFileSync(join(root, 'home/stderr.1'), 'utf8')).toContain('roadstead: it cannot enter')
})

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0
}
