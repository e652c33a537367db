import type { FaultList } from '../parts/apps/manifest/faults.ts'
import { interpolate, type Variable, type Variables } from './interpolate.ts'

/** Variables that one file may set. */
const variablesMax = 2_000

interface EnvFileOptions {
  /** As it is called in the report. */
  readonly file: string
  /** What variables in values mean, and names that stand without a value. */
  readonly outer: Variables
  /** Values are taken as they stand: `format: raw`. */
  readonly isRaw?: boolean
}

/** Reads the lines of an env file, in which later ones count more than earlier ones. */
export function readEnvFile(
  text: string,
  options: EnvFileOptions,
  faults: FaultList,
): Map<string, Variable> {
  const { file, outer, isRaw = false } = options
  const found = new Map<string, Variable>()
  const known = new Map(outer)
  for (const { line, source } of linesOf(text)) {
    const refuse = (code: 'variable-refused' | 'variable-unset', message: string, hint: string) => {
      const place = { file, line, column: 1, words: '', layer: 'app' }
      faults.add(code, { place, path: [] }, message, hint)
    }
    const [, name, rest] = /^(?:export\s+)?([^\s=]+)\s*(?:=([^]*))?$/.exec(source) ?? []
    if (name === undefined || !/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) {
      refuse('variable-refused', 'the line sets no variable', 'write NAME=value')
      continue
    }
    if (found.size >= variablesMax) {
      refuse('variable-refused', `the file sets more than ${variablesMax} variables`, 'split it')
      break
    }
    if (rest === undefined) {
      const given = outer.get(name)
      if (given !== undefined) found.set(name, given)
      continue
    }
    const { value, isLiteral } = isRaw ? { value: rest, isLiteral: true } : unquoted(rest.trim())
    const filled = isLiteral ? undefined : interpolate(value, known)
    if (filled?.problem !== undefined) {
      const { code, message, hint } = filled.problem
      refuse(code, message, hint)
    }
    const variable = { value: filled?.text ?? value, from: `${file}:${line}` }
    found.set(name, variable)
    if (!outer.has(name)) known.set(name, variable)
  }
  return found
}

/** Lines that say something; a value in double or single quotes may run over several. */
function linesOf(text: string): { line: number; source: string }[] {
  const found: { line: number; source: string }[] = []
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1
    let source = lines[at]!.trim()
    if (source === '' || source.startsWith('#')) continue
    const quote = /=\s*(["'])/.exec(source)?.[1]
    if (quote !== undefined) {
      const start = source.indexOf(quote)
      while (!isClosed(source, start, quote) && at + 1 < lines.length) source += `\n${lines[++at]!}`
    }
    found.push({ line, source })
  }
  return found
}

function isClosed(source: string, start: number, quote: string): boolean {
  return closingQuote(source, start, quote) > 0
}

function closingQuote(source: string, start: number, quote: string): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\' && quote === '"') at++
    else if (source[at] === quote) return at
  }
  return -1
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
}

/** Single quotes hold a literal; double ones and none are filled in; ` #` begins a comment. */
function unquoted(source: string): { value: string; isLiteral: boolean } {
  const [quote] = source
  if (quote === "'" || quote === '"') {
    const end = closingQuote(source, 0, quote)
    const inner = source.slice(1, end < 0 ? undefined : end)
    if (quote === "'") return { value: inner, isLiteral: true }
    const value = inner.replace(
      /\\([nrt"\\])/g,
      (_all, letter: string) => escapes[letter] ?? letter,
    )
    return { value, isLiteral: false }
  }
  return { value: source.replace(/(^|\s)#.*$/, '').trim(), isLiteral: false }
}
