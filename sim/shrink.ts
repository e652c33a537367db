import type { Fault } from './faults.ts'
import type { Mutant } from './mutants/mutation.ts'
import type { Wish } from './plot.ts'
import { play, type Story } from './story.ts'
import type { Violation } from './view.ts'

/** Plays of one story at the most: some seconds, and beyond it little is gained. */
const playsMax = 150

/** The shortest story found that still breaks the same invariant, and how it ends. */
export interface Shrunk {
  readonly story: Story
  readonly violation: Violation
}

type Item = { readonly fault: Fault } | { readonly wish: Wish }

/**
 * Leaves out faults and wishes for as long as the same invariant breaks (delta debugging, ddmin):
 * first halves, then ever smaller parts, until no single one can be spared.
 */
export async function shrink(story: Story, violation: Violation, mutant?: Mutant): Promise<Shrunk> {
  let shortest: Shrunk = { story, violation }
  let items = itemsOf(story)
  let plays = 0
  const stillBreaks = async (kept: readonly Item[]): Promise<boolean> => {
    if (plays++ >= playsMax) return false
    const candidate = storyWith(story, kept)
    const { violations } = await play(candidate, mutant)
    const same = violations.find(({ invariant }) => invariant === violation.invariant)
    if (same !== undefined) shortest = { story: candidate, violation: same }
    return same !== undefined
  }
  for (let parts = 2; items.length > 0 && plays < playsMax;) {
    const size = Math.ceil(items.length / parts)
    const shorter = await firstThat(chunksLeftOut(items, size), stillBreaks)
    if (shorter !== undefined) {
      items = shorter
      parts = Math.max(2, parts - 1)
    } else if (size <= 1) break
    else parts = Math.min(items.length, parts * 2)
  }
  return shortest
}

function itemsOf({ plot, faults }: Story): Item[] {
  return [...faults.map((fault) => ({ fault })), ...plot.wishes.map((wish) => ({ wish }))]
}

function storyWith({ plot }: Story, items: readonly Item[]): Story {
  const faults = items.flatMap((item) => ('fault' in item ? [item.fault] : []))
  const wishes = items.flatMap((item) => ('wish' in item ? [item.wish] : []))
  return { plot: { ...plot, wishes }, faults }
}

/** All lists that lack one run of `size` items, the last run first: what came late matters least. */
function chunksLeftOut(items: readonly Item[], size: number): Item[][] {
  const lists: Item[][] = []
  for (let from = 0; from < items.length; from += size) lists.push(items.toSpliced(from, size))
  return lists.toReversed()
}

async function firstThat<T>(
  candidates: readonly T[],
  holds: (candidate: T) => Promise<boolean>,
): Promise<T | undefined> {
  for (const candidate of candidates) if (await holds(candidate)) return candidate
  return undefined
}
