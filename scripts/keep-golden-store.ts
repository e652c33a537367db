/**
 * `node scripts/keep-golden-store.ts 0.2.0`: keeps the store of a real cloud of this version, which
 * every later version has to open (test/contract/store-golden.test.ts). Made once per release, and
 * never changed after it.
 */
import { appendFile, copyFile, cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { restoreBackup } from '../src/drivers/backups/restore.ts'
import { Cloud, until } from '../test/e2e/cloud.ts'

const [version] = process.argv.slice(2)
if (version === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
  console.error('usage: node scripts/keep-golden-store.ts VERSION')
  process.exit(2)
}

const root = join(import.meta.dirname, '..')
const hello = join(root, 'examples/hello')
const target = join(root, `test/contract/store-golden/${version}-cloud.db`)
const folder = await mkdtemp(join(tmpdir(), 'roadstead-golden-'))
const cloud = new Cloud()

/** One command of the CLI; the first that fails ends it all. */
async function run(...command: string[]): Promise<void> {
  const { code, output } = await cloud.run(...command)
  if (code !== 0) throw new Error(`roadstead ${command.join(' ')}: ${output}`)
  console.log(`done  roadstead ${command[0]}`)
}

/** What an operator does in a day, so that every kind of record is in it. */
async function liveADay(): Promise<void> {
  const app = join(folder, 'app')
  await cp(hello, app, { recursive: true })
  await appendFile(
    join(app, 'roadstead.yaml'),
    '\njobs:\n  tick: { service: web, run: node --version }\n',
  )
  await run('deploy', '--file', app, '--version', 'v1')
  await run('run', 'hello/tick')
  await appendFile(join(app, 'server.js'), '\n// the second version\n')
  await run('deploy', '--file', app, '--version', 'v2')
  await run('scale', 'hello/web', '2')
  await run('revert', 'hello')
  await run('deploy', '--version', 'v1')
  await run('destroy', 'shop', '--yes')
}

try {
  await cloud.start()
  await liveADay()
  await until(async () => {
    const { items } = await cloud.get<{ items: unknown[] }>('/v1/apps')
    return items.length === 1
  }, 'the shop is gone')
  const backup = join(folder, 'backup.tar')
  await run('backup', backup)
  const data = join(folder, 'restored')
  await restoreBackup({ file: backup, data, checkStore: async () => {} })
  await copyFile(join(data, 'server/state.db'), target)
  console.log(`kept ${target}`)
} finally {
  await cloud.remove()
  await rm(folder, { recursive: true, force: true })
}
