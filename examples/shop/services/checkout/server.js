/**
 * Makes an order of a cart: asks for credit, hands the parcel over, and puts a confirmation into
 * its outbox, from which the mailer takes it.
 */
import { randomBytes } from 'node:crypto'
import { call } from './call.js'
import { serve } from './serve.js'

/** Confirmations that wait for the mailer at the most; then the oldest are dropped, and counted. */
const outboxMax = 1_000

const outbox = []
let dropped = 0

/** Asks a service; what it refuses is refused to the customer, what it fails at is a failure. */
async function ask(url, path, question) {
  const { status, body } = await call('POST', url, path, question)
  if (status < 300) return body
  const sentence = body.error ?? `${path} answered ${status}`
  throw Object.assign(new Error(sentence), { status: status === 422 ? 422 : 502 })
}

function totalOf(lines) {
  if (!Array.isArray(lines) || lines.length === 0 || lines.length > 50) return undefined
  let total = 0
  for (const { cents, quantity } of lines) {
    if (!Number.isInteger(cents) || cents <= 0) return undefined
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > 99) return undefined
    total += cents * quantity
  }
  return total
}

function post(mail) {
  outbox.push(mail)
  if (outbox.length <= outboxMax) return
  outbox.shift()
  dropped++
}

async function order({ body }) {
  const cents = totalOf(body?.lines)
  if (cents === undefined) {
    return { status: 422, json: { error: 'an order has 1 to 50 lines, each with a price' } }
  }
  const { name = '', address = '', email = '' } = body.customer ?? {}
  const credit = await ask(process.env.CREDIT_CHECK_URL, '/checks', { name, cents })
  if (!credit.isApproved) return { status: 402, json: { error: credit.because } }
  const { tracking, arrival } = await ask(process.env.SHIPMENT_URL, '/parcels', { name, address })
  const number = randomBytes(4).toString('hex').toUpperCase()
  post({
    to: email,
    subject: `Your order ${number}`,
    text: `${cents} cents, with you by ${arrival}`,
  })
  return { status: 201, json: { number, cents, tracking, arrival } }
}

serve('checkout', [
  ['POST', '/orders', order],
  // A mailer that dies with its mails has lost them: a sample shop has no queue that outlives it.
  ['POST', '/outbox/take', () => ({ json: { mails: outbox.splice(0, 50), dropped } })],
])
