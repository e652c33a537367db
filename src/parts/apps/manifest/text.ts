import type { FaultList } from './faults.ts'
import type { Place } from './tree.ts'

/** Guards that look at the text of a file before YAML does. */

/** Rule 6: a larger document is refused before it is parsed. */
export const textBytesMax = 1_048_576

/**
 * Characters that a reader cannot see, or that change what he sees: controls but tab and line
 * breaks, marks and overrides of direction, zero-width and invisible ones, odd line separators,
 * halves of surrogate pairs.
 */
const hidden = new RegExp(
  [
    '[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]',
    '[\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]',
    '\\p{Surrogate}',
  ].join('|'),
  'gu',
)

/** Occurrences that are listed; a binary file would have thousands. */
const listedMax = 5

/** Names of those that people meet; others are told by their number. */
const names: Readonly<Record<number, string>> = {
  0x00: 'NUL',
  0x1b: 'escape',
  0xad: 'soft hyphen',
  0x200b: 'zero-width space',
  0x200c: 'zero-width non-joiner',
  0x200d: 'zero-width joiner',
  0x200e: 'left-to-right mark',
  0x200f: 'right-to-left mark',
  0x202a: 'left-to-right embedding',
  0x202b: 'right-to-left embedding',
  0x202d: 'left-to-right override',
  0x202e: 'right-to-left override',
  0x2066: 'left-to-right isolate',
  0x2067: 'right-to-left isolate',
  0xfeff: 'byte order mark',
}

/** Whether the text is worth parsing; adds a fault for each reason why not. */
export function checkText(text: string, file: string, faults: FaultList): boolean {
  if (isTooLarge(text)) {
    const spot = { place: placeIn(text, file, 0, ''), path: [] }
    const size = `${(Buffer.byteLength(text) / textBytesMax).toFixed(1)} MiB`
    faults.add(
      'too-large',
      spot,
      `the file is ${size}; 1 MiB is the most that is read`,
      'is it a manifest?',
    )
    return false
  }
  let count = 0
  for (const match of text.matchAll(hidden)) {
    /** A byte order mark is fine where it belongs. */
    if (match.index === 0 && match[0] === '\ufeff') continue
    if (++count > listedMax) break
    const spot = { place: placeIn(text, file, match.index, match[0]), path: [] }
    faults.add(
      'hidden-character',
      spot,
      `${nameOf(match[0])} hides in this line`,
      'delete the character',
    )
  }
  return count === 0
}

/** The first hidden character of a value that was written with an escape, or undefined. */
export function hiddenIn(value: string): string | undefined {
  const found = value.match(hidden)?.[0]
  return found === undefined ? undefined : nameOf(found)
}

/** Never measures a text that is surely too long: a UTF-16 unit is a byte at least. */
function isTooLarge(text: string): boolean {
  return text.length > textBytesMax || Buffer.byteLength(text) > textBytesMax
}

function nameOf(character: string): string {
  const code = character.codePointAt(0) ?? 0
  const number = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  return names[code] === undefined ? `the character ${number}` : `a ${names[code]} (${number})`
}

function placeIn(text: string, file: string, offset: number, words: string): Place {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return { file, line, column: offset - before.lastIndexOf('\n'), words, layer: 'app' }
}
