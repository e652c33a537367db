/** What differs between two texts, line by line, in order. */
export interface DifferentLine {
  readonly kind: 'same' | 'added' | 'removed'
  readonly text: string
}

/** Above this many lines times lines the texts are told apart as wholes. */
const cellsMax = 4_000_000

/** The longest common run of lines stays, everything else goes or comes. */
export function lineDifference(before: string, after: string): readonly DifferentLine[] {
  const [old, fresh] = [linesOf(before), linesOf(after)]
  if (old.length * fresh.length > cellsMax) {
    return [
      ...old.map((text) => line('removed', text)),
      ...fresh.map((text) => line('added', text)),
    ]
  }
  const lengths = commonLengths(old, fresh)
  const found: DifferentLine[] = []
  let [i, j] = [0, 0]
  while (i < old.length || j < fresh.length) {
    const [a, b] = [old[i], fresh[j]]
    if (a !== undefined && a === b) {
      found.push(line('same', a))
      i++
      j++
    } else if (
      b === undefined ||
      (a !== undefined && lengthAt(lengths, i + 1, j) >= lengthAt(lengths, i, j + 1))
    ) {
      found.push(line('removed', a ?? ''))
      i++
    } else {
      found.push(line('added', b))
      j++
    }
  }
  return found
}

/** By place in both: how many lines the rests have in common, in order. */
function commonLengths(old: readonly string[], fresh: readonly string[]): readonly Uint32Array[] {
  const rows = Array.from({ length: old.length + 1 }, () => new Uint32Array(fresh.length + 1))
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = fresh.length - 1; j >= 0; j--) {
      const row = rows[i]
      if (row === undefined) continue
      row[j] =
        old[i] === fresh[j]
          ? lengthAt(rows, i + 1, j + 1) + 1
          : Math.max(lengthAt(rows, i + 1, j), lengthAt(rows, i, j + 1))
    }
  }
  return rows
}

function lengthAt(rows: readonly Uint32Array[], i: number, j: number): number {
  return rows[i]?.[j] ?? 0
}

function line(kind: DifferentLine['kind'], text: string): DifferentLine {
  return { kind, text }
}

function linesOf(text: string): readonly string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}
