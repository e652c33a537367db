import type { Server } from 'node:http'
import type { Address, IngressSettings, OpenPorts } from '../../../parts/ingress/driver.ts'
import { createFront, type Arrival } from './front.ts'
import type { OutsideEntrance } from './headers.ts'
import { listen } from './listeners.ts'

/** What is done with a request from outside, by the way in that it took. */
export type ServeFromOutside = (arrival: Arrival, entrance: OutsideEntrance) => void

/** The addresses at which requests come in from outside: public, private and admin. */
export class Doors {
  readonly #serve: ServeFromOutside
  readonly #servers: Server[] = []

  constructor(serve: ServeFromOutside) {
    this.#serve = serve
  }

  /** Opens all of them or, with a refusal, none. */
  async open(settings: IngressSettings): Promise<OpenPorts> {
    const { publicAddress, privateAddress, adminAddress } = settings
    try {
      const publicPort = await this.#open(publicAddress, { name: 'public', isSecure: false })
      return {
        publicPort,
        privatePort: await this.#openIfAny(privateAddress, { name: 'private', isSecure: false }),
        adminPort: await this.#openIfAny(adminAddress, { name: 'admin', isSecure: false }),
      }
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** Stops accepting at all addresses, and gives the servers that still have connections. */
  close(): Server[] {
    const servers = this.#servers.splice(0)
    for (const server of servers) server.close()
    return servers
  }

  async #openIfAny(
    address: Address | undefined,
    entrance: OutsideEntrance,
  ): Promise<number | undefined> {
    return address === undefined ? undefined : this.#open(address, entrance)
  }

  async #open(address: Address, entrance: OutsideEntrance): Promise<number> {
    const server = createFront((arrival) => this.#serve(arrival, entrance))
    const port = await listen(server, address)
    this.#servers.push(server)
    return port
  }
}
