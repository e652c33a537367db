import type { SecureContext } from 'node:tls'
import type { Clock, Timer } from '../../../base/clock.ts'
import { messageOf } from '../../../base/errors.ts'
import type { Log } from '../../../base/log.ts'
import { readCertificates, stampOf, type Certificate } from './certificates.ts'
import { limits } from './limits.ts'

/**
 * The certificates of a folder as they are now. The folder is looked at every 10 s; a state of it
 * that cannot be used is told and passed over, so a renewal that goes wrong costs nobody a connection.
 */
export class CertificateStore {
  readonly #folder: string
  readonly #clock: Clock
  readonly #log: Log
  readonly #onChange: (standard: Certificate) => void
  #byName = new Map<string, Certificate>()
  #stamp = ''
  #trouble = ''
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: {
    readonly folder: string
    readonly clock: Clock
    readonly log: Log
    /** Told the certificate for clients that name no host, or one that none is for. */
    readonly onChange: (standard: Certificate) => void
  }) {
    this.#folder = options.folder
    this.#clock = options.clock
    this.#log = options.log
    this.#onChange = options.onChange
  }

  /** Reads the folder for the first time. Refusals: those of `readCertificates`. */
  async open(): Promise<Certificate> {
    this.#stamp = await stampOf(this.#folder)
    const standard = this.#take(await readCertificates(this.#folder))
    this.#schedule()
    return standard
  }

  /** The one for a host: by its name, else by a wildcard; undefined: the standard one. */
  contextFor(host: string): SecureContext | undefined {
    const name = host.toLowerCase()
    const found = this.#byName.get(name) ?? this.#byName.get(name.replace(/^[^.]+/, '*'))
    return found?.context
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #schedule(): void {
    if (this.#isClosed) return
    this.#timer = this.#clock.after(limits.certificatesLookMs, () => {
      void this.#look().then(() => this.#schedule())
    })
  }

  async #look(): Promise<void> {
    try {
      const stamp = await stampOf(this.#folder)
      if (stamp === this.#stamp) return
      this.#stamp = stamp
      this.#onChange(this.#take(await readCertificates(this.#folder)))
      this.#trouble = ''
    } catch (error) {
      const because = messageOf(error)
      if (because !== this.#trouble)
        this.#log.warn('going on with the last certificates', { because })
      this.#trouble = because
    }
  }

  /** Of two for one name the one that is good for longer is meant. */
  #take(certificates: readonly Certificate[]): Certificate {
    const byName = new Map<string, Certificate>()
    for (const certificate of certificates) {
      const { file, names, validTo } = certificate
      for (const name of names) {
        if ((byName.get(name)?.validTo ?? 0) < validTo) byName.set(name, certificate)
      }
      if (validTo < this.#clock.now())
        this.#log.warn('certificate-expired', { file, names, validTo })
      else this.#log.info('certificate in use', { file, names, validTo })
    }
    this.#byName = byName
    return certificates[0] as Certificate
  }
}
