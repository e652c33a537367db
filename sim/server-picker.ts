import type { InProcessAnswer } from '../src/server/in-process.ts'
import type { Life } from './life.ts'
import type { Network, OutgoingCall } from './network.ts'

/** Finds the server that leads: the last one that answered, else the next. */
export class ServerPicker {
  readonly #network: Network
  readonly #servers: readonly string[]
  #turn = 0

  constructor(network: Network, servers: readonly string[]) {
    this.#network = network
    this.#servers = servers
  }

  async call(caller: Life, call: OutgoingCall): Promise<InProcessAnswer> {
    const turn = this.#turn
    try {
      return await this.#network.call(
        caller,
        this.#servers[turn % this.#servers.length] ?? '',
        call,
      )
    } catch (error) {
      // Of several calls that fail together only one moves on.
      if (this.#turn === turn && call.signal?.aborted !== true) this.#turn++
      throw error
    }
  }
}
