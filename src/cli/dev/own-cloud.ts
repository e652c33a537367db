import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { styleText } from 'node:util'
import { exitCodes, Exit } from '../terminal/failure.ts'
import { print } from '../terminal/output.ts'
import { cliEntry } from '../up/entries.ts'
import { leash } from '../up/leash.ts'

/** A `roadstead up` that lives as long as the session that has started it. */
export class OwnCloud {
  readonly #child: ChildProcess
  readonly #ended: Promise<void>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()))
  }

  /** Resolves once all of it runs; an `up` that ends before has said why. */
  static async start(): Promise<OwnCloud> {
    const colours = styleText('red', '.') === '.' ? { NO_COLOR: '1' } : { FORCE_COLOR: '1' }
    const parameters = ['--no-warnings', '--import', leash, cliEntry(), 'up']
    const child = spawn(process.execPath, parameters, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...colours },
    })
    const { stdout, stderr } = child
    for (const stream of [stdout, stderr]) {
      if (stream !== null) createInterface(stream).on('line', (line) => print(line))
    }
    const cloud = new OwnCloud(child)
    const isReady = await Promise.race([
      new Promise<true>((resolve) => child.once('message', () => resolve(true))),
      cloud.#ended.then(() => false),
    ])
    if (!isReady) throw new Exit(exitCodes.refused)
    return cloud
  }

  /** As Ctrl-C ends it; in a terminal it has had that already, and takes the two for one. */
  async end(): Promise<void> {
    this.#child.kill('SIGINT')
    await this.#ended
  }
}
