import type { ManifestFault } from './faults.ts'

/** Characters of a source line that are shown: terminals are 100 wide. */
const lineLengthMax = 88

/**
 * A fault for a terminal: place and message, the source line with carets under the words at fault,
 * and what would be right. Plain text; colours are the CLI's.
 */
export function formatFault(fault: ManifestFault, sourceText: string): string {
  const { file, line, column, message, hint, code } = fault
  const head = `${file}:${line}:${column}: ${message}`
  const advice = hint === '' ? [] : [`  = ${hint}`]
  const source = sourceText.split('\n', line)[line - 1]?.replace(/\r$/, '')
  if (source === undefined || source.trim() === '' || line < 1) return [head, ...advice].join('\n')
  /** Whatever stands there may be a secret, and terminals are recorded. */
  const visible = code === 'secret-value' ? `${source.slice(0, column - 1)}(not shown)` : source
  const width = code === 'secret-value' ? '(not shown)'.length : Math.max(1, fault.words.length)
  const { text, offset } = windowOf(printable(visible), column - 1)
  const margin = `${line} | `
  const indent = ' '.repeat(Math.max(0, column - 1 - offset))
  const carets = '^'.repeat(Math.max(1, Math.min(width, text.length - indent.length)))
  return [
    head,
    `${margin}${text}`,
    `${' '.repeat(margin.length)}${indent}${carets}`,
    ...advice,
  ].join('\n')
}

/** Tabs as one space, and what would move the cursor as a question mark: the columns stay. */
function printable(source: string): string {
  return source.replaceAll('\t', ' ').replace(/[^\P{C}]|[\u2028\u2029]/gu, '?')
}

/** The part of a long line in which a column lies. */
function windowOf(source: string, column: number): { text: string; offset: number } {
  if (source.length <= lineLengthMax) return { text: source, offset: 0 }
  const offset = column < lineLengthMax - 20 ? 0 : column - 20
  return { text: source.slice(offset, offset + lineLengthMax), offset }
}
