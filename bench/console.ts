/**
 * The console in a real browser, before a simulated server with 600 nodes and 20,000 instances:
 * what a first visit loads, how soon it can be used, how soon a change is seen, whether memory
 * stays flat while changes come in, and the frames of a scrolling log. The hour of the design is
 * shortened; the length is printed. No peer: its figures are held against the design's goals.
 *
 *   npm run bench -- console [--seconds 120] [--noisy]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { chromium, type CDPSession, type Page } from 'playwright-core'
import { build } from 'vite'
import { fakeToken, startFakeServer, type FakeServer } from '../console/dev/fake-server.ts'

/** Changes a second while memory is watched: a large rollout, all the time. */
const changesPerSecond = 50

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    noisy: { type: 'boolean', default: false },
  },
})
const loadPerCore = (loadavg()[0] ?? 0) / availableParallelism()
console.log(`load ${loadPerCore.toFixed(2)} per core, Node.js ${process.version}`)
if (loadPerCore > 0.5 && !values.noisy) {
  console.error('error: the machine is busy; wait, or say --noisy')
  process.exit(1)
}

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const files = mkdtempSync(join(tmpdir(), 'roadstead-bench-console-'))
process.env['NODE_ENV'] = 'production'
await build({
  root: join(root, 'console'),
  logLevel: 'error',
  build: { outDir: files, emptyOutDir: true },
})
const plain = ['--headless', '--no-sandbox', '--disable-gpu', '--enable-precise-memory-info']
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: plain })
try {
  await measureStart()
  await measureChange()
  await measureScroll()
  await measureMemory(Number(values.seconds))
} finally {
  await browser.close()
  rmSync(files, { recursive: true, force: true })
}

/** What comes over the wire, compressed, until the overview of one shop can be used. */
async function measureStart(): Promise<void> {
  const server = await startFakeServer('shop', { files })
  const took: number[] = []
  const loaded = new Set<string>()
  for (let round = 0; round < 5; round++) {
    const page = await browser.newPage()
    page.on('response', (response) => loaded.add(new URL(response.url()).pathname))
    await page.goto(`${server.url}/#token=${fakeToken}`)
    await page.getByRole('table', { name: 'Apps and cells' }).waitFor()
    took.push(Number(await page.evaluate('performance.now()')))
    await page.close()
  }
  await server.close()
  const assets = readdirSync(join(files, 'assets')).filter((name) => loaded.has(`/assets/${name}`))
  const bytes = ['index.html', ...assets.map((name) => join('assets', name))]
    .map((name) => gzipSync(readFileSync(join(files, name))).byteLength)
    .reduce((sum, size) => sum + size, 0)
  console.log(
    `first visit to the overview: ${(bytes / 1_000).toFixed(0)} kB compressed, all chunks`,
  )
  console.log(`usable after ${spread(took)} ms; goal 1,000`)
}

/** From the change in the server until the page shows it, on the page of one node. */
async function measureChange(): Promise<void> {
  const server = await startFakeServer('large', { files })
  const page = await openNode(server)
  const took: number[] = []
  const [first] = server.world.fleet.instances.values()
  if (first === undefined) throw new Error('there is no instance')
  for (let round = 0; round < 20; round++) {
    const state = round % 2 === 0 ? 'unhealthy' : 'ready'
    const word = state === 'ready' ? 'Ready' : 'Unhealthy'
    const seen = page.evaluate(seenAt(first.id, word))
    // The observer is in place before anything changes.
    await page.waitForTimeout(300)
    const changedAt = server.world.change(first.id, state)
    took.push(Number(await seen) - changedAt)
  }
  await page.close()
  await server.close()
  console.log(`a change is seen after ${spread(took)} ms, among 20,000 instances; goal 300`)
}

