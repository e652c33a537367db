import { Composer, Lexer, Parser, visit } from 'yaml'
import type { Document, LineCounter, YAMLParseError } from 'yaml'
import { faultsMax, type FaultList, type Spot } from './faults.ts'
import { addSyntaxFault } from './yaml-faults.ts'

/** Blocks inside blocks: a manifest needs 9. */
export const depthMax = 32

/**
 * Tokens that may be open at once while the text is parsed: a level of nesting holds up to three.
 * Stops a 20,000-deep document before anything recurses over it.
 */
const openTokensMax = depthMax * 3 + 8

/** Words and marks of the text: a value takes about five, so this is beyond `nodesMax`. */
const lexemesMax = 100_000

/** Tokens first, counted as they come and as they open; then the document, which recurses. */
export function compose(
  text: string,
  file: string,
  lines: LineCounter,
  faults: FaultList,
): Document.Parsed | undefined {
  const spotAt = (offset: number, words: string): Spot => {
    const { line, col } = lines.linePos(offset)
    return { place: { file, line, column: col, words, layer: 'app' }, path: [] }
  }
  const parser = new Parser(lines.addNewLine)
  const tokens = []
  let lexemes = 0
  lines.addNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token)
    if (parser.stack.length > openTokensMax) {
      const message = `blocks are nested more than ${depthMax} deep`
      const spot = spotAt(parser.offset - lexeme.length, lexeme.slice(0, 80))
      faults.add('too-deep', spot, message, 'a manifest needs no more than nine')
      return undefined
    }
    if (++lexemes > lexemesMax) {
      const message = `the file holds more than ${lexemesMax} words and marks`
      faults.add('too-many-nodes', spotAt(parser.offset, ''), message, 'is it a manifest?')
      return undefined
    }
  }
  for (const token of parser.end()) tokens.push(token)
  const composer = new Composer({ uniqueKeys: false, merge: false, logLevel: 'silent' })
  const documents = [...composer.compose(tokens, true, text.length)]
  const [document, second] = documents as Document.Parsed[]
  /** One mistake makes the parser complain of all that follows it in the line. */
  const linesSaid = new Set<number>()
  for (const problem of document?.errors.slice(0, faultsMax) ?? []) {
    const { line } = lines.linePos(problem.pos[0])
    const start = openQuoteOf(document, problem) ?? problem.pos[0]
    if (!linesSaid.has(line)) addSyntaxFault(problem, start, text, file, lines, faults)
    linesSaid.add(line)
  }
  if (!faults.isEmpty) return undefined
  if (second === undefined) return document
  const hint = 'keep one document; everything after `---` belongs in another file'
  faults.add('yaml-syntax', spotAt(second.range[0], '---'), 'a second document begins here', hint)
  return undefined
}

/** Where a quote begins that is never closed: the parser notices at the end of the file only. */
function openQuoteOf(document: Document.Parsed | undefined, problem: YAMLParseError) {
  if (document === undefined || problem.code !== 'MISSING_CHAR') return undefined
  let start: number | undefined
  visit(document, {
    Scalar(_key, { range, type }) {
      const isQuoted = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE'
      if (isQuoted && range != null && range[1] >= problem.pos[0]) start = range[0]
    },
  })
  return start
}
