/**
 * `npm run sim`: plays worlds from their seeds, prints a hash of all that happened, and, where an
 * invariant broke, the shortest story that breaks it, in words.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { allMutants } from './mutants/all.ts'
import type { Mutant } from './mutants/mutation.ts'
import { runMutants, seedsMaxUsual } from './mutants/run.ts'
import type { PlotSize } from './plot.ts'
import { shrink } from './shrink.ts'
import { play, storyOf, tellStory, type Ending, type Story } from './story.ts'
import type { Violation } from './view.ts'

const usage = `usage: npm run sim -- [--seed N | --seeds A..B] [options]

  --seed N          play one world (1 by default)
  --seeds A..B      play many, in worker processes
  --nodes N         nodes of each world; by the seed otherwise
  --days D          length of the first act; --hours H adds to it
  --mutant NAME     play with a wrong version of the product (--mutant list: all of them)
  --mutants         play every mutant until it is caught, up to --seeds 1..500
  --jobs N          worker processes (one per processor)
  --keep NAME       write the story of a failure to sim/seeds/NAME.json, for every test run
  --no-shrink       do not look for the shortest story of a failure
  --json            one JSON object per world

Example:
  $ npm run sim -- --seeds 1..2000`

/** Worlds of one worker process: enough to be warm for most of them, few enough to spread evenly. */
const seedsPerJob = 200
/** Failures that are shrunk and told; the others are named. */
const toldMax = 3
/** A worker that says nothing for so long goes round in circles, in ms. */
const silenceMsMax = 120_000

interface Settings {
  readonly from: number
  readonly to: number
  readonly size: PlotSize
  readonly mutant: Mutant | undefined
  readonly jobs: number
  readonly shrinks: boolean
  readonly keepAs: string | undefined
  readonly json: boolean
  /** What workers are given beside their seeds. */
  readonly passedOn: readonly string[]
}

/** Prove the checkers by all mutants, with so many seeds each. */
interface MutantSettings {
  readonly mutantsUpTo: number
}

const settings = settingsOf(process.argv.slice(2))
if (settings !== undefined) {
  process.exitCode =
    'mutantsUpTo' in settings ? await proveCheckers(settings.mutantsUpTo) : await run(settings)
}

/** Every mutant has to be caught, but those that say why they survive. */
async function proveCheckers(seedsMax: number): Promise<number> {
  const survivors = await runMutants(seedsMax, (line) => console.log(line))
  const excused = allMutants.filter(({ survives }) => survives !== undefined)
  const names = new Set(excused.map(({ name }) => name))
  return survivors.every((name) => names.has(name)) ? 0 : 1
}

async function run(given: Settings): Promise<number> {
  const startedAt = performance.now()
  const count = given.to - given.from + 1
  const failed: Ending[] = []
  let done = 0
  const onEnding = (ending: Ending): void => {
    done++
    if (ending.violations.length > 0) failed.push(ending)
    if (given.json) console.log(JSON.stringify(ending))
    else if (count === 1) console.log(`seed ${ending.seed} ${ending.hash} ${ending.events} events`)
    else {
      for (const { invariant, words } of ending.violations.slice(0, 1)) {
        console.log(`seed ${ending.seed}: ${invariant}: ${words}`)
      }
      progress(done, count, failed.length, startedAt)
    }
  }
  if (count === 1 || given.jobs === 1) {
    for (let seed = given.from; seed <= given.to; seed++) {
      onEnding(await play(storyOf(seed, given.size), given.mutant))
    }
  } else await playInWorkers(given, onEnding)
  if (given.json) return failed.length === 0 ? 0 : 1
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  console.log(`\n${done} worlds in ${seconds} s, ${failed.length} with a broken invariant`)
  await tellFailures(
    failed.toSorted((a, b) => a.seed - b.seed),
    given,
  )
  return failed.length === 0 && done === count ? 0 : 1
}

function progress(done: number, count: number, failed: number, startedAt: number): void {
  if (process.stderr.isTTY !== true && done % 500 !== 0) return
  const perSecond = done / ((performance.now() - startedAt) / 1_000)
  const left = Math.ceil((count - done) / perSecond)
  const line = `${done} of ${count}, ${failed} failed, ${perSecond.toFixed(0)}/s, ${left} s left`
  process.stderr.write(process.stderr.isTTY === true ? `\r${line.padEnd(70)}` : `${line}\n`)
}

