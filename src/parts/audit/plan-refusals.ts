/** Refused access as commits, few enough that nobody can fill the log by being refused. */
import { digestOf } from '../../base/digest.ts'
import type { Entry } from '../../store/port.ts'
import type { RefusedAccess } from './model.ts'

/** One refusal. */
export interface RefusedRequest {
  readonly code: string
  readonly address: string
  readonly caller: string
  /** Wall ms. */
  readonly at: number
}

/** Callers that are told apart within a minute; all further ones are counted as `others`. */
export const callersMax = 40

/** Records that stay: the newest; what they said before is in the chain. */
const recordsMax = 200

/** Callers that the sentence names, most refused first. */
const namedMax = 3

/** Counts a refusal in with the others of its minute; false when its caller has no place there. */
export function addRefusal(counted: Map<string, RefusedAccess>, request: RefusedRequest): boolean {
  const own = accessOf(request)
  const isRoom = counted.has(own.id) || counted.size < callersMax
  const access = isRoom ? own : accessOf({ ...request, address: 'others', caller: '-' })
  const count = (counted.get(access.id)?.count ?? 0) + 1
  counted.set(access.id, { ...access, count })
  return isRoom
}

/** What the one commit for a minute's refusals says and does. */
export interface RefusalsPlan {
  readonly put: readonly RefusedAccess[]
  readonly remove: readonly Entry<RefusedAccess>[]
  readonly why: string
}

/** The commit for a minute's refusals; `known` are the records that there are. */
export function planRefusals(
  counted: ReadonlyMap<string, RefusedAccess>,
  known: Iterable<Entry<RefusedAccess>>,
): RefusalsPlan {
  const put = [...counted.values()]
  const others = [...known].filter(({ value }) => !counted.has(value.id))
  const surplus = Math.max(0, others.length + put.length - recordsMax)
  const oldest = others.toSorted((a, b) => a.value.lastAt - b.value.lastAt)
  return { put, remove: oldest.slice(0, surplus), why: sentence(put) }
}

function sentence(refused: readonly RefusedAccess[]): string {
  const total = refused.reduce((sum, { count }) => sum + count, 0)
  const named = refused
    .toSorted((a, b) => b.count - a.count)
    .slice(0, namedMax)
    .map(({ count, code, address, caller }) => {
      const who = caller === '-' ? '' : ` to ${caller}`
      return `${code}${who} from ${address}${count === 1 ? '' : ` (${count} times)`}`
    })
  const more = refused.length > namedMax ? `, and ${refused.length - namedMax} more` : ''
  return `${total} refused: ${named.join(', ')}${more}`
}

function accessOf({ code, address, caller, at }: RefusedRequest): RefusedAccess {
  const id = digestOf(JSON.stringify([code, address, caller]))
    .slice('sha256:'.length)
    .slice(0, 16)
  return { id, code, address, caller, count: 1, lastAt: at }
}
