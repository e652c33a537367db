import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { Refusal, systemCodeOf } from '../../base/errors.ts'
import type { ChainLine } from '../../parts/audit/plan-verify.ts'
import { segmentsIn } from './segment-names.ts'

/** A seal that is being written ends within this time, in ms; what is torn then stays torn. */
const sealMs = 1_000

/**
 * The lines of a chain that lies in a folder of segments, or in one file as it was exported; the
 * server may go on writing meanwhile. Refusal `audit-missing` where there is none.
 */
export async function* readChain(place: string, clock: Clock): AsyncGenerator<ChainLine> {
  const files = await filesOf(place)
  for (const [index, file] of files.entries()) {
    yield* linesOf(file, index === files.length - 1 ? clock : undefined)
  }
}

async function filesOf(place: string): Promise<string[]> {
  try {
    if (!(await stat(place)).isDirectory()) return [place]
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') throw missing(place)
    throw error
  }
  const segments = await segmentsIn(place)
  if (segments.length === 0) throw missing(place)
  return segments.map(({ name }) => join(place, name))
}

/** With a clock a torn end is read once more: it may only be on its way. */
async function* linesOf(file: string, clock: Clock | undefined): AsyncGenerator<ChainLine> {
  let text = await readFile(file, 'utf8')
  if (clock !== undefined && !text.endsWith('\n')) {
    await clock.sleep(sealMs)
    text = await readFile(file, 'utf8')
  }
  const lines = text.split('\n')
  const torn = lines.pop()
  const segment = basename(file)
  for (const [index, line] of lines.entries()) {
    yield { segment, line: index + 1, text: line, isWhole: true }
  }
  if (torn !== undefined && torn !== '') {
    yield { segment, line: lines.length + 1, text: torn, isWhole: false }
  }
}

function missing(place: string): Refusal {
  return new Refusal('audit-missing', `there is no audit chain in ${place}`, {
    hint: 'name a data folder with --data; or with --from a folder of segments, or an export',
  })
}
