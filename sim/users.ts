import { Readable } from 'node:stream'
import { digestOf } from '../src/base/digest.ts'
import { callBackoff, backoffMs } from '../src/base/retry.ts'
import { appKey } from '../src/parts/apps/model.ts'
import { rolloutKey } from '../src/parts/rollouts/model.ts'
import { manifestOf, type AppDesign } from './apps.ts'
import { Chance } from './chance.ts'
import type { Life } from './life.ts'
import type { Network, OutgoingCall } from './network.ts'
import type { Wish } from './plot.ts'
import { ServerPicker } from './server-picker.ts'
import type { SimEvent } from './view.ts'

/** The archive of a version; all apps without assets of their own are packed into one. */
function archiveOf({ assets = false }: AppDesign, version: string): Buffer {
  return Buffer.from(`what a simulated app is made of${assets ? `, in ${version}` : ''}`)
}

/** A user gives up after so many attempts at one wish. */
const attemptsMax = 12
/** A user waits for an answer this long, in ms. */
const patienceMs = 8_000

type Deploy = Extract<Wish, { do: 'deploy' }>

export interface UsersOptions {
  readonly seed: number
  readonly life: Life
  readonly network: Network
  readonly servers: readonly string[]
  readonly token: string
  readonly apps: readonly AppDesign[]
  readonly tell: (event: SimEvent) => void
}

/** People with wishes, as `roadstead` on the command line utters them: with a key, and again. */
export class Users {
  readonly #options: UsersOptions
  readonly #headers: OutgoingCall['headers']
  readonly #chance: Chance
  #wishes = 0
  readonly #uploaded = new Set<string>()

  constructor(options: UsersOptions) {
    this.#options = options
    this.#headers = { authorization: `Bearer ${options.token}` }
    this.#chance = new Chance(options.seed, 'users')
  }

  /** Utters a wish and repeats it until it is answered. */
  async utter(wish: Wish): Promise<void> {
    const words = wordsOf(wish)
    this.#options.tell({ is: 'wish', words })
    const servers = new ServerPicker(this.#options.network, this.#options.servers)
    const key = `wish-${++this.#wishes}`
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const isAnswered = await this.#try(wish, servers, key).catch(() => false)
      if (isAnswered) return
      await this.#options.life.sleep(backoffMs(callBackoff, attempt, this.#chance))
    }
  }

  /** One attempt; true when it was answered for good, be it with a refusal. */
  async #try(wish: Wish, servers: ServerPicker, key: string): Promise<boolean> {
    const { life, tell } = this.#options
    if (wish.do === 'deploy' && !(await this.#upload(wish, servers))) return false
    const headers = { ...this.#headers, 'idempotency-key': key }
    const call = this.#callOf(wish)
    const { status, body } = await servers.call(life, { ...call, headers, timeoutMs: patienceMs })
    if (status >= 500 || status === 429) return false
    if (status >= 300) return true
    const answer = body as Acknowledgement
    const { revision } = answer
    if (revision !== undefined) tell({ is: 'acknowledged', revision, keys: keysOf(wish, answer) })
    return true
  }

  /** Uploads what a deploy is made of, unless it is there; false: it is to be tried again. */
  async #upload(wish: Deploy, servers: ServerPicker): Promise<boolean> {
    const archive = archiveOf(this.#designOf(wish), wish.version)
    const digest = digestOf(archive)
    if (this.#uploaded.has(digest)) return true
    const { status } = await servers.call(this.#options.life, {
      route: 'PUT /v1/artifacts/:digest',
      params: { digest },
      headers: this.#headers,
      stream: Readable.from([archive]),
      timeoutMs: patienceMs,
    })
    if (status < 300) this.#uploaded.add(digest)
    return status < 300
  }

  #callOf(wish: Wish): Pick<OutgoingCall, 'route' | 'params' | 'body'> {
    const params = { environment: 'local', tenant: 'default', app: wish.app }
    const path = '/v1/cells/:environment/:tenant/apps/:app'
    switch (wish.do) {
      case 'deploy':
        return { route: `POST ${path}/deploy`, params, body: this.#deployOf(wish) }
      case 'scale': {
        const { service, instances } = wish
        return { route: `POST ${path}/scale`, params, body: { service, instances } }
      }
      case 'stop':
      case 'start':
        return { route: `POST ${path}/${wish.do}`, params, body: { service: wish.service } }
      case 'revert':
        return { route: `POST ${path}/revert`, params, body: {} }
      case 'destroy':
        return { route: `DELETE ${path}`, params }
    }
  }

  #designOf(wish: Deploy): AppDesign {
    const design = this.#options.apps.find(({ name }) => name === wish.app)
    if (design === undefined) throw new Error(`nobody designed ${wish.app}`)
    return design
  }

  #deployOf(wish: Deploy): unknown {
    const design = this.#designOf(wish)
    const archive = archiveOf(design, wish.version)
    const artifact = { digest: digestOf(archive), sizeBytes: archive.length }
    return {
      manifest: manifestOf(design, wish.version, wish.behaviour),
      artifacts: { '.': artifact },
      files: null,
      version: wish.version,
      supersede: wish.supersede,
    }
  }
}

/** What an answer to a write says of it. */
interface Acknowledgement {
  readonly revision?: number
  readonly rolloutId?: string
  /** Nothing was written: the same was under way already. */
  readonly attached?: boolean
}

/** The records that were written at the revision that was acknowledged. */
function keysOf(wish: Wish, { rolloutId, attached }: Acknowledgement): string[] {
  const at = { tenant: 'default', environment: 'local', app: wish.app }
  if (rolloutId === undefined) return [appKey(at)]
  return attached === true ? [] : [rolloutKey(at, rolloutId)]
}

/** A wish as a person says it. */
export function wordsOf(wish: Wish): string {
  switch (wish.do) {
    case 'deploy': {
      const how = wish.supersede ? ', at once' : ''
      return `deploy ${wish.app} ${wish.version}, which is ${wish.behaviour}${how}`
    }
    case 'scale':
      return `scale ${wish.app}/${wish.service} to ${wish.instances}`
    case 'stop':
    case 'start':
      return `${wish.do} ${wish.app}/${wish.service}`
    case 'revert':
      return `revert ${wish.app} to the release before`
    case 'destroy':
      return `destroy ${wish.app}`
  }
}
