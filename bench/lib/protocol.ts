/**
 * The protocol of every script here (performance.md): print the machine and its load, refuse a
 * loaded one unless `--noisy`, run ours and its peers in turns on the same data, and report ratios
 * with their spread. Absolute figures of a shared machine mean nothing by themselves.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { styleText } from 'node:util'

/** What one run of one contender cost; the warm-up is not in it. */
export interface Sample {
  readonly operations: number
  readonly wallMs: number
  /** User and system time of everything that did the work. */
  readonly cpuMs: number
  /** Anything but 0 makes the whole bench void. */
  readonly errors: number
}

/** Something that is measured: ours, or a peer of it. */
export interface Contender {
  readonly name: string
  run(): Promise<Sample>
}

/** One figure: ours against its peers, under one load. */
export interface Figure {
  readonly title: string
  readonly ours: Contender
  readonly peers: readonly Contender[]
}

/** Load per core above which a bench says nothing about the program. */
const loadPerCoreMax = 0.5
/** Interleaved rounds, A B A B: the fewest whose median survives two disturbed ones. */
const rounds = 5

/** The median of some rounds, and how far they lie apart. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

interface Row {
  readonly name: string
  readonly perSecond: Spread
  readonly cpuMicrosPerOperation: Spread
  /** Ours divided by this one, per round; of ours itself: 1. */
  readonly rateRatio: Spread
  readonly cpuRatio: Spread
}

/** Runs the figures of a bench, prints a table per figure, writes bench/results/NAME.json. */
export async function runBench(name: string, figures: readonly Figure[]): Promise<void> {
  const machine = describeMachine()
  if (refuseBusy(name, machine)) return
  const results = []
  for (const figure of figures) {
    const rows = await measure(figure)
    print(figure.title, rows)
    results.push({ title: figure.title, rows })
  }
  writeResult(name, { name, at: new Date().toISOString(), machine, rounds, results })
}

/** Prints the machine; says so and is true when it is too busy to measure anything on. */
export function refuseBusy(name: string, machine: ReturnType<typeof describeMachine>): boolean {
  const { cpu, cores, load } = machine
  console.log(`${styleText('bold', name)} on ${cpu}, ${cores} cores, node ${process.version}`)
  console.log(`load ${load.map((one) => one.toFixed(2)).join(' ')} (1, 5, 15 min)`)
  if ((load[0] ?? 0) / cores <= loadPerCoreMax || process.argv.includes('--noisy')) return false
  console.error(`error: the machine is busy (above ${loadPerCoreMax} per core)`)
  console.error('hint: wait, or measure all the same with --noisy')
  process.exitCode = 1
  return true
}

/** The machine as every result names it. */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    load: loadavg(),
    node: process.version,
    noisy: process.argv.includes('--noisy'),
  }
}

async function measure({ title, ours, peers }: Figure): Promise<Row[]> {
  const contenders = [ours, ...peers]
  const samples = new Map<Contender, Sample[]>(contenders.map((contender) => [contender, []]))
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      const sample = await contender.run()
      if (sample.errors > 0)
        throw new Error(`${title}: ${contender.name} had ${sample.errors} errors`)
      samples.get(contender)?.push(sample)
    }
  }
  const own = samples.get(ours) ?? []
  return contenders.map((contender) => rowOf(contender.name, own, samples.get(contender) ?? []))
}

function rowOf(name: string, ours: readonly Sample[], theirs: readonly Sample[]): Row {
  const pairs = ours.flatMap((own, round) => {
    const other = theirs[round]
    return other === undefined ? [] : [{ own, other }]
  })
  return {
    name,
    perSecond: spreadOf(theirs.map(rateOf)),
    cpuMicrosPerOperation: spreadOf(theirs.map(cpuOf)),
    rateRatio: spreadOf(pairs.map(({ own, other }) => rateOf(own) / rateOf(other))),
    cpuRatio: spreadOf(pairs.map(({ own, other }) => cpuOf(own) / cpuOf(other))),
  }
}

function rateOf({ operations, wallMs }: Sample): number {
  return (operations / wallMs) * 1_000
}

function cpuOf({ operations, cpuMs }: Sample): number {
  return (cpuMs / operations) * 1_000
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN }
}

function print(title: string, rows: readonly Row[]): void {
  console.log(`\n${styleText('bold', title)}`)
  const head = ['', 'per second', 'ours / peer', 'cpu us each', 'ours / peer']
  const lines = rows.map(({ name, perSecond, rateRatio, cpuMicrosPerOperation, cpuRatio }) => [
    name,
    rateText(perSecond.median),
    ratioText(rateRatio),
    cpuMicrosPerOperation.median.toFixed(1),
    ratioText(cpuRatio),
  ])
  const widths = head.map((text, column) =>
    Math.max(text.length, ...lines.map((line) => line[column]?.length ?? 0)),
  )
  for (const line of [head, ...lines]) {
    const cells = line.map((cell, column) => {
      const width = widths[column] ?? 0
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    console.log(`  ${cells.join('  ')}`)
  }
}

function rateText(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(2) : Math.round(perSecond).toLocaleString('en')
}

function ratioText({ median, min, max }: Spread): string {
  if (!Number.isFinite(median)) return '-'
  return `${median.toFixed(2)} (${min.toFixed(2)}-${max.toFixed(2)})`
}

/** Writes bench/results/NAME.json. */
export function writeResult(name: string, result: unknown): void {
  const folder = join(import.meta.dirname, '..', 'results')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${name}.json`)
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
  console.log(`\nwritten to ${file}`)
}
