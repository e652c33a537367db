import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Relay } from '../shared/relay.ts'
import { requireFreePort } from '../shared/free-port.ts'
import type { Run } from './holding.ts'
import { isLoopback, loopback } from './own-network.ts'
import type { Target } from '../shared/probe.ts'

/**
 * What brings connections from the node's address to the loopback, for instances with a network of
 * their own: pasta splices what comes from there, and all else it has to take apart and put together
 * again. A process of its own, as for containers, which outlives the agent; none where nodes are known
 * by their loopback.
 */
export class PortRelay {
  readonly #folder: string
  readonly #relay: Relay
  #ports: ReadonlySet<number> = new Set()

  constructor(root: string) {
    this.#folder = join(root, '.ports')
    this.#relay = new Relay(this.#folder)
  }

  /** Relays for these runs, and for no others. */
  async open(runs: Iterable<Run>): Promise<void> {
    const relayed = [...runs].flatMap(relayedOf)
    const ports = new Set(relayed.map(({ port }) => port))
    if (ports.size === 0 && !existsSync(this.#folder)) return
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await this.#relay.open(relayed[0]?.host ?? loopback, ports)
    this.#ports = ports
  }

  /** Starts it anew where it has died. */
  keep(): Promise<void> {
    return this.#relay.keep()
  }

  /** Fault `port-taken` where somebody listens whom a start would meet. */
  async requireFree(listen: Target | null, isApart: boolean): Promise<void> {
    if (listen === null) return
    if (!this.#ports.has(listen.port)) await requireFreePort(listen)
    if (isApart) await requireFreePort({ ...listen, host: loopback })
  }
}

function relayedOf({ launch, confinement }: Run): Target[] {
  const { listen } = launch
  if (confinement?.innerPort === undefined || listen === null) return []
  return isLoopback(listen.host) ? [] : [listen]
}
