import { readdir } from 'node:fs/promises'
import { systemCodeOf } from '../../base/errors.ts'
import type { Segment } from '../../parts/audit/driver.ts'

/** `000000000042.jsonl`: the first revision in it, so that the names' order is the chain's. */
const namePattern = /^(\d{12,16})\.jsonl$/

export function segmentOf(first: number): Segment {
  return { name: `${String(first).padStart(12, '0')}.jsonl`, first }
}

/** The segments in a folder, oldest first; none when there is no such folder. */
export async function segmentsIn(directory: string): Promise<Segment[]> {
  const names = await namesIn(directory)
  return names
    .flatMap((name) => {
      const first = namePattern.exec(name)?.[1]
      return first === undefined ? [] : [{ name, first: Number(first) }]
    })
    .toSorted((a, b) => a.first - b.first)
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []
    throw error
  }
}
