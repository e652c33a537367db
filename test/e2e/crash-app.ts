import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * An app whose every step waits behind a gate (a file), so that a test can stop a rollout at the
 * state that it wants to see, do something terrible, and open the gate again.
 */

/** What a gate holds while its file is there. */
export type Gate =
  /** New processes wait before they listen. */
  | 'start'
  /** The migration does not end. */
  | 'migrate'
  /** The release's test does not end. */
  | 'test'
  /** Requests to /slow are not answered. */
  | 'slow'
  /** SIGTERM is not obeyed. */
  | 'stop'
  /** Holds nothing: the release's test fails. */
  | 'fail'

const server = `
const { createServer } = require('node:http')
const { existsSync } = require('node:fs')
const { GATES, PORT, HOST, ROADSTEAD_VERSION } = process.env
const isHeld = (gate) => existsSync(GATES + '/' + gate)
const open = (gate, then) => (isHeld(gate) ? setTimeout(open, 20, gate, then) : then())
process.on('SIGTERM', () => open('stop', () => process.exit(0)))
open('start', () =>
  createServer((request, response) => {
    const answer = () => response.end(ROADSTEAD_VERSION)
    if (request.url === '/slow') open('slow', answer)
    else setTimeout(answer, 5)
  }).listen(Number(PORT), HOST),
)
`

/** The release's test; it has no service's environment, so it is told where the gates are. */
const checkAt = (gates: string): string => `
const { existsSync } = require('node:fs')
const { ROADSTEAD_TARGET } = process.env
const GATES = ${JSON.stringify(gates)}
const wait = async () => {
  while (existsSync(GATES + '/test')) await new Promise((done) => setTimeout(done, 20))
  const answer = await fetch(ROADSTEAD_TARGET)
  process.exit(answer.ok && !existsSync(GATES + '/fail') ? 0 : 1)
}
wait().catch((error) => {
  console.error(error)
  process.exit(2)
})
`

/** The migration; it notes each time that it was through, as a database would. */
const expand = `
const { appendFileSync, existsSync } = require('node:fs')
const { GATES } = process.env
const wait = () => {
  if (existsSync(GATES + '/migrate')) return setTimeout(wait, 20)
  appendFileSync(GATES + '/expanded', process.env.CONTENT + '\\n')
}
wait()
`

/** Instances that serve when all is well. */
export const instancesWanted = 3

export class CrashApp {
  readonly folder: string
  readonly #gates: string
  #version = 0

  constructor(folder: string) {
    this.folder = join(folder, 'crash-app')
    this.#gates = join(folder, 'gates')
    mkdirSync(this.folder)
    mkdirSync(this.#gates)
    writeFileSync(join(this.folder, 'server.js'), server)
    writeFileSync(join(this.folder, 'check.js'), checkAt(this.#gates))
    writeFileSync(join(this.folder, 'expand.js'), expand)
  }

  /** Writes the manifest of another version; each differs from all before. */
  nextVersion(isJudged = false): string {
    this.#version++
    writeFileSync(join(this.folder, 'roadstead.yaml'), this.#manifest(isJudged))
    return `v${this.#version}`
  }

  /** The versions whose migration was through, in order. */
  expanded(): string[] {
    return readOr(join(this.#gates, 'expanded')).trim().split('\n')
  }

  close(gate: Gate): void {
    writeFileSync(join(this.#gates, gate), '')
  }

  open(...gates: readonly Gate[]): void {
    for (const gate of gates) rmSync(join(this.#gates, gate), { force: true })
  }

  /** Pids of its services' main processes, whoever believes what of them. */
  processes(): number[] {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    return pids.map(Number).filter((pid) => {
      const command = readOr(`/proc/${pid}/cmdline`)
      return (
        /^[^\0]*node\0server\.js/.test(command) &&
        readOr(`/proc/${pid}/environ`).includes(`GATES=${this.#gates}\0`)
      )
    })
  }

  #manifest(isJudged: boolean): string {
    const canary = `    - online: { weight: 30% }
    - judge: { for: 10s, against: baseline, stop: { errors: 40% } }
`
    const env = `{ GATES: ${this.#gates}, CONTENT: "${this.#version}" }`
    return `roadstead: v1
app: crash
services:
  web:
    run: node server.js
    instances: ${instancesWanted}
    cpu: 0.1
    memory: 64MiB
    health: { http: /, every: 200ms }
    route: crash.localhost
    env: ${env}
    migrate: { expand: node expand.js, timeout: 1m }
    stop: { drain: 10s, grace: 10s }
release:
  steps:
    - migrate: expand
    - maintenance: { portion: 30%, min: 1 }
    - test: { run: node check.js, timeout: 1m }
${isJudged ? canary : ''}    - remaining: { batch: 30%, pause: 1s }
`
  }
}

/** A file's text; empty when it cannot be read. */
export function readOr(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  } catch {
    return ''
  }
}
