import Type, { type Static } from 'typebox'
import { Refusal } from '../base/errors.ts'

/** Paging, the same for every list: `?limit=` and `?cursor=`, answered with `{ items, next? }`. */

/** Items in one answer at the most; a larger list is read page by page. */
export const pageLimitMax = 1_000

/** Items in one answer when the caller does not say. */
const pageLimitDefault = 200

/** The members that a list's query schema spreads in. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: pageLimitMax })),
  /** The `next` of the page before. */
  cursor: Type.Optional(Type.String({ maxLength: 1_024 })),
}

const PageQuery = Type.Object(pageQuery)
export type PageQuery = Static<typeof PageQuery>

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[]
  /** Ask with it as `cursor`; absent on the last page. */
  readonly next?: string
}

/** The schema of a list's answer. */
export function pageSchema<Item extends Type.TSchema>(item: Item) {
  return Type.Object({ items: Type.Array(item), next: Type.Optional(Type.String()) })
}

/**
 * Cuts one page out of `all`, in the order of `positionOf` (ascending unless `newestFirst`).
 *
 * A position is unique and never changes, so a page is right even when items come and go between
 * two calls. Throws a Refusal `cursor-invalid` for a cursor that no list has given out.
 */
export function pageOf<T>(
  all: Iterable<T>,
  query: PageQuery,
  positionOf: (item: T) => string,
  newestFirst = false,
): Page<T> {
  const after = query.cursor === undefined ? undefined : positionIn(query.cursor)
  const sign = newestFirst ? -1 : 1
  const placed: { item: T; position: string }[] = []
  for (const item of all) {
    const position = positionOf(item)
    if (after === undefined || compare(position, after) * sign > 0) placed.push({ item, position })
  }
  placed.sort((a, b) => compare(a.position, b.position) * sign)
  const limit = query.limit ?? pageLimitDefault
  const items = placed.slice(0, limit).map(({ item }) => item)
  const last = placed[limit - 1]
  return placed.length > limit && last !== undefined
    ? { items, next: cursorOf(last.position) }
    : { items }
}

/** A position that sorts by time, then by a name that makes it unique. */
export function timePosition(at: number, name: string): string {
  return `${Math.trunc(at).toString().padStart(16, '0')} ${name}`
}

const cursorPrefix = 'c1:'

function cursorOf(position: string): string {
  return Buffer.from(cursorPrefix + position).toString('base64url')
}

function positionIn(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString()
  if (text.startsWith(cursorPrefix) && cursorOf(text.slice(cursorPrefix.length)) === cursor) {
    return text.slice(cursorPrefix.length)
  }
  throw new Refusal('cursor-invalid', 'the cursor is none that a list has given out', {
    hint: 'pass the `next` of the page before, unchanged, or leave `cursor` out',
    path: '/query/cursor',
  })
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
