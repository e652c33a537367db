import type { Server } from 'node:http'
import { BlockList, isIPv4, isIPv6, type Socket } from 'node:net'
import type { Clock } from '../../../base/clock.ts'
import { Refusal } from '../../../base/errors.ts'
import type { Shield as ShieldSettings } from '../../../parts/ingress/driver.ts'
import { clientOf, plainAddress } from './client-address.ts'
import { answerText, failureHeader } from './failure-answer.ts'
import type { Arrival } from './front.ts'
import { limits } from './limits.ts'
import { RateTable } from './rate-table.ts'

/**
 * What keeps one client of the public address from taking what is the others': bounds on its requests
 * and connections, and a list of those who are not served at all. A client is an address, so whatever
 * stands between (a load balancer) is one client: there these bounds belong.
 */
export class Shield {
  readonly #clock: Clock
  readonly #denied: BlockList | undefined
  readonly #rates: RateTable | undefined
  readonly #connectionsMax: number | undefined
  /** Open connections by client; bounded by `connectionsMax` of the servers. */
  readonly #connections = new Map<string, number>()

  /** Refusal `deny-invalid` when an entry is neither an address nor a network. */
  constructor(settings: ShieldSettings, clock: Clock) {
    const { requestsPerSecond, connectionsPerClient, deny = [] } = settings
    this.#clock = clock
    this.#denied = deny.length === 0 ? undefined : blockListOf(deny)
    this.#connectionsMax = connectionsPerClient
    this.#rates =
      requestsPerSecond === undefined
        ? undefined
        : new RateTable(requestsPerSecond, limits.clientsMax)
  }

  /** Closes connections beyond those that a client may have. */
  watch(server: Server): void {
    const most = this.#connectionsMax
    if (most === undefined) return
    server.prependListener('connection', (socket: Socket) => {
      const client = clientOf(socket.remoteAddress)
      const open = this.#connections.get(client) ?? 0
      if (open >= most) return void socket.resetAndDestroy()
      this.#connections.set(client, open + 1)
      socket.once('close', () => this.#noteClosed(client))
    })
  }

  /** Whether the request may go on; one that may not is answered. */
  admits({ req, res }: Arrival): boolean {
    const address = req.socket.remoteAddress
    if (this.#isDenied(address)) {
      const headers = { [failureHeader]: 'shield', connection: 'close' }
      answerText(res, 403, 'this address is not served', headers)
      return false
    }
    if (this.#rates?.admits(clientOf(address), this.#clock.monotonic()) !== false) return true
    const headers: Record<string, string> = { [failureHeader]: 'shield', 'retry-after': '1' }
    // Nobody is going to read what is still to come of it.
    if (!req.complete) headers['connection'] = 'close'
    answerText(res, 429, 'this address has sent too many requests', headers)
    return false
  }

  #isDenied(address: string | undefined): boolean {
    if (this.#denied === undefined || address === undefined) return false
    const plain = plainAddress(address)
    return this.#denied.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
  }

  #noteClosed(client: string): void {
    const left = (this.#connections.get(client) ?? 1) - 1
    if (left === 0) this.#connections.delete(client)
    else this.#connections.set(client, left)
  }
}

function blockListOf(deny: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of deny) {
    const [address = '', prefix] = entry.split('/', 2)
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined
    const length = prefix === undefined ? undefined : Number(/^\d{1,3}$/.exec(prefix)?.[0])
    const isLength = length === undefined || length <= (family === 'ipv4' ? 32 : 128)
    if (family === undefined || !isLength || entry.split('/').length > 2) {
      throw new Refusal('deny-invalid', `"${entry}" is neither an address nor a network`, {
        hint: 'write 203.0.113.9, 203.0.113.0/24 or 2001:db8::/32',
      })
    }
    if (length === undefined) list.addAddress(address, family)
    else list.addSubnet(address, length, family)
  }
  return list
}
