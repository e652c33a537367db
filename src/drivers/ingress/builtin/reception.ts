import type { IncomingMessage } from 'node:http'
import type { Clock } from '../../../base/clock.ts'
import type { Random } from '../../../base/random.ts'
import { aimAt, aimBehindTheScenes, type Aim } from './aim.ts'
import type { BackendEntry } from './backend-set.ts'
import { cookieOf, setCookie } from './cookies.ts'
import type { Entrance } from './headers.ts'
import type { GoodToken, PassIndex } from './pass-index.ts'
import type { Sides } from './sides.ts'

/** The header and the cookie that carry a tester's token. */
export const passName = 'roadstead-release'

/** One for all: most answers get no cookie. */
const none: readonly string[] = []

/** The cookie that keeps a customer on his side. */
const sideName = 'roadstead-side'

/** How a request is to be treated, by who sent it. */
export interface Received {
  readonly aim: Aim
  /** Set-Cookie headers to add to the instance's answer. */
  readonly cookies: readonly string[]
  /** Token to add to the request: it came as a cookie, which services do not hand on. */
  readonly token: string | undefined
}

/** Tells testers from customers, and which side a customer is on. */
export class Reception {
  readonly #passes: PassIndex
  readonly #clock: Clock
  readonly #random: Random

  constructor(options: {
    readonly passes: PassIndex
    readonly clock: Clock
    readonly random: Random
  }) {
    this.#passes = options.passes
    this.#clock = options.clock
    this.#random = options.random
  }

  /**
   * A request for the online pool of a backend. Undefined: it came by a public entrance with a token
   * that is good for nothing. Between services such a token is ignored.
   */
  receive(req: IncomingMessage, entrance: Entrance, backend: BackendEntry): Received | undefined {
    const inHeader = req.headers[passName]
    const token = typeof inHeader === 'string' ? inHeader : cookieOf(req, passName)
    if (token === undefined) return this.#receiveCustomer(req, entrance, backend)
    const good = this.#passes.find(token, this.#clock.now())
    if (good === undefined) {
      return entrance.name === 'listener'
        ? this.#receiveCustomer(req, entrance, backend)
        : undefined
    }
    const aim = aimOfTester(backend, good)
    const received =
      aim === undefined
        ? this.#receiveCustomer(req, entrance, backend)
        : { aim, cookies: [], token: undefined }
    return inHeader === undefined ? { ...received, token } : received
  }

  #receiveCustomer(req: IncomingMessage, entrance: Entrance, backend: BackendEntry): Received {
    const { aims, sides } = backend
    if (sides === undefined) return { aim: aims.online, cookies: none, token: undefined }
    const known = sides.isSticky ? cookieOf(req, sideName) : undefined
    if (sides.has(known))
      return { aim: aimAtSide(backend, sides, known), cookies: [], token: undefined }
    const side = sides.draw(this.#random)
    // Only customers have a side of their own: a service that keeps cookies calls for all of them.
    const isKept = sides.isSticky && entrance.name !== 'listener'
    const cookies = isKept ? [setCookie(sideName, side, entrance)] : []
    return { aim: aimAtSide(backend, sides, side), cookies, token: undefined }
  }
}

function aimAtSide({ online }: BackendEntry, sides: Sides, side: string): Aim {
  return aimAt(online, (link) => sides.sideOf(link.instanceId) === side)
}

/** Undefined: the release has no instance here, so the tester meets what customers meet. */
function aimOfTester({ id, online, maintenance }: BackendEntry, good: GoodToken): Aim | undefined {
  const releaseId = good.releaseOf(id)
  if (releaseId === undefined) return undefined
  const isWished = (link: { readonly releaseId: string }): boolean => link.releaseId === releaseId
  if (online.links.some(isWished)) return aimAt(online, isWished)
  if (maintenance.links.some(isWished)) return aimBehindTheScenes(maintenance, online, releaseId)
  return undefined
}
