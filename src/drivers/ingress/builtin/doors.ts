import type { Server } from 'node:http'
import type { TlsOptions } from 'node:tls'
import type { Clock } from '../../../base/clock.ts'
import type { Log } from '../../../base/log.ts'
import {
  bodyBytesUsual,
  type Address,
  type IngressSettings,
  type OpenPorts,
  type TlsSettings,
} from '../../../parts/ingress/driver.ts'
import { CertificateStore } from './certificate-store.ts'
import { createFront, type Arrival, type Front, type Serve } from './front.ts'
import type { OutsideEntrance } from './headers.ts'
import { limits } from './limits.ts'
import { listen } from './listeners.ts'
import { Shield } from './shield.ts'

/** What is done with a request from outside, by the way in that it took. */
export type ServeFromOutside = (arrival: Arrival, entrance: OutsideEntrance) => void

/** The addresses at which requests come in from outside: public, with TLS, private and admin. */
export class Doors {
  readonly #serve: ServeFromOutside
  readonly #clock: Clock
  readonly #log: Log
  readonly #fronts: Front[] = []
  #certificates: CertificateStore | undefined

  constructor(options: {
    readonly serve: ServeFromOutside
    readonly clock: Clock
    readonly log: Log
  }) {
    this.#serve = options.serve
    this.#clock = options.clock
    this.#log = options.log
  }

  /** Opens all of them or, with a refusal, none. */
  async open(settings: IngressSettings): Promise<OpenPorts> {
    try {
      return await this.#openAll(settings)
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Stops accepting at all addresses, and gives the fronts that still have connections. */
  close(): Front[] {
    this.#certificates?.close()
    const fronts = this.#fronts.splice(0)
    for (const front of fronts) front.close()
    return fronts
  }

  async #openAll(settings: IngressSettings): Promise<OpenPorts> {
    const { publicAddress, privateAddress, adminAddress, tls } = settings
    const shield =
      settings.shield === undefined ? undefined : new Shield(settings.shield, this.#clock)
    const bodyBytesMax = settings.shield?.bodyBytesMax ?? bodyBytesUsual
    const entrance = { name: 'public', isSecure: false, bodyBytesMax } as const
    const secure = { ...entrance, isSecure: true, hstsSeconds: tls?.hstsSeconds ?? 0 }
    const tlsPort = tls === undefined ? undefined : await this.#openTls(tls, secure, shield)
    const redirectPort = tls?.redirect === true ? tlsPort : undefined
    return {
      tlsPort,
      publicPort: await this.#open(publicAddress, { ...entrance, redirectPort }, shield),
      privatePort: await this.#openInner(privateAddress, { ...entrance, name: 'private' }),
      adminPort: await this.#openInner(adminAddress, { ...entrance, name: 'admin' }),
    }
  }

  async #openTls(
    tls: TlsSettings,
    entrance: OutsideEntrance,
    shield: Shield | undefined,
  ): Promise<number> {
    let server: (Server & SecureServer) | undefined
    const certificates = new CertificateStore({
      folder: tls.certificates,
      clock: this.#clock,
      log: this.#log,
      onChange: ({ pem }) => server?.setSecureContext({ ...pem, ...usualTls }),
    })
    this.#certificates = certificates
    const { pem } = await certificates.open()
    // Only who serves by TLS pays for its memory.
    const { withHttp2 } = await import('./http2-front.ts')
    const serve = this.#behind(shield, entrance)
    server = createFront(serve, {
      ...pem,
      ...usualTls,
      ALPNProtocols: ['h2', 'http/1.1'],
      SNICallback: (host, callback) => callback(null, certificates.contextFor(host)),
    }) as Server & SecureServer
    return this.#listen(server, tls.address, shield, withHttp2(server, serve))
  }

  /** Whoever reaches these is of the company: nothing keeps them off but the network. */
  async #openInner(
    address: Address | undefined,
    entrance: OutsideEntrance,
  ): Promise<number | undefined> {
    return address === undefined ? undefined : this.#open(address, entrance)
  }

  async #open(address: Address, entrance: OutsideEntrance, shield?: Shield): Promise<number> {
    const server = createFront(this.#behind(shield, entrance))
    return this.#listen(server, address, shield, server)
  }

  #behind(shield: Shield | undefined, entrance: OutsideEntrance): Serve {
    return (arrival) => {
      if (shield?.admits(arrival) !== false) this.#serve(arrival, entrance)
    }
  }

  async #listen(
    server: Server,
    address: Address,
    shield: Shield | undefined,
    front: Front,
  ): Promise<number> {
    shield?.watch(server)
    const port = await listen(server, address)
    this.#fronts.push(front)
    return port
  }
}

interface SecureServer {
  setSecureContext(options: TlsOptions): void
}

/** Older versions are broken, and no browser of the last ten years needs them. */
const usualTls = { minVersion: 'TLSv1.2', handshakeTimeout: limits.headersTimeoutMs } as const
