/**
 * A gentle, honest load: customers who browse, search and buy, at a steady rate whatever the shop
 * does. It counts by itself what it sent, what was answered and what failed, and retries nothing.
 *
 *   node load.js --url http://127.0.0.1:8080 --rate 20 [--duration 60s | --forever] [--json]
 */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    /** The Host header, for a shop behind an ingress of many. */
    host: { type: 'string' },
    /** Requests per second. */
    rate: { type: 'string', default: '20' },
    /** How long: 500ms, 60s, 10m, 24h. */
    duration: { type: 'string', default: '24h' },
    forever: { type: 'boolean', default: false },
    /** Share of requests on a connection of their own; the others are kept alive. */
    fresh: { type: 'string', default: '0.2' },
    timeout: { type: 'string', default: '10s' },
    /** The result as one line of JSON instead of words. */
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(
    'usage: node load.js [--url URL] [--host HOST] [--rate N] [--duration 60s | --forever]',
  )
  console.log('                    [--fresh 0.2] [--timeout 10s] [--json]')
  process.exit(0)
}

const url = new URL(values.url)
const rate = numberOf('rate', values.rate, 0.1, 5_000)
const freshShare = numberOf('fresh', values.fresh, 0, 1)
const durationMs = values.forever ? Infinity : milliseconds('duration', values.duration)
const timeoutMs = milliseconds('timeout', values.timeout)
/** Requests under way at the most; beyond it a request is not sent, and counted as held back. */
const underWayMax = 1_000
/** How often requests are sent off, in ms: fine enough to be even, coarse enough to be cheap. */
const tickMs = 10
/** Time for the last answers once it is told to end. */
const lastAnswersMs = 5_000
/** Latencies kept for the percentiles: the newest. */
const latenciesMax = 100_000

const keptAlive = new Agent({ keepAlive: true, maxSockets: 64, maxFreeSockets: 64 })
const counts = { sent: 0, underWay: 0, answered: {}, failed: {}, heldBack: 0, orders: 0 }
const latencies = []
let isEnding = false

const products = ['lantern', 'mug', 'jersey', 'compass', 'blanket', 'bell', 'rope', 'hat', 'kettle']
const words = ['brass', 'wool', 'storm', 'coffee', 'rope', 'rain']
const categories = ['light', 'galley', 'clothes', 'instruments', 'home']
const pick = (choices) => choices[Math.floor(Math.random() * choices.length)]

/** What a customer asks for next: six of ten browse, two search, two are on their way to buy. */
const wishes = [
  { weight: 25, make: () => ({ path: '/' }) },
  { weight: 25, make: () => ({ path: `/p/${pick(products)}` }) },
  { weight: 10, make: () => ({ path: `/?category=${pick(categories)}` }) },
  { weight: 20, make: () => ({ path: `/?q=${pick(words)}` }) },
  { weight: 8, make: () => ({ method: 'POST', path: '/cart', body: `id=${pick(products)}` }) },
  { weight: 6, make: () => ({ path: '/cart', cart: `${pick(products)}:1` }) },
  {
    weight: 6,
    make: () => ({
      method: 'POST',
      path: '/checkout',
      cart: `${pick(products)}:1`,
      body: 'name=Load&email=load%40example.org&address=1+Quay',
      isOrder: true,
    }),
  },
]
const weightOfAll = wishes.reduce((sum, { weight }) => sum + weight, 0)

function nextWish() {
  let at = Math.random() * weightOfAll
  return (wishes.find(({ weight }) => (at -= weight) < 0) ?? wishes[0]).make()
}

