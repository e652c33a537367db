/** Whatever is done to the bytes of a sealed chain is found; a chain that nobody touched is good. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { openCheckpointFiles, readCheckpoints } from '../../src/drivers/audit/checkpoint-files.ts'
import { openSegmentFiles } from '../../src/drivers/audit/segment-files.ts'
import { readChain } from '../../src/drivers/audit/segment-reader.ts'
import type { Checkpoint } from '../../src/parts/audit/model.ts'
import { aChain, aChange } from '../../src/parts/audit/plan-seal.fixture.ts'
import { planSeal } from '../../src/parts/audit/plan-seal.ts'
import { ChainCheck, type ChainReport } from '../../src/parts/audit/plan-verify.ts'

/** Nobody waits for a torn end here. */
const impatient: Clock = { ...systemClock, sleep: async () => {} }

const recordCount = 24
let folder = ''
let checkpoints: readonly Checkpoint[] = []
let original: readonly { readonly name: string; readonly bytes: Buffer }[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'roadstead-audit-'))
  const directory = join(folder, 'chain')
  const chain = await openSegmentFiles({ directory, log: silentLog, segmentBytesMax: 2_000 })
  await chain.append(aChain(recordCount))
  const kept = join(folder, 'checkpoints')
  const signer = await openCheckpointFiles({ directory: kept, keyFile: join(folder, 'key') })
  const { tip, first = 0 } = chain
  if (tip === undefined) throw new Error('nothing was sealed')
  await signer.make({ ...tip, first, count: recordCount, at: 1 })
  await chain.close()
  checkpoints = (await readCheckpoints(kept)).checkpoints
  original = readdirSync(directory)
    .toSorted()
    .map((name) => ({ name, bytes: readFileSync(join(directory, name)) }))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function verify(files: typeof original): Promise<ChainReport> {
  const directory = join(folder, 'tampered')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  for (const { name, bytes } of files) writeFileSync(join(directory, name), bytes)
  const check = new ChainCheck({ checkpoints })
  for await (const line of readChain(directory, impatient)) check.take(line)
  return check.end()
}

/** One file of the chain with other bytes. */
function tampered(place: number, change: (bytes: Buffer) => Buffer): typeof original {
  const index = place % original.length
  return original.map((file, at) => (at === index ? { ...file, bytes: change(file.bytes) } : file))
}

/** What is said of files that were tampered with; nothing where they were not. */
async function saidOf(files: typeof original): Promise<string | undefined> {
  const isSame = files.every(({ bytes }, at) => original[at]?.bytes.equals(bytes) === true)
  fc.pre(!isSame || files.length !== original.length)
  const { isGood, problem } = await verify(files)
  return isGood ? undefined : problem?.says
}

const runs = { numRuns: 300 }
const any = fc.nat()

describe('a sealed chain', () => {
  it('is good as long as nobody touches it, over several segments', async () => {
    expect(original.length).toBeGreaterThan(3)
    expect(await verify(original)).toMatchObject({
      isGood: true,
      count: recordCount,
      checkpoints: 1,
    })
  })

  it('shows each single byte that was changed', async () => {
    await fc.assert(
      fc.asyncProperty(any, any, fc.integer({ min: 1, max: 255 }), async (file, place, flip) => {
        const said = await saidOf(
          tampered(file, (bytes) => {
            const copy = Buffer.from(bytes)
            const at = place % copy.length
            copy[at] = (copy[at] ?? 0) ^ flip
            return copy
          }),
        )
        expect(said).toEqual(expect.any(String))
      }),
      runs,
    )
  })

  it('shows whatever was cut out, lines or parts of them, from the middle or an end', async () => {
    await fc.assert(
      fc.asyncProperty(any, any, any, fc.boolean(), async (file, from, length, isWhole) => {
        const said = await saidOf(
          tampered(file, (bytes) =>
            isWhole
              ? textOf(linesOf(bytes).toSpliced(from % linesOf(bytes).length, 1 + (length % 4)))
              : Buffer.concat([
                  bytes.subarray(0, from % bytes.length),
                  bytes.subarray((from % bytes.length) + 1 + (length % 900)),
                ]),
          ),
        )
        expect(said).toEqual(expect.any(String))
      }),
      runs,
    )
  })

  it('shows records that were swapped, and what was put in', async () => {
    await fc.assert(
      fc.asyncProperty(any, any, any, fc.boolean(), async (file, one, other, isSwap) => {
        const said = await saidOf(
          tampered(file, (bytes) => {
            const lines = linesOf(bytes)
            const [a, b] = [one % lines.length, other % lines.length]
            const [first = '', second = ''] = [lines[a], lines[b]]
            return textOf(
              isSwap ? lines.with(a, second).with(b, first) : lines.toSpliced(a, 0, second),
            )
          }),
        )
        expect(said).toEqual(expect.any(String))
      }),
      runs,
    )
  })

  it('shows each segment that is gone, and two whose names were swapped', async () => {
    for (let index = 0; index < original.length; index++) {
      expect(await saidOf(original.toSpliced(index, 1))).toEqual(expect.any(String))
      const next = original[(index + 1) % original.length]
      const renamed = original.map((file, at) =>
        at === index && next ? { ...next, name: file.name } : file,
      )
      expect(await saidOf(renamed)).toEqual(expect.any(String))
    }
  })
})

describe('a seal that was broken off anywhere', () => {
  it('is completed to the very same chain', async () => {
    const last = original.at(-1)
    if (last === undefined) throw new Error('there is no segment')
    const changes = Array.from({ length: recordCount }, (_, index) => aChange(index + 1))
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: last.bytes.length }), async (kept) => {
        const directory = join(folder, 'torn')
        rmSync(directory, { recursive: true, force: true })
        mkdirSync(directory)
        for (const { name, bytes } of original) {
          writeFileSync(join(directory, name), name === last.name ? bytes.subarray(0, kept) : bytes)
        }
        const options = { directory, log: silentLog, segmentBytesMax: 2_000 }
        const chain = await openSegmentFiles(options)
        await chain.append(planSeal(chain.tip, changes))
        await chain.close()
        for (const { name, bytes } of original) {
          expect(readFileSync(join(directory, name)).equals(bytes)).toBe(true)
        }
      }),
      { numRuns: 100 },
    )
  })
})

function linesOf(bytes: Buffer): string[] {
  return bytes.toString().split('\n').slice(0, -1)
}

function textOf(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''))
}
