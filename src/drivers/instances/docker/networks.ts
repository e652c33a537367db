import type { Engine } from './engine.ts'
import { labels } from './labels.ts'

/** The engine's id of a network, and the node's own address in it. */
export interface NetworkPlace {
  readonly id: string
  readonly gateway: string
}

/**
 * The network of one agent's containers: a bridge of their own, on which none reaches another. They
 * are reached through their published ports, and reach out through the host. The engine lets two
 * networks have one name, so it is known by its label, and made by one start at a time.
 */
export class Network {
  readonly #engine: Engine
  readonly #owner: string
  #turn: Promise<unknown> = Promise.resolve()

  constructor(engine: Engine, owner: string) {
    this.#engine = engine
    this.#owner = owner
  }

  /** It is made where there is none. */
  ensure(): Promise<NetworkPlace> {
    return this.#inTurn(async () => {
      const id = (await this.#find())[0] ?? (await this.#create())
      const { body } = await this.#engine.demand({ method: 'GET', path: `/networks/${id}` })
      const { IPAM } = body as { IPAM?: { Config?: readonly { Gateway?: string }[] } }
      return { id, gateway: IPAM?.Config?.[0]?.Gateway ?? '' }
    })
  }

  /** Takes it away again; one that is in use stays. An engine has room for some thirty. */
  leave(): Promise<void> {
    return this.#inTurn(async () => {
      for (const id of await this.#find()) {
        await this.#engine.demand({ method: 'DELETE', path: `/networks/${id}` }, [403, 404, 409])
      }
    })
  }

  async #find(): Promise<string[]> {
    const filters = JSON.stringify({ label: [`${labels.owner}=${this.#owner}`] })
    const call = { method: 'GET', path: '/networks', query: { filters } } as const
    const { body } = await this.#engine.demand(call)
    return (body as { Id: string }[]).map(({ Id }) => Id).toSorted()
  }

  async #create(): Promise<string> {
    const body = {
      Name: `roadstead-${this.#owner}`,
      CheckDuplicate: true,
      Driver: 'bridge',
      Options: { 'com.docker.network.bridge.enable_icc': 'false' },
      Labels: { [labels.owner]: this.#owner },
    }
    const call = { method: 'POST', path: '/networks/create', body } as const
    return ((await this.#engine.demand(call)).body as { Id: string }).Id
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work)
    this.#turn = turn
    return turn
  }
}
