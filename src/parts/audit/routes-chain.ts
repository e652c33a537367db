import Type from 'typebox'
import { Refusal } from '../../base/errors.ts'
import { atQuery } from '../../wire/history.ts'
import { AuditPage, chainLinesMax, ChainPage, CheckpointAnswer } from '../../wire/audit.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import type { AuditChain, Checkpoints } from './driver.ts'
import type { SealedRecord } from './model.ts'
import { parseLine } from './plan-verify.ts'

export interface ChainRoutesOptions {
  readonly chain: AuditChain
  readonly checkpoints: Checkpoints
}

const rule = { roles: ['operator', 'developer', 'viewer'] } as const
const tag = 'audit'

/** Records in one answer where the caller does not say. */
const recordsDefault = 50

/** Segments that one question looks through at the most: 32 MiB, half a second. */
const segmentsPerQuestion = 8

/** What was sealed, to be read, exported and verified by others. */
export function chainRoutes(options: ChainRoutesOptions): RouteDefinition[] {
  return [chainRoute(options), recordsRoute(options), checkpointRoute(options)]
}

function chainRoute({ chain }: ChainRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/audit/chain',
    rule,
    summary: 'The sealed records as they are kept, line by line, oldest first.',
    tag,
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: chainLinesMax })),
      /** The `next` of the page before. */
      cursor: Type.Optional(Type.String({ maxLength: 64 })),
    }),
    answers: { 200: ChainPage },
    async handle({ query: { cursor, limit = chainLinesMax } }) {
      const from = cursor === undefined ? undefined : placeOf(cursor)
      const segments = chain.segments()
      // A segment that was dropped since: the chain goes on with the one behind it.
      const segment = segments.find(({ first }) => from === undefined || first >= from.first)
      if (segment === undefined) return { body: { items: [] } }
      const skipped = segment.first === from?.first ? from.line : 0
      const lines = await chain.lines(segment)
      const items = lines
        .slice(skipped, skipped + limit)
        .map((text, index) => ({ segment: segment.name, line: skipped + index + 1, text }))
      const end = skipped + items.length
      const isLast = segment === segments.at(-1)
      const next = end < lines.length || !isLast ? nextOf(segment.first, end, lines) : undefined
      return { body: { items, ...(next === undefined ? {} : { next }) } }
    },
  })
}

/** Behind the last line of a segment comes whichever is the next: no revision is named twice. */
function nextOf(first: number, line: number, lines: readonly string[]): string {
  return line < lines.length ? `${first}:${line}` : `${first + 1}:0`
}

function placeOf(cursor: string): { readonly first: number; readonly line: number } {
  const [, first, line] = /^(\d{1,16}):(\d{1,9})$/.exec(cursor) ?? []
  if (first !== undefined) return { first: Number(first), line: Number(line) }
  throw new Refusal('cursor-invalid', 'the cursor is none that this list has given out', {
    path: '/query/cursor',
    hint: 'pass the `next` of the page before, unchanged',
  })
}

const RecordsQuery = Type.Object({
  before: Type.Optional(Type.Integer({ minimum: 1 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
  who: Type.Optional(Type.String({ maxLength: 128 })),
  /** A verb (`app.deploy`), or its noun with the dot (`app.`). */
  what: Type.Optional(Type.String({ maxLength: 128 })),
  /** A key, or how it begins. */
  key: Type.Optional(Type.String({ maxLength: 700 })),
  since: atQuery,
  until: atQuery,
})
type RecordsQuery = Type.Static<typeof RecordsQuery>

function recordsRoute({ chain }: ChainRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/audit/records',
    rule,
    summary: 'Sealed records, the newest first, by who, what, key and time.',
    tag,
    query: RecordsQuery,
    answers: { 200: AuditPage },
    async handle({ query }) {
      const { limit = recordsDefault, before = Infinity } = query
      const items: SealedRecord[] = []
      const segments = chain.segments().filter(({ first }) => first < before)
      for (const segment of segments.slice(-segmentsPerQuestion).toReversed()) {
        for (const line of (await chain.lines(segment)).toReversed()) {
          const record = parseLine(line)
          if (record === undefined || record.revision >= before) continue
          if (isWanted(record, query)) items.push(record)
          if (items.length === limit) return { body: { items, next: record.revision } }
        }
      }
      const next = segments.at(-segmentsPerQuestion)?.first
      const isAll = next === undefined || segments.length === segmentsPerQuestion
      return { body: isAll ? { items } : { items, next } }
    },
  })
}

function isWanted(
  record: SealedRecord,
  { who, what, key, since = -Infinity, until = Infinity }: RecordsQuery,
): boolean {
  if (record.at < since || record.at > until) return false
  if (who !== undefined && record.who !== who) return false
  if (what !== undefined && record.what !== what) {
    if (!what.endsWith('.') || !record.what.startsWith(what)) return false
  }
  return key === undefined || record.keys.some((touched) => touched.startsWith(key))
}

function checkpointRoute({ checkpoints }: ChainRoutesOptions): RouteDefinition {
  return route({
    method: 'GET',
    path: '/v1/audit/checkpoint',
    rule,
    summary: 'The newest signed checkpoint of the chain: keep it on another machine.',
    tag,
    answers: { 200: CheckpointAnswer },
    async handle() {
      const { newest, publicKey } = checkpoints
      return { body: { checkpoint: newest ?? null, publicKey } }
    },
  })
}
