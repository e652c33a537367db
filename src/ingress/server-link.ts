import { Agent, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { Fault, messageOf } from '../base/errors.ts'
import type { SecretRef } from '../base/secret-ref.ts'
import type { IngressReport, TableDelta } from '../parts/ingress/model.ts'
import { ingressProtocol, tableWaitMs } from '../wire/ingress-protocol.ts'
import { parseDelta } from './parse-table.ts'

/** What an ingress says to the server and asks of it. */
export interface ServerLink {
  /** What is new in the table after `version`; undefined: nothing yet. Faults only. */
  table(version: number, signal: AbortSignal): Promise<TableDelta | undefined>
  /**
   * Hands in a report; whether the server wants all series next, and whether the table is to be
   * asked for anew. Faults only.
   */
  report(report: IngressReport): Promise<{ readonly full: boolean; readonly tableAgain?: boolean }>
  close(): void
}

/** An answer is larger than this only by mistake, in bytes: 20,000 instances are 4 MB. */
const answerBytesMax = 64 * 1024 * 1024

/** Over the wait that was asked for: a server that is silent for longer is taken for dead, in ms. */
const lateMs = 5_000

/** Opens the link over HTTP, with Node's own client: the ingress needs no more of one. */
export function openServerLink(options: {
  readonly serverUrl: string
  readonly ingressId: string
  readonly token: SecretRef
}): ServerLink {
  const agent = new Agent({ keepAlive: true })
  const { newest } = ingressProtocol
  const base = `${options.serverUrl.replace(/\/$/, '')}/v1/ingresses/${options.ingressId}`
  const call = (parts: Omit<Call, 'agent' | 'token'>): Promise<Answer> =>
    send({ ...parts, token: options.token, agent })
  return {
    async table(version, signal) {
      const url = `${base}/table?after=${version}&waitMs=${tableWaitMs}&protocol=${newest}`
      const answer = await call({ method: 'GET', url, timeoutMs: tableWaitMs + lateMs, signal })
      if (answer.status === 204) return undefined
      const delta = answer.status === 200 ? parseDelta(jsonOf(answer)) : undefined
      if (delta === undefined) throw unexpected(answer, 'a routing table')
      return delta
    },
    async report(report) {
      const body = JSON.stringify(report)
      const answer = await call({ method: 'POST', url: `${base}/report`, body, timeoutMs: lateMs })
      const said = answer.status === 200 ? jsonOf(answer) : undefined
      if (typeof said !== 'object' || said === null) throw unexpected(answer, 'a word on a report')
      const isSaid = (name: string): boolean => name in said && Reflect.get(said, name) === true
      return { full: isSaid('full'), tableAgain: isSaid('tableAgain') }
    },
    close: () => agent.destroy(),
  }
}

interface Call {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly token: SecretRef
  readonly body?: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  readonly agent: Agent
}

interface Answer {
  readonly status: number
  readonly text: string
}

function send({ method, url, token, body, timeoutMs, signal, agent }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const isSecure = url.startsWith('https:')
    const fail = (error: unknown): void => reject(away(url, error))
    const headers: Record<string, string> = { authorization: `Bearer ${token.reveal()}` }
    if (body !== undefined) {
      headers['content-type'] = 'application/json'
      headers['content-length'] = String(Buffer.byteLength(body))
    }
    const options = { method, headers, signal, timeout: timeoutMs }
    const req = isSecure ? requestHttps(url, options) : requestHttp(url, { ...options, agent })
    req.on('timeout', () => req.destroy(new Error(`no answer for ${timeoutMs} ms`)))
    req.on('error', fail)
    req.on('response', (res) => {
      const chunks: Buffer[] = []
      let bytes = 0
      res.on('error', fail)
      res.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        chunks.push(chunk)
        if (bytes > answerBytesMax) res.destroy(new Error(`more than ${answerBytesMax} bytes`))
      })
      res.on('end', () => {
        resolve({ status: res.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') })
      })
    })
    req.end(body)
  })
}

function jsonOf(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text)
  } catch {
    return undefined
  }
}

function away(url: string, error: unknown): Fault {
  const { host } = new URL(url)
  return new Fault(
    'server-unreachable',
    `no answer from the server at ${host}: ${messageOf(error)}`,
    {
      cause: error,
    },
  )
}

function unexpected(answer: Answer, wanted: string): Fault {
  const said = answer.text.slice(0, 200)
  return new Fault('server-failed', `the server answered ${answer.status}, not ${wanted}: ${said}`)
}
