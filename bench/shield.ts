/**
 * The shield: what customers notice of an attack. Their p99 in a quiet round beside that of the round
 * after it, under attack: 2,000 connections that never finish their headers (from twenty addresses,
 * each within what one may have), a flood of requests from one address, and headers of 1 GB from
 * another. Attacker, ingress, instance and customers are processes of their own on one machine, so
 * processor time that the attacker takes is in the figure too.
 *
 * `npm run bench -- shield [builtin] [haproxy]`
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent } from 'undici'
import { systemClock } from '../src/base/clock.ts'
import { runAttacker, type Attack, type Toll } from './lib/attacker.ts'
import { freePort } from '../test/fixtures/free-port.ts'
import { listening, runRoadstead } from './lib/ingress-process.ts'
import { describeMachine, refuseBusy, spreadOf, writeResult } from './lib/protocol.ts'

const rounds = 5
const roundMs = 8_000
/** What comes first in a round is dropped, in ms. */
const warmUpMs = 2_000
const customers = 20
/** An answer takes this long, in ms, as a page that asks a database does. */
const answerMs = 20
const attack: Omit<Attack, 'port'> = {
  lorises: 2_000,
  lorisAddresses: 20,
  floodPerSecond: 1_000,
  headerBytes: 2 ** 30,
}
const shield = ['--rate-limit=50/s', '--connections-per-client=100']

const [child, port] = process.argv[2] === '--child' ? process.argv.slice(3) : []
if (child === 'instance') runInstance(Number(port))
else if (child === 'attacker') await runAttacker({ ...attack, port: Number(port) })
else await main()

async function main(): Promise<void> {
  const machine = describeMachine()
  if (refuseBusy('shield', machine)) return
  const drivers = ['builtin', 'haproxy']
  const named = process.argv.slice(2).filter((word) => drivers.includes(word))
  const results = []
  for (const driver of named.length === 0 ? drivers : named) results.push(await measure(driver))
  writeResult('shield', { name: 'shield', at: new Date().toISOString(), machine, attack, results })
  if (results.some(({ failed }) => failed > 0)) process.exitCode = 1
}

async function measure(driver: string) {
  const folder = mkdtempSync(join(tmpdir(), 'roadstead-shield-'))
  const [target, ingress] = [await freePort(), await freePort()]
  const processes: ChildProcess[] = [
    runSelf('instance', target),
    runRoadstead({ folder, port: ingress, target, driver, flags: shield }),
  ]
  try {
    await Promise.all([listening(target), listening(ingress)])
    const quiet: Round[] = []
    const attacked: (Round & { readonly toll: Toll })[] = []
    for (let round = 0; round < rounds; round++) {
      quiet.push(await serve(ingress))
      attacked.push(await underAttack(ingress))
    }
    return told(driver, quiet, attacked)
  } finally {
    for (const one of processes) one.kill('SIGTERM')
    for (const one of processes) if (one.exitCode === null) await once(one, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Round {
  readonly served: number
  readonly failed: number
  readonly p99Ms: number
}

async function underAttack(ingress: number): Promise<Round & { readonly toll: Toll }> {
  const attacker = runSelf('attacker', ingress)
  await once(attacker, 'message')
  const round = await serve(ingress)
  const toll = once(attacker, 'message')
  attacker.send('enough')
  const [told] = (await toll) as [Toll]
  attacker.kill('SIGKILL')
  return { ...round, toll: told }
}

/** Customers that ask again as soon as they are answered, each on a connection that it keeps. */
async function serve(ingress: number): Promise<Round> {
  // Customers are many: each comes from an address of its own.
  const agents = Array.from(
    { length: customers },
    (_, index) =>
      new Agent({
        connections: 1,
        pipelining: 1,
        localAddress: `127.0.2.${index + 1}`,
      }),
  )
  const latencies: number[] = []
  let failed = 0
  const countFrom = performance.now() + warmUpMs
  const until = performance.now() + roundMs
  const ask = async (agent: Agent): Promise<void> => {
    while (performance.now() < until) {
      const startedAt = performance.now()
      const status = await statusOf(agent, `http://127.0.0.1:${ingress}`)
      if (status !== 200) failed++
      else if (startedAt >= countFrom) latencies.push(performance.now() - startedAt)
      // Below what one address may send.
      await systemClock.sleep(answerMs)
    }
  }
  await Promise.all(agents.map(ask))
  await Promise.all(agents.map((agent) => agent.close()))
  const sorted = latencies.toSorted((a, b) => a - b)
  const p99Ms = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
  return { served: latencies.length, failed, p99Ms }
}

async function statusOf(agent: Agent, origin: string): Promise<number> {
  try {
    const answer = await agent.request({ origin, path: '/', method: 'GET' })
    await answer.body.dump()
    return answer.statusCode
  } catch {
    return 0
  }
}

function told(
  driver: string,
  quiet: readonly Round[],
  attacked: readonly (Round & { readonly toll: Toll })[],
) {
  const p99 = (of: readonly Round[]) => spreadOf(of.map(({ p99Ms }) => p99Ms))
  const ratio = spreadOf(attacked.map((round, index) => round.p99Ms / (quiet[index]?.p99Ms ?? 0)))
  const failed = [...quiet, ...attacked].reduce((sum, round) => sum + round.failed, 0)
  const served = [...quiet, ...attacked].reduce((sum, round) => sum + round.served, 0)
  const tolls = attacked.map(({ toll }) => toll)
  const text = ({ median, min, max }: ReturnType<typeof spreadOf>, digits: number): string =>
    `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`
  console.log(
    `\n${driver}: customers' p99 ${text(p99(quiet), 1)} ms, under attack ${text(p99(attacked), 1)} ms, ` +
      `ratio ${text(ratio, 2)}; ${failed} of ${served} failed`,
  )
  for (const { lorisesOpen, floodRefused, floodLet, headerBytesTaken, headersRefused } of tolls) {
    console.log(
      `  ${lorisesOpen} of ${attack.lorises} slow connections open; flood: ${floodRefused} refused, ` +
        `${floodLet} let through; ${headersRefused} large headers refused after ${headerBytesTaken} bytes in all`,
    )
  }
  return { driver, quiet: p99(quiet), attacked: p99(attacked), ratio, served, failed, tolls }
}

function runInstance(listenPort: number): void {
  const body = Buffer.alloc(1_024, 'x')
  createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume()
    setTimeout(() => response.writeHead(200).end(body), answerMs)
  }).listen(listenPort, '127.0.0.1')
}

function runSelf(role: string, to: number): ChildProcess {
  return spawn(process.execPath, [import.meta.filename, '--child', role, String(to)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
}