/** Sends one request, and counts how it ended: answered whole, or failed with its cause. */
function send({ method = 'GET', path, body, cart, isOrder = false }) {
  const startedAt = performance.now()
  counts.sent++
  counts.underWay++
  let isOver = false
  const end = (bucket, key) => {
    if (isOver) return
    isOver = true
    counts.underWay--
    bucket[key] = (bucket[key] ?? 0) + 1
    latencies.push(performance.now() - startedAt)
    if (latencies.length >= latenciesMax * 2) latencies.splice(0, latenciesMax)
  }
  const headers = {
    host: values.host ?? url.host,
    'user-agent': 'roadstead-shop-load',
    ...(cart === undefined ? {} : { cookie: `cart=${cart}` }),
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }),
  }
  const isFresh = Math.random() < freshShare
  const agent = isFresh ? false : keptAlive
  const { hostname: host, port } = url
  const outgoing = request({ host, port, method, path, headers, agent }, (response) => {
    response.on('end', () => {
      if (!response.complete) return end(counts.failed, 'cut')
      if (isOrder && response.statusCode === 200) counts.orders++
      end(counts.answered, response.statusCode)
    })
    response.on('error', () => end(counts.failed, 'cut'))
    response.resume()
  })
  outgoing.setTimeout(timeoutMs, () => {
    end(counts.failed, 'timedOut')
    outgoing.destroy()
  })
  outgoing.on('error', (error) => end(counts.failed, causeOf(error)))
  outgoing.end(body)
}

function causeOf({ code }) {
  if (code === 'ECONNREFUSED') return 'refused'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'reset'
  if (code === 'ETIMEDOUT') return 'timedOut'
  return code ?? 'unknown'
}

const startedAt = performance.now()
let due = 0
let lastTickAt = startedAt
const ticking = setInterval(() => {
  const now = performance.now()
  if (now - startedAt >= durationMs) return void finish()
  // After a pause of this process itself (a suspended laptop) nothing is made up for.
  due += (Math.min(now - lastTickAt, 1_000) / 1_000) * rate
  lastTickAt = now
  for (; due >= 1; due--) {
    if (counts.underWay < underWayMax) send(nextWish())
    else counts.heldBack++
  }
}, tickMs)

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void finish())
// Whoever waits for it as its parent: from now on it can be told to end.
process.send?.('running')

async function finish() {
  if (isEnding) return
  isEnding = true
  clearInterval(ticking)
  const seconds = (performance.now() - startedAt) / 1_000
  for (let waitedMs = 0; counts.underWay > 0 && waitedMs < lastAnswersMs; waitedMs += tickMs) {
    await sleep(tickMs)
  }
  if (counts.underWay > 0) counts.failed.unanswered = counts.underWay
  const result = summary(seconds)
  process.stdout.write(`${values.json ? JSON.stringify(result) : sentenceOf(result)}\n`, () => {
    process.exit(0)
  })
}

function summary(seconds) {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))])
  const statuses = Object.entries(counts.answered)
  const from = (least) => statuses.filter(([status]) => Number(status) >= least)
  return {
    seconds: round(seconds),
    sent: counts.sent,
    answered: counts.answered,
    answeredTotal: total(counts.answered),
    /** No whole answer, by cause. */
    failed: counts.failed,
    failedTotal: total(counts.failed),
    /** Answers of 500 and above: the ingress's 502 to 504 and the shop's own. */
    serverErrors: total(Object.fromEntries(from(500))),
    orders: counts.orders,
    heldBack: counts.heldBack,
    latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
  }
}

function sentenceOf({ seconds, sent, answered, failed, failedTotal, orders, latencyMs, heldBack }) {
  const held = heldBack > 0 ? `; ${heldBack} held back` : ''
  return (
    `${failedTotal} of ${sent} requests failed in ${seconds} s (${list(failed)}); ` +
    `answered: ${list(answered)}; ${orders} orders; ` +
    `p50 ${latencyMs.p50} ms, p99 ${latencyMs.p99} ms${held}`
  )
}

/** `3 reset, 1 refused`. */
function list(bucket) {
  const parts = Object.entries(bucket).map(([key, count]) => `${count} ${key}`)
  return parts.join(', ') || 'none'
}

function total(bucket) {
  return Object.values(bucket).reduce((sum, count) => sum + count, 0)
}

function round(value) {
  return value === undefined ? null : Math.round(value * 10) / 10
}

function numberOf(name, text, least, most) {
  const value = Number(text)
  if (text !== '' && value >= least && value <= most) return value
  return usageError(`--${name} has to be ${least} to ${most}, not ${text}`)
}

function milliseconds(name, text) {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? []
  if (unit === undefined) return usageError(`--${name} has to be a time such as 60s, not ${text}`)
  return Number(amount) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit]
}

function usageError(message) {
  console.error(`error: ${message}`)
  process.exit(2)
}
