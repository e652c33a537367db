/** `npm run bench -- NAME`: runs one script of bench/, or lists them. */
import { spawn } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bench')
const [name, ...rest] = process.argv.slice(2)
const script = join(folder, `${name}.ts`)
if (name === undefined || basename(name) !== name || !existsSync(script)) {
  if (name !== undefined) console.error(`error: there is no bench/${name}.ts`)
  const names = globSync('*.ts', { cwd: folder }).map((file) => basename(file, '.ts'))
  console.error(`usage: npm run bench -- NAME, one of: ${names.toSorted().join(', ')}`)
  process.exitCode = 2
} else {
  const child = spawn(process.execPath, [script, ...rest], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  child.on('close', (code) => {
    process.exitCode = code ?? 1
  })
}
