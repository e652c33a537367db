import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { play, storyOf, tellStory, type Story } from '../../sim/story.ts'

/**
 * The production server, controllers, agents and ingress in simulated worlds, under every checker.
 * More seeds, and the story of one that fails: `npm run sim -- --seeds 1..50000`.
 */

/** Enough to notice a careless change in seconds; CI plays as many as its forty minutes hold. */
const seedCount = Number(process.env['SIM_SEEDS'] ?? (process.env['CI'] === undefined ? 200 : 300))
/** Worlds of one test, so that progress shows and a failure names its neighbourhood. */
const seedsPerTest = 25
/** A world takes a tenth of a second, and the machine may be busy, in ms. */
const timeoutMs = seedsPerTest * 4_000

const keptFolder = new URL('../../sim/seeds/', import.meta.url)

/** The story with what broke, in words; empty when every promise was kept. */
async function brokenIn(story: Story): Promise<string> {
  const [first] = (await play(story)).violations
  return first === undefined ? '' : tellStory(story, first)
}

describe('a world', () => {
  for (let from = 1; from <= seedCount; from += seedsPerTest) {
    const to = Math.min(seedCount, from + seedsPerTest - 1)
    test(`keeps every promise, seeds ${from} to ${to}`, { timeout: timeoutMs }, async () => {
      for (let seed = from; seed <= to; seed++) expect(await brokenIn(storyOf(seed))).toBe('')
    })
  }

  test('goes the same way whenever it is played', { timeout: timeoutMs }, async () => {
    const first = await play(storyOf(71))
    const second = await play(storyOf(71))
    expect(second.hash).toBe(first.hash)
    const other = await play(storyOf(72))
    expect(other.hash).not.toBe(first.hash)
  })
})

test('a story that once broke a promise breaks none any more', { timeout: 600_000 }, async () => {
  for (const name of readdirSync(keptFolder).filter((file) => file.endsWith('.json'))) {
    const kept = JSON.parse(readFileSync(new URL(name, keptFolder), 'utf8')) as { story: Story }
    expect(await brokenIn(kept.story), name).toBe('')
  }
})
