import { get } from 'node:http'
import { connect } from 'node:net'
import type { Clock } from '../../base/clock.ts'

/**
 * Asks the roles whether they are there. On bare node:http, since this lives in the supervisor for
 * as long as `up` runs, and its memory counts.
 */

/** One question's time at the most, in ms. */
const askMsMax = 2_000

/** Time between two questions while waiting, in ms. */
const askEveryMs = 25

/** An answer's length at the most: what the supervisor reads are short lists. */
const answerBytesMax = 4 * 1024 * 1024

/** A JSON answer of the API; undefined when there is none, or no good one. */
export function readJson(url: string, token: string | undefined): Promise<unknown> {
  return new Promise((resolve) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const request = get(url, { headers, timeout: askMsMax, agent: false }, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size > answerBytesMax) response.destroy()
      })
      response.on('error', () => resolve(undefined))
      response.on('close', () => {
        resolve(response.statusCode === 200 ? parsed(Buffer.concat(chunks)) : undefined)
      })
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(undefined))
  })
}

/** Whether somebody accepts connections on a port of 127.0.0.1. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', timeout: askMsMax })
    const finish = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => finish(true))
    socket.once('timeout', () => finish(false))
    socket.once('error', () => finish(false))
  })
}

/** Asks until the answer is yes (true) or `waitMs` have passed or the signal aborts (false). */
export async function waitUntil(
  question: () => Promise<boolean>,
  waitMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  const until = clock.monotonic() + waitMs
  while (!signal.aborted && clock.monotonic() < until) {
    if (await question()) return true
    await clock.sleep(askEveryMs, signal).catch(() => {})
  }
  return false
}

function parsed(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString())
  } catch {
    return undefined
  }
}
