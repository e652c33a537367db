import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Addresses } from './addresses.ts'
import { cliEntry, shopFolder } from './entries.ts'
import { readJson } from './health.ts'
import { leash } from './leash.ts'

/** The sample shop and its load, each a child process, so that they take no memory when done. */

/** Whether the shop's sources are here: they are part of the package, but may be left out. */
export function hasShopSources(): boolean {
  return existsSync(join(shopFolder(), 'roadstead.yaml'))
}

/** Whether an earlier start has deployed the shop already. */
export async function isShopDeployed(
  addresses: Addresses,
  token: string | undefined,
): Promise<boolean> {
  const path = '/v1/cells/local/default/apps/shop'
  const app = (await readJson(`http://127.0.0.1:${addresses.serverPort}${path}`, token)) as
    | { releaseId?: string | null }
    | undefined
  return typeof app?.releaseId === 'string'
}

/** Runs `roadstead deploy` on the shop as anybody would; resolves with whether it came online. */
export async function deployShop(
  addresses: Addresses,
  dataFolder: string,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<boolean> {
  const parameters = ['deploy', '--file', shopFolder(), '--version', 'v1']
  const child = spawn(process.execPath, ['--no-warnings', cliEntry(), ...parameters], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ROADSTEAD_DATA: dataFolder,
      ROADSTEAD_SERVER: `http://127.0.0.1:${addresses.serverPort}`,
    },
    detached: true,
  })
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', say)
  const onAbort = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', onAbort, { once: true })
  const code = await endOf(child)
  signal.removeEventListener('abort', onAbort)
  return code === 0
}

/** Requests per second: enough to see, too little to hear the fan. */
const loadRate = 20

/** Starts the shop's load generator; it goes on until it is killed, or this process is gone. */
export function startLoad(addresses: Addresses): ChildProcess {
  const url = `http://127.0.0.1:${addresses.ingressPort}`
  const script = join(shopFolder(), 'load', 'load.js')
  const load = [script, '--url', url, '--rate', String(loadRate), '--forever']
  const child = spawn(process.execPath, ['--import', leash, ...load], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    detached: true,
  })
  child.on('error', () => {})
  return child
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(1))
    child.once('close', (code) => resolve(code ?? 1))
  })
}
