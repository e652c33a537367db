/**
 * Makes a checkout ready to run: installs what the lockfile names, then builds what is outdated.
 *
 * Runs before `npm start` and `npm test`, on whatever Node.js the machine has (18 and up), since the
 * pinned one may not be installed yet. When nothing has changed it only compares stamps, in less
 * than 100 ms.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const installStamp = join(root, 'node_modules', '.roadstead-installed')
const buildStamp = join(root, 'dist', '.stamp')

/** What the bundles and the console are made of; a change in any of it builds anew. */
const sources = ['src', 'console', 'scripts/build.ts', 'package.json', 'package-lock.json']

install()
build()

function install() {
  const wanted = digestOf(readFileSync(join(root, 'package-lock.json')))
  if (readOrEmpty(installStamp) === wanted) return
  if (!existsSync(installStamp) && isInstalledByHand()) return writeFileSync(installStamp, wanted)
  run('installing packages', npm(), ['ci', '--include=dev', '--include=optional'], 'npm ci')
  writeFileSync(installStamp, wanted)
}

/** npm writes node_modules/.package-lock.json last: a newer one means a whole installation. */
function isInstalledByHand() {
  const written = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(written)) return false
  return statSync(written).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
}

function build() {
  const wanted = sourcesStamp()
  if (readOrEmpty(buildStamp) === wanted) return
  const node = join(root, 'node_modules', '.bin', 'node')
  const command = existsSync(node) ? node : process.execPath
  run('building', [command], [join(root, 'scripts', 'build.ts')], 'npm run build')
  mkdirSync(dirname(buildStamp), { recursive: true })
  writeFileSync(buildStamp, wanted)
}

/** Names, sizes and times of all sources: reading none of them keeps this at a few ms. */
function sourcesStamp() {
  const lines = []
  for (const source of sources) collect(source, lines)
  return digestOf(lines.join('\n'))
}

function collect(path, lines) {
  const status = statSync(join(root, path), { throwIfNoEntry: false })
  if (status === undefined || path.endsWith('.test.ts')) return
  if (status.isDirectory()) {
    for (const name of readdirSync(join(root, path)).sort()) {
      if (name !== 'node_modules' && name !== 'dist') collect(join(path, name), lines)
    }
  } else {
    lines.push(`${path} ${status.size} ${status.mtimeMs}`)
  }
}

/** The npm that runs this script, or the one in PATH. */
function npm() {
  const script = process.env.npm_execpath
  const isNpm = script !== undefined && /npm(-cli)?\.c?js$/.test(script)
  return isNpm ? [process.execPath, script] : ['npm']
}

function run(title, [command, ...first], rest, byHand) {
  const startedAt = performance.now()
  process.stdout.write(`${title} ...\n`)
  const result = spawnSync(command, [...first, ...rest], {
    cwd: root,
    env: cleanEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  if (result.status === 0) return process.stdout.write(`${title}: done in ${seconds} s\n`)
  const reason = result.error?.message ?? `exit code ${result.status ?? result.signal}`
  process.stderr.write(`error: ${title} failed after ${seconds} s: ${reason}\n`)
  process.stderr.write(`hint: the reason stands above; by hand: ${byHand}\n`)
  process.exit(1)
}

/**
 * The environment without what npm put there for this script: it would point a nested npm at this
 * script's own lifecycle. What a user configures npm with (registry, cache, proxy) stays.
 */
function cleanEnvironment() {
  const kept = /^npm_config_(registry|cache|userconfig|globalconfig|proxy|https_proxy|noproxy|cafile|strict_ssl|offline|prefer_offline)$/i
  const environment = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (!/^npm_/i.test(name) || kept.test(name)) environment[name] = value
  }
  return environment
}

function readOrEmpty(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function digestOf(content) {
  return createHash('sha256').update(content).digest('hex')
}
