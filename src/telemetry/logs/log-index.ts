import { readFile, rename, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import Type, { type Static } from 'typebox'
import Value from 'typebox/value'
import { messageOf, systemCodeOf } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { ServiceSegments } from './log-segment.ts'

/**
 * What the segments hold, so that a start need not read them. It may be old: what was appended
 * since is read; it may be missing or torn: then all is.
 */
const Index = Type.Object({
  version: Type.Literal(1),
  /** By `folder/number`. */
  segments: Type.Record(
    Type.String(),
    Type.Object({
      bytes: Type.Integer({ minimum: 0 }),
      /** Since 0.3; without it the segment is looked into by every search. */
      span: Type.Optional(Type.Tuple([Type.Number(), Type.Number()])),
      instances: Type.Record(Type.String(), Type.Integer({ minimum: 0 })),
    }),
  ),
})
export type SegmentIndex = Static<typeof Index>['segments']

const fileName = 'index.json'

/** The index as it was written last; empty when there is none that can be believed. */
export async function readIndex(directory: string, log: Log): Promise<SegmentIndex> {
  try {
    const data: unknown = JSON.parse(await readFile(join(directory, fileName), 'utf8'))
    if (Value.Check(Index, data)) return data.segments
    log.warn('index of logs is not one', { directory })
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') {
      log.warn('index of logs cannot be read', { error: messageOf(error) })
    }
  }
  return {}
}

/** Replaces the index as a whole. */
export async function writeIndex(
  directory: string,
  services: ReadonlyMap<string, ServiceSegments>,
): Promise<void> {
  const segments: SegmentIndex = {}
  for (const home of services.values()) {
    for (const segment of home.segments) {
      segments[indexKey(home.folder, segment.number)] = segment.summary()
    }
  }
  const part = join(directory, `${fileName}.tmp`)
  await writeFile(part, JSON.stringify({ version: 1, segments }), { mode: 0o600 })
  await rename(part, join(directory, fileName))
}

/** A segment's name in the index. */
export function indexKey(folder: string, number: number): string {
  return `${basename(folder)}/${number}`
}
