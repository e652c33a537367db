/** What changed between two versions of a record, field by field, for people who ask what happened. */

/** One field; `before` is absent where it came, `after` where it went. */
export interface ChangedField {
  /** `scale.storefront`, `steps.2.state`. */
  readonly path: string
  readonly before?: unknown
  readonly after?: unknown
}

/** Fields of one change that are told at the most: a release with its manifest has some hundred. */
const fieldsMax = 100

/** Characters of one value at the most; a longer text is cut, other data is told by its size. */
const valueCharsMax = 400

/** The fields that differ, in the order in which the newer version has them. */
export function planDifference(before: unknown, after: unknown): readonly ChangedField[] {
  const fields: ChangedField[] = []
  compare('', before, after, fields)
  return fields
}

function compare(path: string, before: unknown, after: unknown, fields: ChangedField[]): void {
  if (fields.length >= fieldsMax || isSame(before, after)) return
  const isTree = isBranch(before) || isBranch(after)
  const isTreeOrNothing = (value: unknown): boolean =>
    value === undefined || isBranch(value) || isEmpty(value)
  if (isTree && isTreeOrNothing(before) && isTreeOrNothing(after)) {
    const names = new Set([...Object.keys(after ?? {}), ...Object.keys(before ?? {})])
    for (const name of names) {
      const inner = path === '' ? name : `${path}.${name}`
      compare(inner, memberOf(before, name), memberOf(after, name), fields)
    }
    return
  }
  fields.push({
    path,
    ...(before === undefined ? {} : { before: shortened(before) }),
    ...(after === undefined ? {} : { after: shortened(after) }),
  })
}

/** Objects and lists of objects are gone into; a list of plain values is one value. */
function isBranch(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  if (!Array.isArray(value)) return Object.keys(value).length > 0
  return value.some((item) => typeof item === 'object' && item !== null)
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}

function isSame(before: unknown, after: unknown): boolean {
  if (before === after) return true
  return before !== undefined && JSON.stringify(before) === JSON.stringify(after)
}

function shortened(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.length <= valueCharsMax ? value : `${value.slice(0, valueCharsMax - 1)}…`
  }
  const text = JSON.stringify(value)
  return text === undefined || text.length <= valueCharsMax ? value : `${text.length} characters`
}
