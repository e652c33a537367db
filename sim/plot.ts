import { designApp, type AppDesign, type Behaviour } from './apps.ts'
import { Chance } from './chance.ts'

/** All that a seed decides beforehand: data, so that a failing one can be cut down to what matters. */
export interface Plot {
  readonly seed: number
  readonly nodes: readonly NodePlan[]
  /** Hosts. */
  readonly servers: readonly string[]
  readonly ingresses: readonly string[]
  readonly apps: readonly AppDesign[]
  readonly wishes: readonly Wish[]
  /** True ms at which the last wish is uttered and the last fault ends. */
  readonly actOneMs: number
  /** True ms at which the world must have converged. */
  readonly endMs: number
  /** Between two requests of the customers of one service at one ingress, in ms. */
  readonly requestEveryMs: number
}

/** A node that is there from the start, or joins later. */
export interface NodePlan {
  readonly nodeId: string
  readonly zone: string
  readonly cpu: number
  readonly memoryBytes: number
  readonly joinsAt: number
}

/** What a user asks for, through the API. */
export type Wish = { readonly at: number } & (
  | {
      readonly do: 'deploy'
      readonly app: string
      readonly version: string
      readonly behaviour: Behaviour
      readonly supersede: boolean
    }
  | {
      readonly do: 'scale'
      readonly app: string
      readonly service: string
      readonly instances: number
    }
  | { readonly do: 'stop' | 'start'; readonly app: string; readonly service: string }
  | { readonly do: 'destroy' | 'revert'; readonly app: string }
)

/** What can be asked of a world from outside; a seed decides the rest. */
export interface PlotSize {
  readonly nodes?: number
  /** Length of the first act, in ms. */
  readonly actOneMs?: number
}

/** After the last fault everything is as desired within this time, in ms. */
const convergenceMs = 60_000
/** And stays so: the world is watched for this long then, in ms. */
const calmMs = 65_000
/** Nodes have registered and elected a server before anybody asks for anything, in ms. */
const firstWishAt = 8_000

/** Makes the plot of a seed. */
export function makePlot(seed: number, size: PlotSize = {}): Plot {
  const chance = new Chance(seed, 'plot')
  const actOneMs = size.actOneMs ?? 120_000
  const count = size.nodes ?? chance.integer(3, 6)
  const apps = Array.from({ length: chance.integer(1, 2) }, (_none, index) =>
    designApp(`app-${index + 1}`, new Chance(seed, `app ${index}`)),
  )
  return {
    seed,
    nodes: Array.from({ length: count }, (_none, index) =>
      planNode(index, count, actOneMs, chance),
    ),
    servers: names('server', chance.integer(1, 3)),
    ingresses: names('ingress', chance.integer(1, 2)),
    apps,
    wishes: planWishes(seed, apps, actOneMs),
    actOneMs,
    endMs: actOneMs + convergenceMs + calmMs,
    requestEveryMs: 700,
  }
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_none, index) => `${prefix}-${index + 1}`)
}

function planNode(index: number, count: number, actOneMs: number, chance: Chance): NodePlan {
  const joinsLate = index >= 3 && chance.happens(0.2)
  const width = String(count).length
  return {
    nodeId: `n${String(index + 1).padStart(width, '0')}`,
    zone: ['a', 'b', 'c'][index % 3] ?? 'a',
    cpu: chance.pick([2, 4, 8]),
    memoryBytes: chance.pick([1, 2, 4]) * 2 ** 30,
    joinsAt: joinsLate ? chance.between(0.2, 0.8) * actOneMs : 0,
  }
}

/** First every app comes in a good version; then whatever people think of. */
function planWishes(seed: number, apps: readonly AppDesign[], actOneMs: number): Wish[] {
  const wishes: Wish[] = []
  for (const app of apps) {
    const chance = new Chance(seed, `wishes of ${app.name}`)
    let version = 1
    const deploy = (at: number, behaviour: Behaviour): Wish => {
      const supersede = chance.happens(0.2)
      return { at, do: 'deploy', app: app.name, version: `v${version++}`, behaviour, supersede }
    }
    let at = firstWishAt + chance.between(0, 3_000)
    wishes.push(deploy(at, 'good'))
    for (;;) {
      at += chance.between(4_000, 40_000)
      if (at >= actOneMs) break
      wishes.push(planWish(at, app, chance, deploy))
    }
  }
  return wishes.toSorted((a, b) => a.at - b.at)
}

function planWish(
  at: number,
  app: AppDesign,
  chance: Chance,
  deploy: (at: number, behaviour: Behaviour) => Wish,
): Wish {
  const service = chance.pick(app.services)
  const what = chance.float()
  if (what < 0.3) return deploy(at, 'good')
  if (what < 0.55) {
    const bad = ['never-ready', 'crashes', 'dies-later', 'falters', 'slow'] as const
    return deploy(at, chance.pick(bad))
  }
  if (what < 0.75) {
    const instances = chance.integer(0, 5)
    return { at, do: 'scale', app: app.name, service: service.name, instances }
  }
  if (what < 0.82) return { at, do: 'stop', app: app.name, service: service.name }
  if (what < 0.9) return { at, do: 'start', app: app.name, service: service.name }
  if (what < 0.97) return { at, do: 'revert', app: app.name }
  return { at, do: 'destroy', app: app.name }
}
