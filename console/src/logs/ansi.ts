/**
 * What programs print for terminals, made safe to look at: colours become spans, all other codes
 * go, and characters that would hide or turn text are made visible. Never HTML.
 */

export interface Span {
  readonly text: string
  /** A class of logs.module.css: `red`, `brightBlue`. */
  readonly colour: string | undefined
  readonly isBold: boolean
}

const colours = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const

/** Colours and weight (`CSI … m`); every other CSI, OSC, and two-character escape. */
const codes =
  // oxlint-disable-next-line no-control-regex -- that is what terminal codes begin with
  /\u001b\[([0-9;]*)m|\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[@-_]/g

/** The text without codes, cut at `max` characters, in spans of one colour each. */
export function spansOf(text: string, max: number): readonly Span[] {
  const spans: Span[] = []
  let colour: string | undefined
  let isBold = false
  let left = max
  const put = (piece: string): void => {
    const cut = piece.slice(0, left)
    left -= cut.length
    if (cut !== '') spans.push({ text: visible(cut), colour, isBold })
  }
  // A code is never as long as this: what comes after it is not looked at for nothing.
  const looked = text.slice(0, max * 2 + 256)
  let at = 0
  for (const match of looked.matchAll(codes)) {
    put(looked.slice(at, match.index))
    at = match.index + match[0].length
    if (match[1] === undefined) continue
    for (const code of match[1].split(';').map(Number)) {
      if (code === 0) [colour, isBold] = [undefined, false]
      else if (code === 1) isBold = true
      else if (code === 22) isBold = false
      else if (code === 39) colour = undefined
      else colour = colourOf(code) ?? colour
    }
  }
  put(looked.slice(at))
  return spans
}

/** The text without codes. */
export function plainText(text: string): string {
  return visible(text.replace(codes, ''))
}

function colourOf(code: number): string | undefined {
  if (code >= 30 && code <= 37) return colours[code - 30]
  if (code >= 90 && code <= 97) return colours[code - 90]
  return undefined
}

/** Control characters, and those that turn the direction of what follows. */
// oxlint-disable-next-line no-control-regex -- these are to be seen
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

function visible(text: string): string {
  return text.replace(hidden, (character) => {
    const code = character.codePointAt(0) ?? 0
    if (code < 0x20) return String.fromCodePoint(0x2400 + code)
    return code === 0x7f ? '\u2421' : '\ufffd'
  })
}
