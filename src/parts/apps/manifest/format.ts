import type { ManifestFault } from './faults.ts'

/** Characters of a source line that are shown: terminals are 100 wide. */
const lineLengthMax = 88

/**
 * Faults for a terminal, a text for each; `sourceOf` gives the text of a file, or undefined. A line
 * that may hold a secret is not shown, whichever of its faults is told: terminals are recorded.
 */
export function formatFaults(
  faults: readonly ManifestFault[],
  sourceOf: (file: string) => string | undefined,
): string[] {
  const secret = faults.filter(mayTellSecret)
  const isSecret = ({ file, line }: ManifestFault): boolean =>
    secret.some((other) => other.file === file && other.line === line)
  return faults.map((fault) => formatFault(fault, sourceOf(fault.file) ?? '', isSecret(fault)))
}

/** A value where a reference belongs; in a wrong form too, such as a block. */
function mayTellSecret({ code, path }: ManifestFault): boolean {
  return code === 'secret-value' || path.includes('/secrets/')
}

/**
 * A fault for a terminal: place and message, the source line with carets under the words at fault,
 * and what would be right. Plain text; colours are the CLI's.
 */
function formatFault(fault: ManifestFault, sourceText: string, hidden: boolean): string {
  const { file, line, column, message, hint } = fault
  const head = `${file}:${line}:${column}: ${message}`
  const advice = hint === '' ? [] : [`  = ${hint}`]
  const margin = `${line} | `
  if (hidden) return [head, `${margin}(not shown: it may hold a secret)`, ...advice].join('\n')
  const source = sourceText.split('\n', line)[line - 1]?.replace(/\r$/, '')
  if (source === undefined || source.trim() === '' || line < 1) return [head, ...advice].join('\n')
  const { text, offset } = windowOf(printable(source), column - 1)
  const indent = ' '.repeat(Math.max(0, margin.length + column - 1 - offset))
  const room = text.length - (column - 1 - offset)
  const carets = '^'.repeat(Math.max(1, Math.min(fault.words.length, room)))
  return [head, `${margin}${text}`, `${indent}${carets}`, ...advice].join('\n')
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
