import { Refusal } from '../base/errors.ts'

/** A URL's length at the most, in bytes: longer than any list's query with its cursor. */
const urlLengthMax = 4_096

/**
 * Encodings that two readers might decode to two different paths: dot, slash, backslash, NUL,
 * and the percent sign itself (double encoding).
 */
const ambiguousEncoding = /%(?:2e|2f|5c|00|25)/i

/** Empty, `.` and `..` segments, backslashes, and anything that is no printable ASCII. */
const ambiguousPath = /\/\/|\/\.{1,2}(?:\/|$)|[\\]|[^!-~]/

/**
 * Refuses a request target that has a second spelling, so that what is authorised and what is
 * served can never differ.
 */
export function checkCanonical(target: string): void {
  if (target.length > urlLengthMax) {
    throw new Refusal('url-too-long', `the URL is longer than ${urlLengthMax} bytes`, {
      status: 414,
    })
  }
  const path = pathOf(target)
  if (path.startsWith('/') && !ambiguousEncoding.test(path) && !ambiguousPath.test(path)) return
  throw new Refusal('path-not-canonical', 'the path is not in its canonical form', {
    hint: 'send a path without //, dot segments, backslashes, or encoded dots and slashes',
  })
}

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}
