import type { ExplainedLineView } from '../../../../src/wire/explanation.ts'

/** Lines of a configuration, narrowed to what one layer says. */

/** A line as it is drawn. */
export interface ShownLine extends ExplainedLineView {
  /** Spaces before its text. */
  readonly indent: number
}

/** The layers that say something of these lines, the weakest first. */
export function layersOf(lines: readonly ExplainedLineView[]): string[] {
  const found = new Set(lines.flatMap(({ from }) => from?.layer ?? []))
  return [...found].toSorted((a, b) => strengthOf(a) - strengthOf(b))
}

/** `default` < `app` < `environment …` < `tenant …` < `cell …`. */
export function strengthOf(layer: string): number {
  return strengths.indexOf(layer.split(' ', 1)[0] ?? '')
}

const strengths = ['default', 'app', 'environment', 'tenant', 'cell']

/** The lines of one layer with the blocks that they stand in; undefined: all lines. */
export function linesOf(
  lines: readonly ExplainedLineView[],
  layer: string | undefined,
): readonly ShownLine[] {
  const placed = lines.map((line) => ({ ...line, indent: indentOf(line.text) }))
  if (layer === undefined) return placed
  const kept: ShownLine[] = []
  /** The blocks that the line at hand stands in; those that were shown already are gone. */
  let open: ShownLine[] = []
  for (const line of placed) {
    open = open.filter(({ indent }) => indent < line.indent)
    if (line.from === undefined) open.push(line)
    else if (line.from.layer === layer) {
      kept.push(...open, line)
      open = []
    }
  }
  return kept
}

function indentOf(text: string): number {
  return text.length - text.trimStart().length
}

/** `memory: 64MiB` as key and value; a list's item has no key. */
export function partsOf(text: string): readonly [key: string, value: string] {
  const [, key = '', value = ''] =
    /^(\s*(?:- )*(?:"[^"]*"|[^\s"#:-][^:]*):(?= |$))(.*)$/.exec(text) ?? []
  return key === '' ? ['', text] : [key, value]
}
