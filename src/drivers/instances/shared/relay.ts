import { spawn } from 'node:child_process'
import { rename, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'

/**
 * The way from containers to the listeners of their node, which are on the node's loopback: a small
 * process of its own, which outlives the agent as the containers do. It listens on the gateway of
 * the agent's network, at those ports only that the assignment gives to a container, and passes
 * bytes on.
 */

/** A relay takes this many connections at a time; more wait for one to end. */
const connectionsMax = 4_096

/** How often it looks at its file, in ms. */
const lookEveryMs = 500

/** Listens where its file says, until there is no file. Arguments: the file, a socket to be known by. */
const source = String.raw`
const { readFileSync, rmSync, watchFile } = require('node:fs')
const { connect, createServer } = require('node:net')
const [file, known] = process.argv.slice(2)
const { setTimeout: sleep } = require('node:timers/promises')
const open = new Map()
let connections = 0
const pass = (port) => (near) => {
  if (connections >= ${connectionsMax}) return near.destroy()
  connections++
  const far = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  near.on('error', () => far.destroy()).on('close', () => { connections--; far.destroy() })
  far.on('error', () => near.destroy()).on('close', () => near.destroy())
  near.pipe(far).pipe(near)
}
const look = () => {
  let wanted
  try { wanted = JSON.parse(readFileSync(file, 'utf8')) } catch { process.exit(0) }
  const places = new Map(wanted.ports.map((port) => [wanted.host + ' ' + port, port]))
  for (const [place, server] of open) {
    if (places.has(place)) continue
    server.close()
    open.delete(place)
  }
  for (const [place, port] of places) {
    if (open.has(place)) continue
    const server = createServer({ allowHalfOpen: true }, pass(port))
    // The one before it may be just about to end: its place is tried again.
    server.on('error', () => server.close(() => sleep(${lookEveryMs}).then(listen)))
    const listen = () => open.get(place) === server && server.listen(port, wanted.host)
    open.set(place, server)
    listen()
  }
}
const alone = createServer((socket) => socket.end())
alone.on('error', () => process.exit(0))
rmSync(known, { force: true })
alone.listen(known, () => {
  look()
  watchFile(file, { interval: ${lookEveryMs} }, look)
})
`

export class Relay {
  readonly #file: string
  readonly #known: string
  readonly #script: string
  #isWanted = false
  #turn: Promise<unknown> = Promise.resolve()

  constructor(root: string) {
    this.#file = join(root, '.relay.json')
    this.#known = join(root, '.relay.sock')
    this.#script = join(root, '.relay.cjs')
  }

  /** Lets containers reach these ports of the node's loopback, at `host`; none: it ends. */
  open(host: string, ports: ReadonlySet<number>): Promise<void> {
    const turn = this.#turn.then(() => this.#open(host, ports))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  /** Starts it anew where it has died. */
  keep(): Promise<void> {
    const turn = this.#turn.then(async () => {
      if (this.#isWanted && !(await this.#runs())) await this.#start()
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #open(host: string, ports: ReadonlySet<number>): Promise<void> {
    this.#isWanted = ports.size > 0
    if (!this.#isWanted) return rm(this.#file, { force: true })
    const wanted = { host, ports: [...ports].toSorted((a, b) => a - b) }
    await writeFile(`${this.#file}.new`, JSON.stringify(wanted), { mode: 0o600 })
    await rename(`${this.#file}.new`, this.#file)
    if (!(await this.#runs())) await this.#start()
  }

  #runs(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.#known)
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
  }

  async #start(): Promise<void> {
    await writeFile(this.#script, source)
    const relay = spawn(process.execPath, [this.#script, this.#file, this.#known], {
      cwd: '/',
      env: {},
      detached: true,
      stdio: 'ignore',
    })
    await new Promise<void>((resolve, reject) => {
      relay.once('spawn', resolve)
      relay.once('error', reject)
    })
    relay.unref()
  }
}

/** The same environment with the node's listeners where a container finds them. */
export function relayedEnv(
  env: Readonly<Record<string, string>>,
  reaches: ReadonlySet<number>,
  host: string,
): Record<string, string> {
  const urls = new Map([...reaches].map((port) => [`http://127.0.0.1:${port}`, port]))
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => {
      const port = urls.get(value)
      return [name, port === undefined ? value : `http://${host}:${port}`]
    }),
  )
}
