import type { Server } from 'node:http'
import type { Clock, Timer } from '../../../base/clock.ts'
import { messageOf, Refusal, systemCodeOf } from '../../../base/errors.ts'
import type { Address, ListenerTrouble } from '../../../parts/ingress/driver.ts'
import type { InstancePool } from './instance-pool.ts'
import { createFront, type Front, type Serve } from './front.ts'
import { limits } from './limits.ts'

/** Listeners are for callers on the same node only. */
const listenerHost = '127.0.0.1'

interface Listener {
  readonly port: number
  /** Where its requests go now; it can change without a connection being closed. */
  pool: InstancePool
  server: Server | undefined
  retry: Timer | undefined
  because: string | undefined
}

/**
 * The local ports of services, kept as the table says: opened, closed, and tried again each second
 * while another process holds one.
 */
export class Listeners {
  readonly #serve: (pool: InstancePool) => Serve
  readonly #clock: Clock
  readonly #onTrouble: () => void
  readonly #byPort = new Map<number, Listener>()

  constructor(options: {
    readonly serve: (pool: InstancePool) => Serve
    readonly clock: Clock
    readonly onTrouble: () => void
  }) {
    this.#serve = options.serve
    this.#clock = options.clock
    this.#onTrouble = options.onTrouble
  }

  /** Brings the open ports up to `wanted`; resolves when each new one was tried once. */
  async apply(wanted: ReadonlyMap<number, InstancePool>): Promise<void> {
    for (const listener of this.#byPort.values()) {
      if (!wanted.has(listener.port)) this.#drop(listener)
    }
    const opening: Promise<void>[] = []
    for (const [port, pool] of wanted) {
      const known = this.#byPort.get(port)
      if (known !== undefined) {
        known.pool = pool
        continue
      }
      const listener = { port, pool, server: undefined, retry: undefined, because: undefined }
      this.#byPort.set(port, listener)
      opening.push(this.#open(listener))
    }
    await Promise.all(opening)
  }

  troubles(): ListenerTrouble[] {
    const troubles: ListenerTrouble[] = []
    for (const { port, because } of this.#byPort.values()) {
      if (because !== undefined) troubles.push({ port, because })
    }
    return troubles
  }

  /** Stops accepting at all ports, and gives the fronts that still have connections. */
  close(): Front[] {
    const servers: Front[] = []
    for (const listener of this.#byPort.values()) {
      if (listener.server !== undefined) servers.push(listener.server)
      this.#drop(listener)
    }
    return servers
  }

  async #open(listener: Listener): Promise<void> {
    const server = createFront((arrival) => this.#serve(listener.pool)(arrival))
    const hadTrouble = listener.because
    try {
      await listen(server, { host: listenerHost, port: listener.port })
      if (this.#byPort.get(listener.port) !== listener) return void server.close()
      listener.server = server
      listener.because = undefined
    } catch (error) {
      if (this.#byPort.get(listener.port) !== listener) return
      listener.because = messageOf(error)
      listener.retry = this.#clock.after(limits.listenRetryMs, () => void this.#open(listener))
    }
    if (listener.because !== hadTrouble) this.#onTrouble()
  }

  #drop(listener: Listener): void {
    this.#byPort.delete(listener.port)
    listener.retry?.cancel()
    listener.server?.close()
    if (listener.because !== undefined) this.#onTrouble()
  }
}

/** Listens, or refuses with what is in the way; resolves with the port. */
export function listen(server: Server, { host, port }: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(refusalOf(error, host, port)))
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

function refusalOf(error: Error, host: string, port: number): Refusal {
  switch (systemCodeOf(error)) {
    case 'EADDRINUSE':
      return new Refusal('address-taken', `port ${port} of ${host} is taken by another process`, {
        status: 409,
        hint: 'end that process, or give another port',
      })
    case 'EACCES':
      return new Refusal(
        'address-forbidden',
        `this user may not listen on port ${port} of ${host}`,
        {
          status: 403,
          hint: 'take a port above 1023',
        },
      )
    default:
      return new Refusal('address-unusable', `cannot listen on ${host}:${port}: ${error.message}`, {
        hint: 'give an address of this machine',
      })
  }
}