async function tellFailures(failed: readonly Ending[], given: Settings): Promise<void> {
  for (const [index, { seed, violations }] of failed.entries()) {
    const [first] = violations
    if (first === undefined) continue
    if (index >= toldMax || !given.shrinks) {
      console.log(`seed ${seed}: ${first.invariant}: ${first.words}`)
      continue
    }
    const { story, violation } = await shrink(storyOf(seed, given.size), first, given.mutant)
    console.log(`\n${tellStory(story, violation)}`)
    if (given.keepAs !== undefined) keep(given.keepAs, story, violation)
  }
}

/** Keeps a story for ever: test/simulation plays it from now on. */
function keep(name: string, story: Story, { invariant, words }: Violation): void {
  const path = fileURLToPath(new URL(`seeds/${name}.json`, import.meta.url))
  writeFileSync(path, `${JSON.stringify({ invariant, words, story }, null, 1)}\n`)
  console.log(`kept as ${path}`)
}

/** Spreads the seeds over processes; each world stays in one. */
async function playInWorkers(given: Settings, onEnding: (ending: Ending) => void): Promise<void> {
  let next = given.from
  const worker = async (): Promise<void> => {
    while (next <= given.to) {
      const from = next
      next = Math.min(given.to, from + seedsPerJob - 1) + 1
      await playInWorker(`${from}..${next - 1}`, given.passedOn, onEnding)
    }
  }
  await Promise.all(Array.from({ length: given.jobs }, worker))
}

function playInWorker(
  seeds: string,
  passedOn: readonly string[],
  onEnding: (ending: Ending) => void,
): Promise<void> {
  const own = fileURLToPath(import.meta.url)
  const parameters = [own, '--seeds', seeds, '--jobs', '1', '--json', ...passedOn]
  const child = spawn(process.execPath, parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
  const silence = setTimeout(() => child.kill('SIGKILL'), silenceMsMax)
  createInterface({ input: child.stdout }).on('line', (line) => {
    silence.refresh()
    onEnding(JSON.parse(line) as Ending)
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(silence)
      if (signal !== null) console.error(`\nthe worker of seeds ${seeds} ended by ${signal}`)
      resolve()
    })
  })
}

function settingsOf(parameters: string[]): Settings | MutantSettings | undefined {
  const { values } = parseArgs({
    args: parameters,
    options: {
      seed: { type: 'string', default: '1' },
      seeds: { type: 'string' },
      nodes: { type: 'string' },
      days: { type: 'string', default: '0' },
      hours: { type: 'string', default: '0' },
      mutant: { type: 'string' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      keep: { type: 'string' },
      'no-shrink': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      mutants: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.mutants)
    return { mutantsUpTo: Number(/\d+$/.exec(values.seeds ?? '')?.[0] ?? seedsMaxUsual) }
  const range = /^(\d+)(?:\.\.(\d+))?$/.exec(values.seeds ?? values.seed)
  const mutant = allMutants.find(({ name }) => name === values.mutant)
  const isUnknown = values.mutant !== undefined && mutant === undefined
  if (values.help || range === null || isUnknown) {
    console.log(values.mutant === 'list' ? listOfMutants() : usage)
    if (!values.help && values.mutant !== 'list') process.exitCode = 2
    return undefined
  }
  const hours = Number(values.days) * 24 + Number(values.hours)
  return {
    from: Number(range[1]),
    to: Number(range[2] ?? range[1]),
    size: {
      ...(values.nodes === undefined ? {} : { nodes: Number(values.nodes) }),
      ...(hours === 0 ? {} : { actOneMs: hours * 3_600_000 }),
    },
    mutant,
    jobs: Number(values.jobs),
    shrinks: !values['no-shrink'],
    keepAs: values.keep,
    json: values.json,
    passedOn: (['nodes', 'days', 'hours', 'mutant'] as const).flatMap((name) => {
      const value = values[name]
      return value === undefined ? [] : [`--${name}`, value]
    }),
  }
}

function listOfMutants(): string {
  return allMutants.map(({ name, breaks }) => `${name}: ${breaks}`).join('\n')
}
