import type { Outcome, ReportLine } from '../../compose/report.ts'
import { toned, type Tone } from '../terminal/output.ts'

/** The report of an import, as it is shown. */

const outcomes: Readonly<Record<Outcome, { mark: string; tone: Tone; words: string }>> = {
  carried: { mark: '=', tone: 'well', words: 'carried over' },
  changed: { mark: '~', tone: 'moving', words: 'changed' },
  dropped: { mark: '-', tone: 'quiet', words: 'not carried and not missed' },
  open: { mark: '!', tone: 'wrong', words: 'not carried, for you to decide' },
  fault: { mark: '✗', tone: 'wrong', words: 'wrong' },
}

/** Each line with its place, its mark and what to do; under the name of each file. */
export function reportLines(lines: readonly ReportLine[]): string[] {
  const shown: string[] = []
  let file = ''
  for (const line of lines) {
    if (line.file !== file) shown.push(toned(printable(line.file), 'quiet'))
    file = line.file
    const { mark, tone } = outcomes[line.outcome]
    const subject = line.path === '' ? '' : `${printable(line.path)}: `
    const place = String(line.line).padStart(5)
    shown.push(`${toned(place, 'quiet')} ${toned(mark, tone)} ${subject}${printable(line.said)}`)
    if (line.advice !== '') shown.push(toned(`        → ${printable(line.advice)}`, 'quiet'))
  }
  return shown
}

/** `12 carried over (=) · 3 changed (~)`. */
export function reportSummary(lines: readonly ReportLine[]): string {
  const counted = countsOf(lines)
  const parts = Object.entries(outcomes).flatMap(([outcome, { mark, words }]) => {
    const count = counted[outcome as Outcome]
    return count === 0 ? [] : [`${count} ${words} (${mark})`]
  })
  return parts.join(' · ')
}

/** How many lines have each outcome. */
export function countsOf(lines: readonly ReportLine[]): Record<Outcome, number> {
  const counts = { carried: 0, changed: 0, dropped: 0, open: 0, fault: 0 }
  for (const { outcome } of lines) counts[outcome]++
  return counts
}

/** What would move the cursor, or hide, as a question mark. */
function printable(text: string): string {
  return text.replace(/[^\P{C}]|[\u2028\u2029]/gu, '?')
}
