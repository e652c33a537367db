import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { mkdtemp, open, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { systemCodeOf } from '../../src/base/errors.ts'
import { bootNow, watchdogSource, writeLease } from '../../src/drivers/instances/shared/watchdog.ts'

/** A singleton's watchdog, run as the drivers run it. */

const id = 'i-watched-by-a-test'
let folder = ''
let children: ChildProcess[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roadstead-watchdog-'))
  await writeFile(join(folder, 'watchdog.sh'), watchdogSource)
  children = []
})

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

function start(command: string, args: readonly string[], env = {}): ChildProcess {
  const child = spawn(command, args, { stdio: 'ignore', env: { PATH: '/usr/bin:/bin', ...env } })
  children.push(child)
  return child
}

interface Waiting {
  readonly watchdog: ChildProcess
  /** Lets it read on: its process is one that is long gone. */
  goOn(): Promise<void>
}

/** On a lease that has run out. Its note is a pipe, so that it stops in the middle of its work. */
async function watchdogThatWaits(): Promise<Waiting> {
  await writeLease(join(folder, 'lease'), bootNow() - 1)
  const note = join(folder, 'note')
  execFileSync('mkfifo', [note])
  const watchdog = start('/bin/sh', [join(folder, 'watchdog.sh'), join(folder, 'lease'), note, id])
  const pipe = await opened(note)
  return {
    watchdog,
    async goOn() {
      await pipe.write('2147483646 1 1\n')
      await pipe.close()
    },
  }
}

/** A pipe can be opened for writing once somebody reads. */
async function opened(path: string): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(path, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      if (systemCodeOf(error) !== 'ENXIO') throw error
      await systemClock.sleep(10)
    }
  }
}

function marked(): ChildProcess {
  return start('sleep', ['60'], { ROADSTEAD_INSTANCE: id })
}

test('ends what carries the instance’s mark when its lease has run out', async () => {
  const { goOn } = await watchdogThatWaits()
  const one = marked()
  const ended = once(one, 'exit')
  await goOn()
  expect(await ended).toEqual([null, 'SIGKILL'])
})

test('kills nothing of the next run, which starts when the lease of the last is gone', async () => {
  const { watchdog, goOn } = await watchdogThatWaits()
  await rm(join(folder, 'lease'))
  const next = marked()
  await once(next, 'spawn')
  const left = once(watchdog, 'exit')
  await goOn()
  await left
  expect([next.exitCode, next.signalCode]).toEqual([null, null])
})
