/**
 * The simulator: seeds per second, and node-hours of a large world per second. Both contenders are
 * ours to compare: the peer is the bare timeline, passing as many empty events as the worlds had. So
 * the ratio is what programs, network and checkers cost beyond the passing of time.
 *
 *   npm run bench -- simulation [--seeds 40] [--minutes 10] [--noisy]
 */
import { parseArgs } from 'node:util'
import { storyOf, type Story } from '../sim/story.ts'
import { allCheckers } from '../sim/checkers/all.ts'
import { Timeline } from '../sim/timeline.ts'
import { World } from '../sim/world.ts'
import { runBench, type Figure, type Sample } from './lib/protocol.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '40' },
    minutes: { type: 'string', default: '10' },
    noisy: { type: 'boolean', default: false },
  },
})
const seeds = Number(values.seeds)
const nodes = 600
/** The second act is as long for every world: the rest of the time asked for is the first. */
const secondActMs = 125_000
const largeMs = Number(values.minutes) * 60_000

/** Events of the last run of ours, which the peer repeats. */
let events = 0

/** Seeds beyond those that warm up, so that no world is played by code that it has just met. */
const firstSeed = 1_000

function smallWorlds(): Story[] {
  return Array.from({ length: seeds }, (_none, index) => storyOf(firstSeed + index))
}

/** A large world with one fault: nothing but its nodes makes it large. */
function largeWorld(): Story {
  const { plot, faults } = storyOf(1, { nodes, actOneMs: largeMs - secondActMs })
  return { plot, faults: faults.slice(0, 1) }
}

async function play(stories: readonly Story[], operations: number): Promise<Sample> {
  let errors = 0
  events = 0
  const sample = await timed(operations, async () => {
    for (const { plot, faults } of stories) {
      const world = new World({ plot, faults, checkers: allCheckers() })
      await world.run()
      events += world.timeline.events
      errors += world.violations.length
    }
  })
  return { ...sample, errors }
}

/** As many events, each of which asks for the next: what a chain of messages is to the timeline. */
async function pass(operations: number): Promise<Sample> {
  const chains = 1_000
  const timeline = new Timeline()
  let left = events
  const next = (): void => {
    if (left-- > 0) timeline.after(1, next)
  }
  for (let chain = 0; chain < chains; chain++) timeline.after(1, next)
  return timed(operations, () => timeline.run(events))
}

async function timed(operations: number, work: () => Promise<void>): Promise<Sample> {
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  await work()
  const wallMs = performance.now() - startedAt
  const cpu = process.cpuUsage(cpuBefore)
  return { operations, wallMs, cpuMs: (cpu.user + cpu.system) / 1_000, errors: 0 }
}

function figureOf(title: string, stories: readonly Story[], operations: number): Figure {
  return {
    title,
    ours: { name: 'worlds', run: () => play(stories, operations) },
    peers: [{ name: 'bare timeline, as many events', run: () => pass(operations) }],
  }
}

// Warmed up: the first worlds are mostly the compiler's.
await play([storyOf(1), storyOf(2), storyOf(3)], 1)
const nodeHours = (nodes * largeMs) / 3_600_000
await runBench('simulation', [
  figureOf(`${seeds} seeds as they come, per seed`, smallWorlds(), seeds),
  figureOf(`${nodes} nodes for ${values.minutes} min, per node-hour`, [largeWorld()], nodeHours),
])
