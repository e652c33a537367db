import type { AgentOptions } from '../../src/agent/agent.ts'
import type { IngressOptions } from '../../src/ingress/ingress.ts'
import type { NodeUsage } from '../../src/parts/scheduling/usage.ts'
import type { CoreOptions } from '../../src/server/core.ts'
import type { AnyController } from '../../src/server/controllers.ts'
import type { AnswerInProcess } from '../../src/server/in-process.ts'
import type { Store } from '../../src/store/port.ts'

/**
 * The places at which a mutant may change how the simulated product behaves. The world passes
 * what it composes through them, each program at each of its starts; without a mutant none is
 * there. Production files know nothing of it.
 */
export interface Mutation {
  /** Each controller of a server, before its control loop gets it. */
  controller?(controller: AnyController): AnyController
  /** The store that a server opens and everything of it goes through. */
  store?(store: Store): Store
  /** The scheduler's account of the nodes, changed where it stands. */
  usage?(usage: NodeUsage): void
  /** What the routing table is derived by. */
  backendOf?(backendOf: CoreOptions['backendOf']): CoreOptions['backendOf']
  /** The way that calls of agents, ingresses and people take into a server. */
  answer?(answer: AnswerInProcess): AnswerInProcess
  /** What an agent is started with. */
  agent?(options: AgentOptions): AgentOptions
  /** What an ingress is started with. */
  ingress?(options: IngressOptions): IngressOptions
}

/** A wrong version of the product, and who has to notice. */
export interface Mutant {
  /** A name for the command line: `singletons-overlap`. */
  readonly name: string
  /** What it does wrong, in a sentence. */
  readonly breaks: string
  /** The invariants of which at least one must be found broken. */
  readonly caughtBy: readonly string[]
  /** Why it survives, where it does: what else keeps the promise. */
  readonly survives?: string
  /** New for each run: a mutant may count. */
  mutation(): Mutation
}

/** An object with some of its methods replaced. */
export function withParts<T extends object>(whole: T, parts: Partial<T>): T {
  return new Proxy(whole, {
    get(target, name) {
      const own: unknown = Reflect.get(parts, name)
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
