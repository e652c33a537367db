import type { ErrorCode, LineCounter, YAMLParseError } from 'yaml'
import type { FaultList } from './faults.ts'

/** What the parser's errors mean to somebody who only wants to mend the line. */
const explanations: Readonly<Partial<Record<ErrorCode, readonly [message: string, hint: string]>>> =
  {
    TAB_AS_INDENT: ['the line is indented with a tab', 'use two spaces for each level'],
    BAD_INDENT: [
      'the indentation fits no block above',
      'begin the line in the same column as its neighbours in the block',
    ],
    MISSING_CHAR: [
      'a character is missing',
      'look for a bracket, a brace, a quote or a comma left out',
    ],
    BLOCK_AS_IMPLICIT_KEY: [
      'a value of one line cannot hold another key',
      'put the value in quotes if it contains `: `, or the inner keys on lines of their own',
    ],
    BLOCK_IN_FLOW: [
      'inside { } or [ ] no indented block can stand',
      'put a value that contains `: ` in quotes, or close the bracket',
    ],
    MULTILINE_IMPLICIT_KEY: [
      'a key runs over several lines',
      'a colon is missing after the key, or a quote at its end',
    ],
    UNEXPECTED_TOKEN: [
      'this character makes no sense here',
      'put values that begin with a special character such as * & ! % @ ` [ { in quotes',
    ],
    BAD_SCALAR_START: ['a value cannot begin with this character', 'put the value in quotes'],
    BAD_ALIAS: [
      '`*` begins the name of an alias, and this one is not complete',
      'put "*" in quotes',
    ],
    BAD_DQ_ESCAPE: [
      'the escape in this text is not known',
      'write \\\\ for a backslash, or use single quotes',
    ],
    KEY_OVER_1024_CHARS: [
      'the key is longer than 1024 characters',
      'is a colon missing further up?',
    ],
    TAG_RESOLVE_FAILED: ['tags are not read', 'leave out the word that begins with !'],
  }

/** The mistake behind most bad aliases: the `*` that means every service. */
const bareStar = ['a bare `*` begins an alias, not a key', 'write "*" in quotes'] as const

/** Adds the parser's complaint in words of ours; its own where we have none. */
export function addSyntaxFault(
  problem: YAMLParseError,
  start: number,
  text: string,
  file: string,
  lines: LineCounter,
  faults: FaultList,
): void {
  const { line, col } = lines.linePos(start)
  const words = text
    .slice(start, start + 80)
    .split('\n', 1)[0]!
    .trimEnd()
  const place = { file, line: Math.max(1, line), column: Math.max(1, col), words, layer: 'app' }
  const lineText = text.slice(lines.lineStarts[place.line - 1] ?? 0, start)
  const isBareStar = /^\s*\*\s*:/.test(lineText)
  const [message, hint] = isBareStar ? bareStar : explanationOf(problem)
  faults.add('yaml-syntax', { place, path: [] }, message, hint)
}

function explanationOf(problem: YAMLParseError): readonly [string, string] {
  const known = explanations[problem.code]
  const own = problem.message.split('\n', 1)[0]!.replace(/ at line \d+, column \d+:?$/, '')
  if (problem.code === 'MISSING_CHAR') {
    const isQuote = own.includes('quote')
    if (isQuote) return ['the quote that is opened here is never closed', 'close it']
    return [lowerFirst(own), known![1]]
  }
  return known ?? [lowerFirst(own), 'mend the line so that it is YAML 1.2']
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}
