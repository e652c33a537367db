/**
 * Quantities with their units (rule 2): how each is written, what it means, and what a slip of the
 * pen was probably meant to be.
 */
export type Unit = 'duration' | 'size' | 'percent' | 'rise' | 'budget' | 'above' | 'cores'

const durationMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const sizeBytes = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const

/** How each unit is written; the same pattern checks it and goes into the JSON Schema. */
export const unitPatterns = {
  duration: '^[0-9]{1,9}(ms|s|m|h|d)$',
  size: '^[0-9]{1,7}(KiB|MiB|GiB|TiB)$',
  percent: '^[0-9]{1,3}(\\.[0-9]{1,3})?%$',
  rise: '^\\+[0-9]{1,4}(\\.[0-9]{1,3})?%$',
  budget: '^[1-9][0-9]{0,3}/(minute|hour|day|week)$',
  above: '^> ?[0-9]{1,9}$',
} as const

/** What a unit looks like, for the sentence "takes …". */
export const unitWords: Readonly<Record<Unit, string>> = {
  duration: 'a duration such as 20s (ms, s, m, h or d)',
  size: 'a size such as 256MiB (KiB, MiB, GiB or TiB)',
  percent: 'a percentage such as 65%',
  rise: 'a rise such as +20%',
  budget: 'a budget such as 1/day (minute, hour, day or week)',
  above: 'a limit such as "> 0"',
  cores: 'a number of cores such as 0.25',
}

/** A duration in ms: `20s` → 20000. The text has passed its pattern. */
export function durationOf(text: string): number {
  const [, count = '0', unit = 'ms'] = /^(\d+)(\D+)$/.exec(text) ?? []
  return Number(count) * durationMs[unit as keyof typeof durationMs]
}

/** A size in bytes: `256MiB` → 268435456. */
export function sizeOf(text: string): number {
  const [, count = '0', unit = 'KiB'] = /^(\d+)(\D+)$/.exec(text) ?? []
  return Number(count) * sizeBytes[unit as keyof typeof sizeBytes]
}

/** A share from 0 to 1: `65%` → 0.65. */
export function shareOf(text: string): number {
  return Number(text.replace(/[+%]/g, '')) / 100
}

/** The number of `> 0`. */
export function aboveOf(text: string): number {
  return Number(text.replace(/^> ?/, ''))
}

/** What a text written by hand comes to (ms, bytes); undefined where it is no such quantity. */
export function quantityOf(unit: 'duration' | 'size', text: string): number | undefined {
  return new RegExp(unitPatterns[unit]).test(text) ? measureOf(unit, text) : undefined
}

/** The value of a quantity as a number, to compare it with a bound. */
export function measureOf(unit: Unit, value: string | number): number {
  if (typeof value === 'number') return value
  if (unit === 'duration') return durationOf(value)
  if (unit === 'size') return sizeOf(value)
  return unit === 'above' ? aboveOf(value) : shareOf(value)
}

/** What was probably meant, spelled right; undefined where nobody can tell. */
export function mendedUnit(unit: Unit, text: string): string | undefined {
  if (text.length > 40) return undefined
  const [, count = '', rest = ''] = /^\s*[+>]?\s*([\d.]+)\s*(.*?)\s*$/.exec(text) ?? []
  const number = Number(count)
  if (count === '' || !Number.isFinite(number)) return undefined
  const word = rest.toLowerCase()
  switch (unit) {
    case 'duration':
      return mendedDuration(number, word)
    case 'size':
      return mendedSize(number, word)
    case 'percent':
      return word === '' && number > 0 && number < 1 ? `${round(number * 100)}%` : `${count}%`
    case 'rise':
      return `+${count}%`
    case 'budget':
      return mendedBudget(number, word)
    case 'above':
      return `"> ${Math.floor(number)}"`
    case 'cores':
      return word === 'm' ? String(round(number / 1000)) : String(number)
  }
}

const durationWords: readonly (readonly [RegExp, keyof typeof durationMs])[] = [
  [/^(?:ms|msecs?|millis|milliseconds?)$/, 'ms'],
  [/^(?:|s|secs?|seconds?)$/, 's'],
  [/^(?:m|mins?|minutes?)$/, 'm'],
  [/^(?:h|hrs?|hours?)$/, 'h'],
  [/^(?:d|days?)$/, 'd'],
]

function mendedDuration(number: number, word: string): string | undefined {
  if (/^(?:w|weeks?)$/.test(word)) return mendedDuration(number * 7, 'd')
  const unit = durationWords.find(([pattern]) => pattern.test(word))?.[1]
  if (unit === undefined) return undefined
  if (Number.isInteger(number)) return `${number}${unit}`
  const ms = Math.round(number * durationMs[unit])
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`
}

function mendedSize(number: number, word: string): string | undefined {
  const letter = /^([kmgt]?)i?b?$/.exec(word)?.[1]
  if (letter === undefined) return undefined
  const unit = `${(letter === '' ? 'm' : letter).toUpperCase()}iB`
  if (Number.isInteger(number)) return `${number}${unit}`
  const smaller = { MiB: 'KiB', GiB: 'MiB', TiB: 'GiB' }[unit] ?? 'KiB'
  return `${Math.round(number * 1024)}${smaller}`
}

function mendedBudget(number: number, word: string): string | undefined {
  const unit = /(minute|hour|day|week)/.exec(word)?.[1]
  const count = Math.max(1, Math.floor(number))
  return unit === undefined ? `${count}/day` : `${count}/${unit}`
}

function round(number: number): number {
  return Math.round(number * 1_000) / 1_000
}
