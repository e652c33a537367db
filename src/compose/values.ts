import { childOf, itemsOf, type MapNode, type Node } from '../parts/apps/manifest/tree.ts'

/** Values of a compose file as it spells them, and its quantities. */

/** A scalar as it is spelled; undefined for all else, and for nothing. */
export function textIn(node: Node | undefined): string | undefined {
  if (node?.kind !== 'scalar' || node.value === null) return undefined
  return typeof node.value === 'string' ? node.value : node.text
}

/** A list's scalars as they are spelled; one scalar is a list of one. */
export function textsIn(node: Node | undefined): string[] {
  if (node?.kind === 'scalar') return [textIn(node) ?? '']
  return itemsOf(node).map((item) => textIn(item) ?? '')
}

/** Whether it is `true`, bare or in quotes. */
export function isTrue(node: Node | undefined): boolean {
  return textIn(node)?.toLowerCase() === 'true'
}

/** The value under keys inside keys. */
export function within(node: MapNode, ...keys: string[]): Node | undefined {
  return keys.reduce<Node | undefined>((at, key) => childOf(at, key), node)
}

const durationUnits: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `1m30s` in ms; undefined where it is no duration. */
export function durationMs(text: string): number | undefined {
  if (!/^(?:\d{1,9}(?:\.\d{1,9})?(?:us|ms|s|m|h|d))+$/.test(text)) return undefined
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(us|ms|s|m|h|d)/g)
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * durationUnits[unit!]!, 0)
}

/** As a manifest writes it, in the largest unit that fits: `90s`. */
export function durationWords(ms: number): string {
  const whole = Math.max(1, Math.round(ms))
  if (whole % 1_000 !== 0) return `${whole}ms`
  return whole % 60_000 === 0 ? `${whole / 60_000}m` : `${whole / 1_000}s`
}

const sizeUnits: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4 }

/** `512m`, `1.5GB` or a number of bytes, in bytes; undefined where it is none of them. */
export function sizeBytes(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,15}(?:\.\d{1,9})?)\s*([kmgt]?)i?b?$/i.exec(text.trim()) ?? []
  if (count === undefined || unit === undefined) return undefined
  return Number(count) * 1024 ** sizeUnits[unit.toLowerCase()]!
}

/** As a manifest writes it, rounded up: `512MiB`. */
export function sizeWords(bytes: number): string {
  const mebibytes = Math.max(1, Math.ceil(bytes / 1024 ** 2))
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024}GiB` : `${mebibytes}MiB`
}

/** A command line as a shell splits it: quotes and backslashes, nothing else. */
export function splitWords(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote: string | undefined
  for (let at = 0; at < line.length; at++) {
    const letter = line[at]!
    if (letter === '\\' && quote !== "'" && at + 1 < line.length) word = (word ?? '') + line[++at]!
    else if (letter === quote) quote = undefined
    else if (quote !== undefined) word = (word ?? '') + letter
    else if (letter === '"' || letter === "'") {
      quote = letter
      word ??= ''
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else word = (word ?? '') + letter
  }
  if (word !== undefined) words.push(word)
  return words
}
