/**
 * Makes a checkout ready to run: installs what the lockfile names, then builds what is outdated.
 *
 * Runs before `npm start` and `npm test`, on whatever Node.js the machine has (18 and up), since the
 * pinned one may not be installed yet. When nothing has changed it only compares stamps, in less
 * than 100 ms.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sourceStamp } from './source-stamp.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const installStamp = join(root, 'node_modules', '.roadstead-installed')
const buildStamp = join(root, 'dist', '.stamp')

/** What the bundles and the console are made of; a change in any of it builds anew. */
const sources = ['src', 'console', 'scripts/build.ts', 'package.json', 'package-lock.json']

/** What a user configures npm with; it stays when npm is started from within npm. */
const keptSettings =
  /^npm_config_(registry|cache|userconfig|globalconfig|proxy|https_proxy|noproxy|cafile|strict_ssl|offline|prefer_offline)$/i

install()
build()

function install() {
  const lockfile = readFileSync(join(root, 'package-lock.json'))
  const wanted = createHash('sha256').update(lockfile).digest('hex')
  if (readOrEmpty(installStamp) === wanted) return
  if (existsSync(installStamp) || !isInstalledByHand()) {
    const parameters = ['ci', '--include=dev', '--include=optional']
    run('installing packages', [...npm(), ...parameters], 'npm ci')
  }
  writeFileSync(installStamp, wanted)
}

/** npm writes node_modules/.package-lock.json last: a newer one means a whole installation. */
function isInstalledByHand() {
  const written = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(written)) return false
  return statSync(written).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs
}

function build() {
  const wanted = sourceStamp(root, sources)
  if (readOrEmpty(buildStamp) === wanted) return
  const pinned = join(root, 'node_modules', '.bin', 'node')
  const node = existsSync(pinned) ? pinned : process.execPath
  run('building', [node, join(root, 'scripts', 'build.ts')], 'npm run build')
  mkdirSync(dirname(buildStamp), { recursive: true })
  writeFileSync(buildStamp, wanted)
}

/** The npm that runs this script, or the one in PATH. */
function npm() {
  const script = process.env.npm_execpath
  const isNpm = script !== undefined && /npm(-cli)?\.c?js$/.test(script)
  return isNpm ? [process.execPath, script] : ['npm']
}

function run(title, [command, ...parameters], byHand) {
  const startedAt = performance.now()
  process.stdout.write(`${title} ...\n`)
  const result = spawnSync(command, parameters, {
    cwd: root,
    env: cleanEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  if (result.status === 0) {
    process.stdout.write(`${title}: done in ${seconds} s\n`)
    return
  }
  const reason = result.error?.message ?? `exit code ${result.status ?? result.signal}`
  process.stderr.write(`error: ${title} failed after ${seconds} s: ${reason}\n`)
  process.stderr.write(`hint: the reason stands above; by hand: ${byHand}\n`)
  process.exit(1)
}

/**
 * The environment without what npm put there for this script: it would point a nested npm at this
 * script's own lifecycle.
 */
function cleanEnvironment() {
  const entries = Object.entries(process.env)
  return Object.fromEntries(
    entries.filter(([name]) => !/^npm_/i.test(name) || keptSettings.test(name)),
  )
}

function readOrEmpty(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}
