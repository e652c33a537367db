import { styleText } from 'node:util'

/**
 * What commands print. Results go to standard output, remarks about them to standard error, so that
 * a pipe gets results alone; colours appear on a terminal only (styleText looks for itself).
 */

/** A column of a table: its title, and how a row fills it. */
export interface Column<Row> {
  readonly title: string
  /** Numbers stand at the right. */
  readonly align?: 'left' | 'right'
  readonly of: (row: Row) => string
}

/** Prints rows under their titles, aligned, without borders; with no rows it prints `whenEmpty`. */
export async function printTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  whenEmpty: string,
): Promise<void> {
  if (rows.length === 0) return remark(whenEmpty)
  const { default: Table } = await import('cli-table3')
  const table = new Table({
    head: columns.map((column) => styleText('bold', column.title)),
    colAligns: columns.map((column) => column.align ?? 'left'),
    chars: borderless,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2, compact: true },
  })
  for (const row of rows) table.push(columns.map((column) => column.of(row)))
  for (const line of table.toString().split('\n')) print(line.trimEnd())
}

/** Prints names and values in two columns, for one thing's details. */
export function printFields(fields: readonly (readonly [name: string, value: string])[]): void {
  const width = Math.max(...fields.map(([name]) => name.length))
  for (const [name, value] of fields) {
    print(`${styleText('bold', name.padEnd(width))}  ${value}`)
  }
}

/** Prints one line of the result. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** Prints data as the API gave it, for `--json`. */
export function printJson(data: unknown): void {
  print(JSON.stringify(data, null, 2))
}

/** Prints a line that is not part of the result. */
export function remark(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** What a state means for people, as a colour: well, under way, wrong, or of no importance. */
export type Tone = 'well' | 'moving' | 'wrong' | 'quiet'

const colours = { well: 'green', moving: 'yellow', wrong: 'red', quiet: 'dim' } as const

/** A word in the colour of its tone. */
export function toned(word: string, tone: Tone): string {
  return styleText(colours[tone], word)
}

const borderless = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
}