/** Resolves with the wall time at which a line of the list says the word. */
function seenAt(id: string, word: string): string {
  return `new Promise((resolve) => {
    const list = document.querySelector('ul[aria-label^="Instances on"]')
    const look = () => {
      const line = [...list.children].find((one) => one.textContent.includes('${id}'))
      if (!line?.textContent.includes('${word}')) return
      observer.disconnect()
      requestAnimationFrame(() => resolve(Date.now()))
    }
    const observer = new MutationObserver(look)
    observer.observe(list, { subtree: true, childList: true, characterData: true })
  })`
}

async function openNode(server: FakeServer): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1_440, height: 900 } })
  const [first] = server.world.fleet.instances.values()
  await page.goto(
    `${server.url}/nodes?node=${first?.nodeId}&instance=${first?.id}#token=${fakeToken}`,
  )
  await page.getByText(first?.id ?? '', { exact: true }).waitFor()
  await page.getByText('Live', { exact: true }).waitFor()
  return page
}

/** Frames while the log is scrolled through, new pages coming in. */
async function measureScroll(): Promise<void> {
  const server = await startFakeServer('shop', { files })
  const page = await browser.newPage({ viewport: { width: 1_440, height: 900 } })
  await page.goto(`${server.url}/logs?last=360#token=${fakeToken}`)
  await page
    .getByText(/request \d+/)
    .first()
    .waitFor()
  const gaps = (await page.evaluate(`new Promise((resolve) => {
    const frame = document.querySelector('[role=log]')
    const gaps = []
    const end = performance.now() + 8000
    let last
    const step = (now) => {
      if (last !== undefined) gaps.push(now - last)
      last = now
      frame.scrollTop -= 70
      if (now < end) requestAnimationFrame(step)
      else resolve(gaps)
    }
    requestAnimationFrame(step)
  })`)) as number[]
  await page.close()
  await server.close()
  const late = gaps.filter((gap) => gap > 34).length
  const perSecond = (gaps.length / gaps.reduce((sum, gap) => sum + gap, 0)) * 1_000
  console.log(
    `scrolling a million lines: ${perSecond.toFixed(0)} frames/s, ` +
      `${((late / gaps.length) * 100).toFixed(1)} % of them later than 34 ms; goal 60`,
  )
}

/** The heap, collected before and after a while of live changes, on the picture of the fleet. */
async function measureMemory(seconds: number): Promise<void> {
  const server = await startFakeServer('large', { files })
  const page = await openNode(server)
  const session = await page.context().newCDPSession(page)
  const ids = [...server.world.fleet.instances.keys()]
  let changes = 0
  const change = (): void => {
    const id = ids[(changes * 7_919) % ids.length] ?? ''
    const isReady = server.world.fleet.instances.get(id)?.state === 'ready'
    server.world.change(id, isReady ? 'unhealthy' : 'ready')
    changes++
  }
  const timer = setInterval(change, 1_000 / changesPerSecond)
  // What is read once and what grows to its bound is there by then.
  await page.waitForTimeout(20_000)
  const first = await heapOf(session)
  const busyBefore = await busySeconds(session)
  await page.waitForTimeout(seconds * 1_000)
  const busy = ((await busySeconds(session)) - busyBefore) / seconds
  const last = await heapOf(session)
  clearInterval(timer)
  await page.close()
  await server.close()
  console.log(
    `heap after ${changes} changes in ${seconds + 20} s (an hour in the design): ` +
      `${first.toFixed(1)} MiB, then ${last.toFixed(1)} MiB; ` +
      `${(busy * 100).toFixed(0)} % of a core in the page`,
  )
}

async function heapOf(session: CDPSession): Promise<number> {
  for (let round = 0; round < 3; round++) await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  return usedSize / 2 ** 20
}

async function busySeconds(session: CDPSession): Promise<number> {
  await session.send('Performance.enable')
  const { metrics } = await session.send('Performance.getMetrics')
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0
}

/** `median (least-most)`. */
function spread(numbers: readonly number[]): string {
  const sorted = numbers.toSorted((a, b) => a - b)
  const text = (value: number | undefined): string => (value ?? 0).toFixed(0)
  return `${text(sorted[sorted.length >> 1])} (${text(sorted[0])}-${text(sorted.at(-1))})`
}
