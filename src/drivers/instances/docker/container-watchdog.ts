import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startWatchdog, watchdogSource } from '../shared/watchdog.ts'

/**
 * The watchdog of a container that is a singleton: the one of processes (process/watchdog.ts), which
 * finds the container's processes on the host where it has the right to, and the engine beside it,
 * which ends them where it has not. Either is enough; a stopped engine hinders only the second.
 */

/**
 * Asks the engine once: removes what has not started, so that no late call starts it any more, and
 * kills what runs. Exit code 0: it runs no more. Arguments: the socket, the container.
 */
const askEngine = String.raw`
const { request } = require('node:http')
const [socketPath, id] = process.argv.slice(2)
const call = (method, path) => new Promise((resolve) => {
  const how = { socketPath, method, path, timeout: 2000, headers: { host: 'docker' } }
  const asked = request(how, (answer) => {
    let text = ''
    answer.on('data', (chunk) => (text += chunk))
    answer.on('end', () => resolve({ status: answer.statusCode, text }))
  })
  asked.on('error', () => resolve({ status: 0, text: '' }))
  asked.on('timeout', () => asked.destroy())
  asked.end()
})
const stateOf = ({ status, text }) => {
  if (status === 404) return 'gone'
  try { return JSON.parse(text).State.Status } catch { return 'unknown' }
}
const look = async () => stateOf(await call('GET', '/containers/' + id + '/json'))
const run = async () => {
  const state = await look()
  if (state === 'created') await call('DELETE', '/containers/' + id + '?force=1')
  if (state === 'running') await call('POST', '/containers/' + id + '/kill?signal=SIGKILL')
  process.exit(['gone', 'exited', 'dead'].includes(await look()) ? 0 : 1)
}
run()
`

/** The files that watchdogs run, written once per driver. */
export interface WatchdogFiles {
  readonly script: string
  readonly engine: string
}

/** Writes what watchdogs run. */
export async function writeWatchdog(root: string): Promise<WatchdogFiles> {
  const files = { script: join(root, '.watchdog.sh'), engine: join(root, '.watchdog.cjs') }
  await writeFile(files.script, watchdogSource)
  await writeFile(files.engine, askEngine)
  return files
}

/** Starts one. */
export async function startContainerWatchdog(
  files: WatchdogFiles,
  of: {
    readonly lease: string
    readonly note: string
    readonly instanceId: string
    readonly socketPath: string
    readonly containerId: string
  },
): Promise<void> {
  const asking = [process.execPath, files.engine, of.socketPath, of.containerId]
  await startWatchdog(files.script, of, asking)
}
