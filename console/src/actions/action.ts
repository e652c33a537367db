import { callApi } from '../api/client.ts'
import { pathOf, type ActionRoute } from './routes.ts'

/** A change that the console can ask for: the very REST call that the CLI makes, told as data. */
export interface Action {
  readonly route: ActionRoute
  readonly params: Readonly<Record<string, string>>
  readonly query?: string
  readonly body?: unknown
  /** What the button says: `Scale`. */
  readonly verb: string
  /** The question over the dialog: `Scale storefront to 4?` */
  readonly title: string
  /** What will happen, a sentence each. */
  readonly says: readonly string[]
  /** The same in a terminal. */
  readonly command: string
  /** What is said once the server has taken it: `storefront is asked to have 4 instances.` */
  readonly done: string
  /** Ends or removes something: the button is red. */
  readonly isGrave?: boolean
  /** What has to be typed first, word for word. */
  readonly typed?: string
  /** The same with the number of instances that the server wants to hear (`confirmation-needed`). */
  readonly confirmed?: (instances: number) => Action
  /** The app that it concerns, as `environment/tenant/app`: a conflict tells what changed there. */
  readonly subject?: string
}

/** What the server answers to a write; the members that a notice tells of. */
export interface ActionAnswer {
  readonly revision?: number
  readonly rolloutId?: string
  readonly runId?: string
  readonly unchanged?: boolean
  readonly heldBy?: { readonly because: string }
  readonly notes?: readonly string[]
  readonly waitsFor?: string | null
}

/** Asks the server; throws its ApiFailure. Safe to repeat with the same key. */
export async function perform(action: Action, idempotencyKey: string): Promise<ActionAnswer> {
  const { route, params, query, body } = action
  const path = pathOf(route, params) + (query === undefined ? '' : `?${query}`)
  const answer = await callApi<ActionAnswer | undefined>(path, {
    method: route.method,
    idempotencyKey,
    ...(body === undefined ? {} : { body }),
  })
  return answer ?? {}
}

/** A key that nobody else has; `crypto.randomUUID` is missing where the page comes over plain HTTP. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/** Why somebody with this role cannot use the route; undefined where they can. */
export function refusalFor(route: ActionRoute, role: string | undefined): string | undefined {
  if (role === undefined || route.roles.includes(role)) return undefined
  const who = route.roles.map((one) => `${one}s`).join(' and ')
  return `This is for ${who}; your token is a ${role}'s.`
}

/** A line for a shell: words that it would not take as they are stand in quotes. */
export function commandLine(...words: readonly (string | number)[]): string {
  return words.map((word) => quoted(String(word))).join(' ')
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
