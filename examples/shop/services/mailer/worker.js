/** Takes confirmations from checkout's outbox and "sends" them: a worker, without a port. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Time between two looks into the outbox. */
const intervalMs = 2_000
/** One line per so many mails. */
const mailsPerLine = 50

const stopping = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => stopping.abort())

let sent = 0
let isOutboxReachable = true

async function sendOnce() {
  const url = new URL('/outbox/take', process.env.CHECKOUT_URL)
  const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(3_000) })
  if (!response.ok) throw new Error(`the outbox answered ${response.status}`)
  const { mails } = await response.json()
  for (const { to, subject } of mails) {
    if (sent++ % mailsPerLine === 0) console.log(`mail ${sent}: "${subject}" to ${to}`)
  }
}

console.log('mailer begins')
while (!stopping.signal.aborted) {
  try {
    await sendOnce()
    if (!isOutboxReachable) console.log('the outbox answers again')
    isOutboxReachable = true
  } catch (error) {
    if (isOutboxReachable) console.error(`no outbox: ${error.message}`)
    isOutboxReachable = false
  }
  await sleep(intervalMs, undefined, { signal: stopping.signal }).catch(() => {})
}
console.log(`mailer ends after ${sent} mails`)
// An idle connection of fetch would keep the process for some seconds more.
process.exit(0)
