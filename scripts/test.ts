/**
 * `npm test`: runs vitest, then says what ran and what could not.
 *
 * A suite whose suffix names a component (`.browser.test.ts`) needs it on this machine. Where it is
 * missing the suite is left out and the end says how to get it; under CI that is a failure. What the
 * tests write lies in one folder, and a process of theirs that outlives them is a failure as well.
 * Arguments go to vitest: `npm test -- src/base`.
 */
import { spawn } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import { endProcess, processesOf } from './left-behind.ts'

/** Something that a suite needs and a machine may lack. */
interface Component {
  /** The suite's suffix: `x.browser.test.ts`. */
  readonly suffix: string
  readonly name: string
  /** Programs, any of which will do. */
  readonly programs: readonly string[]
  readonly get: string
}

/** What vitest's JSON report says of one file. */
interface FileReport {
  readonly name: string
  readonly status: string
  readonly startTime: number
  readonly endTime: number
  readonly assertionResults: readonly { readonly status: string }[]
}

interface Level {
  readonly name: string
  readonly has: (path: string) => boolean
}

const components: readonly Component[] = [
  {
    suffix: 'browser',
    name: 'Chromium',
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
    get: 'apt-get install chromium',
  },
  {
    suffix: 'zsh',
    name: 'zsh',
    programs: ['zsh'],
    get: 'apt-get install zsh',
  },
  {
    suffix: 'haproxy',
    name: 'HAProxy',
    programs: ['haproxy', '/usr/sbin/haproxy'],
    get: 'apt-get install haproxy',
  },
  {
    suffix: 'docker',
    name: 'Docker Engine',
    programs: ['dockerd', '/usr/sbin/dockerd'],
    get: 'apt-get install docker.io',
  },
  {
    suffix: 'etcd',
    name: 'etcd',
    programs: ['etcd'],
    get: 'apt-get install etcd-server',
  },
]

/** The ladder of tests; a file belongs to the first level that has it. */
const levels: readonly Level[] = [
  { name: 'simulation', has: (path) => path.startsWith('test/simulation/') },
  { name: 'end to end', has: (path) => /^test\/(e2e|bad-inputs)\//.test(path) },
  { name: 'contract', has: (path) => path.startsWith('test/contract/') },
  { name: 'unit', has: () => true },
]

const root = dirname(dirname(fileURLToPath(import.meta.url)))
/** All that the tests write: a short name, since sockets' paths have 108 bytes at the most. */
const folder = mkdtempSync(join(tmpdir(), 'rs-'))
// As the folder above it: databases and instances run as other users.
chmodSync(folder, 0o755)
const reportPath = join(folder, 'report.json')
const suites = globSync('{src,test,scripts,console,sim,examples}/**/*.test.{ts,tsx}', { cwd: root })
const missing = components
  .map((component) => ({ component, files: suitesThatNeed(component) }))
  .filter(({ component, files }) => files.length > 0 && !isPresent(component))

const exitCode = await runVitest()
printReport()
const isComplete = missing.length === 0 || !isCi()
const isTidy = await endLeftBehind()
rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
process.exitCode = exitCode === 0 && !(isComplete && isTidy) ? 1 : exitCode

function runVitest(): Promise<number> {
  const parameters = [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportPath}`,
    ...missing.flatMap(({ files }) => files.map((file) => `--exclude=${file}`)),
    ...process.argv.slice(2),
  ]
  const env = { ...process.env, TMPDIR: folder }
  const child = spawn(process.execPath, parameters, { cwd: root, env, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve) => {
    child.on('error', () => resolve(1))
    child.on('close', (code) => resolve(code ?? 1))
  })
}

function printReport(): void {
  const files = readReport()
  console.log(styleText('bold', 'What ran'))
  for (const level of levels) {
    const ofLevel = files.filter((file) => levelOf(file.name) === level)
    if (ofLevel.length > 0) console.log(`  ${level.name.padEnd(11)} ${describe(ofLevel)}`)
  }
  if (files.length === 0) console.log('  nothing')
  console.log(styleText('bold', 'What needs a component that is not here'))
  for (const { component, files: needy } of missing) {
    console.log(`  ${component.name}: ${needy.join(', ')}`)
    console.log(`    to get it: ${component.get}`)
  }
  if (missing.length === 0) console.log('  nothing: every suite could run')
  else if (isCi()) console.log(styleText('red', '  under CI a missing component is a failure'))
  const { passed, failed, skipped } = countsOf(files)
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
}

function describe(files: readonly FileReport[]): string {
  const { passed, failed, skipped } = countsOf(files)
  const ms = files.reduce((sum, file) => sum + Math.max(0, file.endTime - file.startTime), 0)
  const parts = [`${passed} passed`]
  if (failed > 0) parts.push(`${failed} failed`)
  if (skipped > 0) parts.push(`${skipped} skipped`)
  const broken = files.filter(isBroken)
  if (broken.length > 0) parts.push(`${broken.length} files could not be loaded`)
  return `${parts.join(', ')} in ${files.length} files (${(ms / 1_000).toFixed(1)} s)`
}

/** A file that could not be loaded counts as one failure: its tests are unknown. */
function countsOf(files: readonly FileReport[]): {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
} {
  const states = files.flatMap((file) => file.assertionResults.map(({ status }) => status))
  const count = (...wanted: string[]): number =>
    states.filter((status) => wanted.includes(status)).length
  return {
    passed: count('passed'),
    failed: count('failed') + files.filter(isBroken).length,
    skipped: count('skipped', 'pending', 'todo'),
  }
}

function isBroken(file: FileReport): boolean {
  return file.status === 'failed' && file.assertionResults.length === 0
}

function readReport(): readonly FileReport[] {
  try {
    return JSON.parse(readFileSync(reportPath, 'utf8')).testResults
  } catch {
    return []
  }
}

/** False: there was something to end. What is about to end gets some seconds for it. */
async function endLeftBehind(): Promise<boolean> {
  for (let look = 0; look < 50 && processesOf(folder).length > 0; look++) await sleep(100)
  const left = processesOf(folder)
  if (left.length > 0) console.log(styleText('red', 'Left behind by a suite, ended now'))
  for (const { pid, command } of left) {
    console.log(`  ${pid} ${command.slice(0, 200)}`)
    endProcess(pid)
  }
  return left.length === 0
}

function levelOf(path: string): Level | undefined {
  const local = relative(root, path)
  return levels.find((level) => level.has(local))
}

function suitesThatNeed(component: Component): string[] {
  return suites.filter((file) => file.includes(`.${component.suffix}.`))
}

function isPresent(component: Component): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return component.programs.some((program) =>
    program.startsWith('/')
      ? isExecutable(program)
      : folders.some((folder) => isExecutable(join(folder, program))),
  )
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function isCi(): boolean {
  const value = process.env['CI']
  return value !== undefined && value !== '' && value !== 'false' && value !== '0'
}
