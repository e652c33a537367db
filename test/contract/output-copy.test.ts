import { mkdir, mkdtemp, readFile, rm, rmdir } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { Engine } from '../../src/drivers/instances/docker/engine.ts'
import { copyOutput } from '../../src/drivers/instances/docker/output-copy.ts'

/** Copying a container's output, from an engine that answers as the test wants it to. */

describe('the copy of a container’s output', () => {
  let root = ''
  let home = ''
  let engine: Server
  /** What the engine is asked for, and how it answers, one after the other. */
  let answers: ((response: ServerResponse) => void)[] = []
  let asked: string[] = []

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'roadstead-copy-'))
    home = join(root, 'home')
    await mkdir(home)
    ;[answers, asked] = [[], []]
    engine = createServer(({ url = '' }, response) => {
      asked.push(new URL(url, 'http://engine').searchParams.get('since') ?? 'the beginning')
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      answer?.(response)
    })
    await new Promise<void>((resolve) => engine.listen(join(root, 'socket'), resolve))
  })

  afterEach(async () => {
    engine.closeAllConnections()
    engine.close()
    await rm(root, { recursive: true })
  })

  function copy(): Promise<void> {
    return copyOutput({
      engine: new Engine(join(root, 'socket'), systemClock),
      clock: systemClock,
      containerId: 'c-1',
      run: 1,
      home,
      isRunning: async () => false,
      signal: new AbortController().signal,
    })
  }

  const whole = (response: ServerResponse): void => {
    response.end(Buffer.concat([entry(1, 'one\n'), entry(2, 'two\n'), entry(3, 'three\n')]))
  }

  test('goes on where a disk takes bytes again', async () => {
    answers = [whole]
    // What stands in its place takes nothing.
    await mkdir(join(home, 'stdout.1'))
    const copied = copy()
    await sleep(50)
    await rmdir(join(home, 'stdout.1'))
    await copied
    expect(await readFile(join(home, 'stdout.1'), 'utf8')).toBe('one\ntwo\nthree\n')
  })

  test('writes each entry once when the engine breaks off in the middle', async () => {
    const torn = (response: ServerResponse): void => {
      response.write(
        Buffer.concat([entry(1, 'one\n'), entry(2, 'two\n'), entry(3, 'th').subarray(0, 20)]),
      )
      setTimeout(() => response.destroy(), 100)
    }
    answers = [torn, whole]
    await copy()
    expect(await readFile(join(home, 'stdout.1'), 'utf8')).toBe('one\ntwo\nthree\n')
    expect(asked).toHaveLength(2)
  })
})

/** A frame of stdout as the engine sends it, with its time. */
function entry(second: number, text: string): Buffer {
  const bytes = Buffer.from(`2026-11-21T10:00:0${second}.000000000Z ${text}`)
  const header = Buffer.alloc(8)
  header[0] = 1
  header.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}
