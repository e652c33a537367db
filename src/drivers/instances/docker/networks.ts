import { createHash } from 'node:crypto'
import type { Engine } from './engine.ts'
import { labels } from './labels.ts'

/** The engine's id of a network, and the node's own address in it. */
export interface NetworkPlace {
  readonly id: string
  readonly gateway: string
}

interface ListedNetwork {
  readonly Id: string
  readonly Labels: Readonly<Record<string, string>> | null
}

/**
 * The networks of one agent's containers.
 *
 * Each container is on the agent's own: a bridge on which none reaches another. They are reached
 * through their published ports, and reach out through the host. The containers of an app that says
 * so share one more, on which they do reach each other. The engine lets two networks have one name,
 * so they are known by their labels, and made by one start at a time.
 */
export class Networks {
  readonly #engine: Engine
  readonly #owner: string
  #turn: Promise<unknown> = Promise.resolve()

  constructor(engine: Engine, owner: string) {
    this.#engine = engine
    this.#owner = owner
  }

  /** The agent's own; it is made where there is none. */
  ensure(): Promise<NetworkPlace> {
    return this.#inTurn(async () => {
      const id = (await this.#find(undefined)) ?? (await this.#create(undefined))
      const { body } = await this.#engine.demand({ method: 'GET', path: `/networks/${id}` })
      const { IPAM } = body as { IPAM?: { Config?: readonly { Gateway?: string }[] } }
      return { id, gateway: IPAM?.Config?.[0]?.Gateway ?? '' }
    })
  }

  /** Puts a container that has not started into its app's network; null: nobody finds it there. */
  join(containerId: string, app: string, alias: string | null): Promise<void> {
    return this.#inTurn(async () => {
      const id = (await this.#find(app)) ?? (await this.#create(app))
      const EndpointConfig = alias === null ? {} : { Aliases: [alias] }
      const body = { Container: containerId, EndpointConfig }
      await this.#engine.demand({ method: 'POST', path: `/networks/${id}/connect`, body })
    })
  }

  /**
   * Takes away what no app of `apps` uses, and the agent's own where `isIdle`; one that is in use
   * stays. An engine has room for some thirty.
   */
  leave(apps: ReadonlySet<string>, isIdle: boolean): Promise<void> {
    return this.#inTurn(async () => {
      for (const { Id, Labels } of await this.#list()) {
        const app = Labels?.[labels.network]
        if (app === undefined ? !isIdle : apps.has(app)) continue
        await this.#engine.demand({ method: 'DELETE', path: `/networks/${Id}` }, [403, 404, 409])
      }
    })
  }

  async #find(app: string | undefined): Promise<string | undefined> {
    const found = (await this.#list()).filter(({ Labels }) => Labels?.[labels.network] === app)
    return found.map(({ Id }) => Id).toSorted()[0]
  }

  async #list(): Promise<readonly ListedNetwork[]> {
    const filters = JSON.stringify({ label: [`${labels.owner}=${this.#owner}`] })
    const call = { method: 'GET', path: '/networks', query: { filters } } as const
    return (await this.#engine.demand(call)).body as ListedNetwork[]
  }

  async #create(app: string | undefined): Promise<string> {
    const name = `roadstead-${this.#owner}`
    const body = {
      Name: app === undefined ? name : `${name}-${shortOf(app)}`,
      CheckDuplicate: true,
      Driver: 'bridge',
      Options: { 'com.docker.network.bridge.enable_icc': String(app !== undefined) },
      Labels: {
        [labels.owner]: this.#owner,
        ...(app === undefined ? {} : { [labels.network]: app }),
      },
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

/** A name that the engine takes, of any app's. */
function shortOf(app: string): string {
  return createHash('sha256').update(app).digest('hex').slice(0, 12)
}
