import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const source = join(import.meta.dirname, '../../src')

/** All that `roadstead agent` loads, at its start and with its first archive. */
const agentModules = [
  'cli/agent.ts',
  'base/log.ts',
  'agent/agent.ts',
  'agent/server-client.ts',
  'drivers/instances/process/process-driver.ts',
  'drivers/artifacts/tar-archiver.ts',
]

/** Prints each package that a module of ours imports, and which module that is. */
const watcher = `
import { registerHooks } from 'node:module'
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    const isOurs = context.parentURL?.includes('/node_modules/') === false
    if (isOurs && resolved.url.includes('/node_modules/')) {
      console.log(specifier + ' for ' + context.parentURL)
    }
    return resolved
  },
})
for (const path of process.argv.slice(1)) await import(path)
`

test('an agent loads no schema library: there is one on each machine, and it costs 10 MB', async () => {
  const paths = agentModules.map((path) => join(source, path))
  const flags = ['--input-type=module', '--eval', watcher, '--']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, ...paths])
  const packages = stdout.split('\n')
  expect(packages.some((line) => line.startsWith('tar for '))).toBe(true)
  expect(packages.filter((line) => line.startsWith('typebox'))).toEqual([])
})
