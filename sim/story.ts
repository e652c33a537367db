import { allCheckers } from './checkers/all.ts'
import { planFaults, wordsOfFault, type Fault } from './faults.ts'
import type { Mutant } from './mutants/mutation.ts'
import { makePlot, type Plot, type PlotSize, type Wish } from './plot.ts'
import { wordsOf } from './users.ts'
import type { Violation } from './view.ts'
import { World } from './world.ts'

/** Everything that decides how a world goes: the same story ends the same, wherever it is played. */
export interface Story {
  readonly plot: Plot
  readonly faults: readonly Fault[]
}

/** How a story ended. */
export interface Ending {
  readonly seed: number
  /** sha256 over every event: equal for equal stories. */
  readonly hash: string
  /** Events that checkers could hear of. */
  readonly events: number
  /** The first of each invariant, in the order in which they were broken. */
  readonly violations: readonly Violation[]
}

/** The story that a seed tells. */
export function storyOf(seed: number, size: PlotSize = {}): Story {
  const plot = makePlot(seed, size)
  return { plot, faults: planFaults(plot) }
}

/** Lets a story happen, under all checkers; with a mutant in the product where one is given. */
export async function play({ plot, faults }: Story, mutant?: Mutant): Promise<Ending> {
  const mutation = mutant === undefined ? {} : { mutation: mutant.mutation() }
  const world = new World({ plot, faults, checkers: allCheckers(), ...mutation })
  const onStray = (error: unknown): void => {
    world.onBug(`nobody waited for: ${error instanceof Error ? error.stack : String(error)}`)
  }
  process.on('unhandledRejection', onStray)
  try {
    await world.run()
  } catch (error) {
    onStray(error)
  } finally {
    process.off('unhandledRejection', onStray)
  }
  const firsts = new Map<string, Violation>()
  for (const violation of world.violations) {
    if (!firsts.has(violation.invariant)) firsts.set(violation.invariant, violation)
  }
  return {
    seed: plot.seed,
    hash: world.trace.digest(),
    events: world.trace.events,
    violations: [...firsts.values()],
  }
}

/** A story in words, in order of time, with how it ended. */
export function tellStory({ plot, faults }: Story, violation: Violation): string {
  const { seed, nodes, servers, ingresses, apps } = plot
  const zones = new Map<string, string[]>()
  for (const { nodeId, zone } of nodes) zones.set(zone, [...(zones.get(zone) ?? []), nodeId])
  const where = [...zones].map(([zone, ids]) => `${ids.join(', ')} in zone ${zone}`).join('; ')
  const designs = apps.map(({ name, services }) => {
    const parts = services.map(({ name: service, instances }) => `${instances} ${service}`)
    return `${name} (${parts.join(', ')})`
  })
  const lines: { readonly at: number; readonly words: string }[] = [
    ...nodes
      .filter(({ joinsAt }) => joinsAt > 0)
      .map(({ joinsAt, nodeId }) => ({ at: joinsAt, words: `${nodeId} joins` })),
    ...plot.wishes.map((wish: Wish) => ({ at: wish.at, words: `somebody asks: ${wordsOf(wish)}` })),
    ...faults.map((fault) => ({ at: fault.at, words: wordsOfFault(fault) })),
    { at: plot.actOneMs, words: 'nothing is wrong any more' },
    { at: violation.at, words: `${violation.invariant} is broken: ${violation.words}` },
  ]
  return [
    `Seed ${seed}: ${servers.join(', ')}; ${ingresses.join(', ')}; ${where}; ${designs.join('; ')}.`,
    ...lines
      .toSorted((a, b) => a.at - b.at)
      .map(({ at, words }) => `  ${(at / 1_000).toFixed(3).padStart(8)} s  ${words}`),
  ].join('\n')
}
