import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../../base/errors.ts'
import type { Log } from '../../../base/log.ts'
import { readCertificates, stampOf } from '../builtin/certificates.ts'
import { limits } from '../builtin/limits.ts'

/**
 * Certificates as HAProxy takes them: each in one file with its key, and a list whose first is for
 * clients that name no host of the others. Only what was understood is written, so a renewal that goes
 * wrong changes nothing.
 */
export class Certificates {
  readonly list: string
  readonly #source: string
  readonly #folder: string
  readonly #log: Log
  #stamp = ''
  #trouble = ''
  #lookedAt = 0
  #count = 0

  constructor(source: string, folder: string, log: Log) {
    this.#source = source
    this.#folder = join(folder, 'certificates')
    this.list = join(this.#folder, 'list')
    this.#log = log
  }

  /** Refusals: those of `readCertificates`. */
  async open(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true })
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    this.#stamp = await stampOf(this.#source)
    await this.#take()
  }

  /** Looks at the folder from time to time; true when there is something new to be loaded. */
  async look(now: number): Promise<boolean> {
    if (now - this.#lookedAt < limits.certificatesLookMs) return false
    this.#lookedAt = now
    try {
      const stamp = await stampOf(this.#source)
      if (stamp === this.#stamp) return false
      this.#stamp = stamp
      await this.#take()
      this.#trouble = ''
      return true
    } catch (error) {
      const because = messageOf(error)
      if (because !== this.#trouble) {
        this.#log.warn('going on with the last certificates', { because })
      }
      this.#trouble = because
      return false
    }
  }

  async #take(): Promise<void> {
    const certificates = await readCertificates(this.#source)
    const paths = certificates.map(({ pem, file, names, validTo }) => {
      const path = join(this.#folder, `${this.#count++}.pem`)
      writeFileSync(path, `${pem.cert}\n${pem.key}\n`, { mode: 0o600 })
      this.#log.info('certificate in use', { file, names, validTo })
      return path
    })
    writeFileSync(this.list, `${paths.join('\n')}\n`, { mode: 0o600 })
  }
}
