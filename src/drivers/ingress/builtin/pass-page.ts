import type { IncomingMessage, ServerResponse } from 'node:http'
import { setCookie } from './cookies.ts'
import { answerText, failureHeader } from './failure-answer.ts'
import type { Entrance } from './headers.ts'
import type { PassIndex } from './pass-index.ts'
import { passName } from './reception.ts'

/**
 * The links that make a browser a tester's and a customer's again: `/.roadstead/test/TOKEN` and
 * `/.roadstead/test/end`, at every host of a public entrance.
 */

/** What a tester is told whose token is good for nothing (any more). */
export const passRefused =
  'this pass for a release is unknown or has expired; open /.roadstead/test/end to be a customer again'

/** Tokens are base64url; nothing else may get into a header. */
const testPath = /^\/\.roadstead\/test\/([\w.~-]{1,200})(?:\?|$)/

/** What follows `/.roadstead/test/` in a request to read that page; undefined: it is another one. */
export function testPathOf({ method, url = '' }: IncomingMessage): string | undefined {
  if (!url.startsWith('/.roadstead/test/') || (method !== 'GET' && method !== 'HEAD')) {
    return undefined
  }
  return testPath.exec(url)?.[1] ?? ''
}

/** Gives the browser the token as a cookie, or takes it away, and sends it to the start page. */
export function answerTestPage(
  res: ServerResponse,
  word: string,
  passes: PassIndex,
  entrance: Entrance,
  now: number,
): void {
  const { isSecure } = entrance
  if (word === 'end') return begin(res, setCookie(passName, '', { isSecure, maxAgeSeconds: 0 }))
  const good = passes.find(word, now)
  if (good === undefined)
    return answerText(res, 403, passRefused, { [failureHeader]: 'release-pass' })
  const maxAgeSeconds = Math.max(1, Math.floor((good.until - now) / 1_000))
  begin(res, setCookie(passName, word, { isSecure, maxAgeSeconds }))
}

function begin(res: ServerResponse, cookie: string): void {
  const headers = { location: '/', 'set-cookie': cookie, 'referrer-policy': 'no-referrer' }
  answerText(res, 302, 'go to the start page', headers)
}
