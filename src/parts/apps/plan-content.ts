import { digestOfData, type Digest } from '../../base/digest.ts'
import type { Release } from './model.ts'

/**
 * What a release is made of, apart from what it is called, and how two of them differ, field by
 * field. New members of a release are compared without a line here.
 */

/** What a release is called, where it came from, and what it follows: none of it is asked for. */
type Label =
  | 'id'
  | 'at'
  | 'number'
  | 'version'
  | 'manifest'
  | 'promotedFrom'
  | 'carried'
  | 'planHash'
  | 'createdBy'
  | 'createdAt'

/** All that decides what runs. */
export type Contents = Omit<Release, Label>

/** One field that differs; null where there is nothing. */
export interface FieldChange {
  /** `env.DATABASE_URL`, `resources.memoryBytes`. */
  readonly path: string
  readonly from: unknown
  readonly to: unknown
}

export function contentsOf(release: Release): Contents {
  const {
    id: _id,
    at: _at,
    number: _number,
    version: _version,
    manifest: _manifest,
    promotedFrom: _promotedFrom,
    carried: _carried,
    planHash: _planHash,
    createdBy: _createdBy,
    createdAt: _createdAt,
    ...contents
  } = release
  return contents
}

const contentDigests = new WeakMap<Release, Digest>()

/**
 * The digest of a release's contents: equal when the same would run, whatever the manifest's
 * comments, the order of its services, and the version's name. Releases are immutable, so each is
 * digested once.
 */
export function contentDigest(release: Release): Digest {
  const known = contentDigests.get(release)
  if (known !== undefined) return known
  const digest = digestOfData(canonical(contentsOf(release)))
  contentDigests.set(release, digest)
  return digest
}

/** Things with names by their names; what is empty is as if it was not there. */
function canonical(data: unknown): unknown {
  if (Array.isArray(data)) {
    const items = data.map(canonical)
    return hasNames(items) ? items.toSorted(byName) : items
  }
  if (!isObject(data)) return data
  const members = Object.entries(data).map(([name, value]) => [name, canonical(value)] as const)
  return Object.fromEntries(members.filter(([, value]) => !isEmpty(value)))
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** Every field in which two values differ, in the order of `to`, then what is gone. */
export function fieldChanges(from: unknown, to: unknown, path = ''): FieldChange[] {
  if (isObject(from) && isObject(to) && !isWhole(from) && !isWhole(to)) {
    return memberChanges(from, to, path)
  }
  if (hasNames(from) && hasNames(to) && from.length + to.length > 0) {
    return memberChanges(membersByName(from), membersByName(to), path)
  }
  if (digestOfData([canonical(from)]) === digestOfData([canonical(to)])) return []
  return [{ path, from: from ?? null, to: to ?? null }]
}

function memberChanges(
  from: Readonly<Record<string, unknown>>,
  to: Readonly<Record<string, unknown>>,
  path: string,
): FieldChange[] {
  const names = [...new Set([...Object.keys(to), ...Object.keys(from)])]
  const under = path === '' ? '' : `${path}.`
  return names.flatMap((name) => fieldChanges(from[name], to[name], `${under}${name}`))
}

interface Named {
  readonly name: string
}

function hasNames(value: unknown): value is readonly Named[] {
  return Array.isArray(value) && value.every((item) => isObject(item) && 'name' in item)
}

function membersByName(items: readonly Named[]): Record<string, unknown> {
  return Object.fromEntries(items.map(({ name, ...rest }) => [name, rest]))
}

function byName(a: Named, b: Named): number {
  return a.name < b.name ? -1 : 1
}

/** Told as one value: an artifact is its digest, a probe or a reference what it says. */
function isWhole(value: Readonly<Record<string, unknown>>): boolean {
  return 'digest' in value || 'kind' in value || 'secret' in value
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
