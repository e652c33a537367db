/**
 * `npm run check`: all that CI checks but the heavy suites, side by side, one line per check.
 *
 * A check that passes says no more than its line; one that fails shows all that it printed.
 */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'

interface Check {
  readonly name: string
  /** What to do about a failure. */
  readonly mend: string
  readonly command: readonly [string, ...string[]]
}

interface Outcome {
  readonly check: Check
  readonly passed: boolean
  readonly output: string
  readonly seconds: number
}

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = (name: string): string => join(root, 'node_modules', '.bin', name)
const script = (name: string): string => join(root, 'scripts', name)

/** Slowest first, so that the others fill the processors beside it. */
const checks: readonly Check[] = [
  {
    name: 'types',
    mend: 'npx tsc --noEmit shows them one by one',
    command: [process.execPath, bin('tsc'), '--noEmit', '-p', root],
  },
  {
    name: 'lint',
    mend: 'npx oxlint --type-aware --fix mends some',
    command: [process.execPath, bin('oxlint'), '--type-aware', '--quiet'],
  },
  {
    name: 'dead code',
    mend: 'remove what nothing uses, or say why it stays in knip.json',
    command: [process.execPath, bin('knip'), '--no-progress'],
  },
  {
    name: 'format',
    mend: 'npm run format',
    command: [process.execPath, bin('oxfmt'), '--check', '.'],
  },
  {
    name: 'layers',
    mend: 'ARCHITECTURE.md says who may import whom',
    command: [process.execPath, script('check-layers.ts')],
  },
  {
    name: 'style',
    mend: 'STYLE.md gives the reasons',
    command: [process.execPath, script('check-style.ts')],
  },
]

const startedAt = performance.now()
const outcomes = await runAll(checks)
const failed = outcomes.filter((outcome) => !outcome.passed)
for (const { check, output } of failed) {
  console.log(`\n${styleText('bold', check.name)}: ${check.mend}\n${output.trimEnd()}`)
}
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
console.log(
  failed.length === 0
    ? `\nall ${checks.length} checks passed in ${seconds} s`
    : `\n${failed.length} of ${checks.length} checks failed: ${failed.map(nameOf).join(', ')}`,
)
process.exitCode = failed.length === 0 ? 0 : 1

/** Runs as many at once as there are processors. */
async function runAll(all: readonly Check[]): Promise<Outcome[]> {
  const waiting = [...all]
  const done: Outcome[] = []
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const outcome = await run(check)
      done.push(outcome)
      printLine(outcome)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return done
}

function run(check: Check): Promise<Outcome> {
  const [command, ...parameters] = check.command
  const begun = performance.now()
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(command, parameters, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const collect = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    const finish = (passed: boolean): void =>
      resolve({ check, passed, output, seconds: (performance.now() - begun) / 1_000 })
    child.on('error', (error) => {
      output += error.message
      finish(false)
    })
    child.on('close', (code) => finish(code === 0))
  })
}

function printLine({ check, passed, seconds: taken }: Outcome): void {
  const mark = passed ? styleText('green', '✓') : styleText('red', '✗')
  console.log(`${mark} ${check.name.padEnd(10)} ${taken.toFixed(1).padStart(5)} s`)
}

function nameOf(outcome: Outcome): string {
  return outcome.check.name
}
