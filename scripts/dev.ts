/**
 * `npm run dev`: the cloud from its sources with the sample shop, and the console with hot
 * reloading. Data lies in .roadstead/dev; one Ctrl-C ends all.
 *
 * A role is started anew with its latest source by killing it: `kill $(jq .roles.server.pid
 * .roadstead/dev/up.json)`; the supervisor brings it back.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const children: ChildProcess[] = []

start([join(root, 'bin', 'roadstead.js'), 'up', '--demo', '--data', '.roadstead/dev'])
if (existsSync(join(root, 'console', 'index.html'))) {
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  start([vite, join(root, 'console'), '--clearScreen', 'false'])
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal)
  })
}

/** Whichever ends first takes the others along. */
function start(parameters: readonly string[]): void {
  const child = spawn(process.execPath, parameters, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ROADSTEAD_FROM_SOURCE: '1' },
  })
  children.push(child)
  child.on('exit', (code) => {
    process.exitCode ??= code ?? 0
    for (const other of children) if (other !== child) other.kill('SIGTERM')
  })
}
