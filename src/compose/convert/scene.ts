import type { Entry, MapNode, Node, Place } from '../../parts/apps/manifest/tree.ts'
import type { Project } from '../project.ts'
import type { Outcome, Report } from '../report.ts'
import type { ComposeSource, LookedAt } from '../source.ts'

/** What the conversion of one service sees. */

/** A service of compose, with the name that it gets. */
export interface ComposeService {
  /** As compose calls it. */
  readonly name: string
  /** As the manifest calls it. */
  readonly key: string
  readonly node: MapNode
  readonly place: Place
}

/** Somebody who finds a service by its name. */
export interface Caller {
  readonly name: string
  /** The name that it finds it by. */
  readonly by: string
  /** The port that is asked for; undefined where only the name is known. */
  readonly port: number | undefined
}

export interface Scene {
  readonly app: string
  readonly source: ComposeSource
  readonly project: Project
  /** Services that go into the manifest, by compose's names. */
  readonly services: ReadonlyMap<string, ComposeService>
  /** By the called one's name in compose. */
  readonly callers: ReadonlyMap<string, readonly Caller[]>
  /** What of the project's files services name, by their paths from its folder. */
  readonly looked: ReadonlyMap<string, LookedAt>
  readonly report: Report
}

/** Who finds a service by a name, each once. */
export function findersOf({ callers }: Scene, service: ComposeService): string[] {
  return [...new Set((callers.get(service.name) ?? []).map(({ name }) => name))]
}

/** A service of the manifest while it is made; keys in the order in which they are written. */
export interface Draft {
  image?: string
  build?:
    | string
    | {
        context: string
        dockerfile?: string
        target?: string
        args?: Record<string, string>
      }
  run?: string[]
  args?: string[]
  port?: number
  route?: string | { host: string; expose: 'private' }
  worker?: true
  singleton?: true
  instances?: number
  cpu?: number
  memory?: string
  health?: string | Record<string, unknown>
  stop?: { grace: string }
  env?: Record<string, string>
  needs?: string[]
  volumes?: Record<string, string>
  mounts?: Record<string, string | { readonly content: string }>
  capabilities?: string[]
  user?: string
  workingDirectory?: string
  writable?: true
}

/** Says what became of something of a service: at a key, or an item below it. */
export type Say = (outcome: Outcome, where: Where, said: string, advice?: string) => void

/** `ports`, or `ports.0` with the item itself. */
export type Where = string | { readonly key: string; readonly place: Place }

/** The voice of one service's conversion. */
export function sayerOf(service: ComposeService, report: Report): Say {
  return (outcome, where, said, advice) => {
    const key = typeof where === 'string' ? where : where.key
    const place = typeof where === 'string' ? placeOf(service, where) : where.place
    const path = key === '' ? `services.${service.name}` : `services.${service.name}.${key}`
    report.add(outcome, path, place, said, advice)
  }
}

function placeOf(service: ComposeService, where: string): Place {
  let node: Node | undefined = service.node
  let place = service.place
  for (const key of where.split('.')) {
    const entry: Entry | undefined = node?.kind === 'map' ? node.entries.get(key) : undefined
    if (entry === undefined) return place
    place = entry.key
    node = entry.value
  }
  return place
}
