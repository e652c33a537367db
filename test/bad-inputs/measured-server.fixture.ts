/**
 * Loaded into the server by `NODE_OPTIONS=--import=…`: asked over its IPC channel, it says how long
 * its loop stood still since it was asked last, and what memory it holds.
 *
 * Two figures, since a machine that is loaded stops everybody: the wall time between two turns,
 * and the CPU time that this thread itself spent between them, which no neighbour can lengthen.
 */
import { isMainThread } from 'node:worker_threads'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const everyMs = 2

if (isMainThread && process.send !== undefined) measure()

function measure(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let longest = { wallMs: 0, cpuMs: 0 }
  let last = { at: performance.now(), cpuMs: threadCpuMs() }
  setInterval(() => {
    const now = { at: performance.now(), cpuMs: threadCpuMs() }
    longest = {
      wallMs: Math.max(longest.wallMs, now.at - last.at - everyMs),
      cpuMs: Math.max(longest.cpuMs, now.cpuMs - last.cpuMs),
    }
    last = now
  }, everyMs)
  process.on('message', (question) => {
    if (question !== 'lag' && question !== 'memory') return
    if (question === 'memory') collect()
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
    process.send?.({ ...longest, rss, held: heapUsed + external + arrayBuffers })
    longest = { wallMs: 0, cpuMs: 0 }
    last = { at: performance.now(), cpuMs: threadCpuMs() }
  })
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
