/**
 * Calls another service through its URL and gives back status and JSON. Connections are kept: the
 * platform's listener on this machine is the other end, whichever instance answers.
 */
import { Agent, request } from 'node:http'

/** How long another service may take: a customer waits behind it. */
const timeoutMs = 3_000
/** Bytes of an answer at the most. */
const answerBytesMax = 1024 * 1024

const agent = new Agent({ keepAlive: true, maxSockets: 32, maxFreeSockets: 16 })

/** Sends `body` as JSON, if there is one; rejects when no whole answer came in time. */
export function call(method, base, path, body) {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers =
      text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    const outgoing = request(new URL(path, base), { method, agent, headers }, (response) => {
      let answer = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        answer += chunk
        if (answer.length > answerBytesMax) outgoing.destroy(new Error('the answer is too long'))
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode, text: answer }))
    })
    outgoing.setTimeout(timeoutMs, () =>
      outgoing.destroy(new Error(`no answer in ${timeoutMs} ms`)),
    )
    outgoing.on('error', reject)
    outgoing.end(text)
  }).then(({ status, text }) => ({ status, body: parse(text) }))
}

/** An answer that is no JSON (an ingress may answer in words) has no body for us. */
function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}
