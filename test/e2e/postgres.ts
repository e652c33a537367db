import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './cloud.ts'
import { freePort } from '../fixtures/free-port.ts'

/** Where Debian keeps the servers, by version. */
const packages = '/usr/lib/postgresql'

/** Whether this machine has a PostgreSQL server and its client. */
export function hasPostgres(): boolean {
  return existsSync(packages) && spawnSync('psql', ['--version']).error === undefined
}

/** A real PostgreSQL of this test's own, on loopback, in a folder that goes with it. */
export class Postgres {
  readonly #folder = mkdtempSync(join(tmpdir(), 'roadstead-pg-'))
  readonly #bin = join(packages, readdirSync(packages).toSorted().at(-1) ?? '', 'bin')
  #server: ChildProcess | undefined
  #said = ''
  url = ''

  async start(): Promise<void> {
    const port = await freePort()
    const data = join(this.#folder, 'data')
    const user = userOf()
    if (user !== undefined) chownSync(this.#folder, user.uid, user.gid)
    const options = { ...user, cwd: this.#folder, stdio: 'pipe' } as const
    const how = ['-D', data, '-U', 'shop', '-A', 'trust', '--no-sync']
    execFileSync(join(this.#bin, 'initdb'), how, options)
    const flags = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', this.#folder]
    this.#server = spawn(join(this.#bin, 'postgres'), flags, options)
    this.#server.stderr?.on('data', (chunk: Buffer) => (this.#said += chunk.toString()))
    this.url = `postgres://shop@127.0.0.1:${port}/postgres`
    await until(() => this.#said.includes('ready to accept connections'), 'PostgreSQL is ready')
  }

  /** What a statement answers, unaligned, a row per line. */
  ask(sql: string): string {
    return execFileSync('psql', [this.url, '-XAtc', sql], { encoding: 'utf8' }).trim()
  }

  async remove(): Promise<void> {
    const server = this.#server
    if (server !== undefined) {
      server.kill('SIGQUIT')
      await until(() => server.exitCode !== null || server.signalCode !== null, 'it ends')
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** PostgreSQL refuses to run as root: Debian's package has a user for it. */
function userOf(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}
