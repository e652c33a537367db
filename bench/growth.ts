/**
 * Figure 18: the server's CPU time for one change, as the cell grows: an instance's report, a
 * service scaled by one, a small app deployed. The real server core in this process (routes, control
 * loops, projections, its store in memory) on a virtual clock; agents and an ingress that hold their
 * polls open and say at once that what they were told is so. All of the process counts, theirs too.
 *
 * The peer of each size is the smallest one: a ratio of 1 is what flat means.
 *
 *   npm run bench -- growth [--changes 40] [--noisy]
 */
import { parseArgs, styleText } from 'node:util'
import { GrownCell } from './lib/grown-cell.ts'
import type { CellSize } from './lib/cell.ts'
import { describeMachine, refuseBusy, spreadOf, writeResult, type Spread } from './lib/protocol.ts'

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '40' },
    noisy: { type: 'boolean', default: false },
  },
})
const changes = Number(values.changes)

/** Interleaved rounds over all sizes. */
const rounds = 5

/** Nodes grow with what they hold, then what they hold grows on as many nodes. */
const sizes: readonly CellSize[] = [
  { nodes: 10, instances: 330 },
  { nodes: 60, instances: 2_000 },
  { nodes: 200, instances: 6_600 },
  { nodes: 600, instances: 100 },
  { nodes: 600, instances: 2_000 },
  { nodes: 600, instances: 20_000 },
]

const kinds = ['report', 'scale', 'deploy'] as const
type Kind = (typeof kinds)[number]

const machine = describeMachine()
if (!refuseBusy('growth', machine)) {
  const cells: { readonly size: CellSize; readonly cell: GrownCell }[] = []
  for (const size of sizes) cells.push({ size, cell: await GrownCell.open(size) })
  const micros = new Map<string, number[]>()
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const { size, cell } of cells) {
      for (const kind of kinds) {
        const cost = await measure(cell, kind)
        const name = nameOf(size, kind)
        if (round > 0) micros.set(name, [...(micros.get(name) ?? []), cost])
      }
    }
  }
  const rows = sizes.map((size) => ({
    ...size,
    ...Object.fromEntries(kinds.map((kind) => [kind, figureOf(size, kind, micros)])),
  }))
  print(micros)
  writeResult('growth', { name: 'growth', at: new Date().toISOString(), machine, changes, rows })
}

function nameOf({ nodes, instances }: CellSize, kind: Kind): string {
  return `${kind} ${nodes} ${instances}`
}

/** CPU microseconds of one change. */
async function measure(cell: GrownCell, kind: Kind): Promise<number> {
  // A heartbeat of every node before, outside of what is measured.
  await cell.heartbeats()
  const count = kind === 'deploy' ? Math.ceil(changes / 4) : changes
  let cpuMicros = 0
  for (let turn = 0; turn < count; turn++) {
    const before = process.cpuUsage()
    await cell.change(kind)
    const { user, system } = process.cpuUsage(before)
    cpuMicros += user + system
    await cell.settle(kind)
  }
  return cpuMicros / count
}

function figureOf(
  size: CellSize,
  kind: Kind,
  micros: ReadonlyMap<string, readonly number[]>,
): { cpuMicros: Spread; ratio: Spread } {
  const own = micros.get(nameOf(size, kind)) ?? []
  const [least] = sizes
  const first = least === undefined ? [] : (micros.get(nameOf(least, kind)) ?? [])
  const ratios = own.map((cost, round) => cost / (first[round] ?? Number.NaN))
  return { cpuMicros: spreadOf(own), ratio: spreadOf(ratios) }
}

function print(micros: ReadonlyMap<string, readonly number[]>): void {
  for (const kind of kinds) {
    console.log(`\n${styleText('bold', `${kind}: CPU of one, and beside the smallest cell`)}`)
    for (const size of sizes) {
      const { cpuMicros, ratio } = figureOf(size, kind, micros)
      const cost = `${cpuMicros.median.toFixed(0)} us`
      const text = `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)})`
      const bar = '#'.repeat(Math.min(60, Math.round(ratio.median * 10)))
      console.log(
        `  ${String(size.nodes).padStart(4)} nodes ${size.instances.toLocaleString('en').padStart(7)}` +
          `  ${cost.padStart(9)}  ${text.padStart(18)}  ${bar}`,
      )
    }
  }
}
