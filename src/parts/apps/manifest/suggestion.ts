/** The hint of a fault whose message says it all. */
export const noSuggestion = ''

/** Words longer than this are not compared: nobody mistypes them into something short. */
const comparedLengthMax = 64

/** The candidate that `word` was probably meant to be, or undefined when none is near. */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > comparedLengthMax) return undefined
  const lower = word.toLowerCase()
  /** A third of the letters may be wrong, but always one: `rn` is `run`. */
  let least = Math.max(1, Math.floor(word.length / 3)) + 1
  let found: string | undefined
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= least) continue
    const distance = editDistance(lower, candidate.toLowerCase())
    if (distance >= least) continue
    least = distance
    found = candidate
  }
  return found
}

/** "did you mean `memory`?", or else the list of what is possible. */
export function didYouMean(word: string, candidates: readonly string[], none: string): string {
  const near = closest(word, candidates)
  if (near !== undefined) return `did you mean \`${near}\`?`
  return candidates.length === 0 ? none : `possible here: ${listed(candidates)}`
}

/** `a, b, c … and 4 more`: as much of a list as a line can hold. */
export function listed(words: readonly string[], shown = 20): string {
  if (words.length <= shown) return words.join(', ')
  return `${words.slice(0, shown).join(', ')} and ${words.length - shown} more`
}

/** Letters to insert, leave out, replace, or swap with their neighbour, to get from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
