import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { indexKey, type SegmentIndex } from './log-index.ts'
import { LogSegment, segmentNamed, type ServiceSegments } from './log-segment.ts'

/** Finds what an earlier process left: every service, its segments, and what they hold. */
export async function recoverServices(
  directory: string,
  index: SegmentIndex,
): Promise<Map<string, ServiceSegments>> {
  const services = new Map<string, ServiceSegments>()
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    const folder = join(directory, entry.name)
    const [environment = '', tenant = '', app = '', service = ''] = entry.name.split('+')
    const cell = { environment, tenant, app }
    const segments = await recoverFolder(folder, index)
    services.set(entry.name, { folder, service, cell, segments })
  }
  return services
}

async function recoverFolder(folder: string, index: SegmentIndex): Promise<LogSegment[]> {
  const segments = new Map<number, LogSegment>()
  for (const name of (await readdir(folder)).toSorted()) {
    const found = segmentNamed(name)
    if (found === undefined) {
      // A packing that was cut off: the plain file is still there.
      if (name.endsWith('.tmp')) await rm(join(folder, name), { force: true })
      continue
    }
    const { number, isPacked } = found
    const path = join(folder, name)
    // Packed and plain side by side: the packed one is whole, the plain one was about to go.
    const plain = segments.get(number)
    if (isPacked && plain !== undefined) await plain.remove()
    const segment = new LogSegment(folder, number, isPacked)
    await segment.recover((await stat(path)).size, index[indexKey(folder, number)])
    segments.set(number, segment)
  }
  return [...segments.values()].toSorted((a, b) => a.number - b.number)
}
