import { graphlib, layout } from '@dagrejs/dagre'
import type { ServiceView } from '../../../../src/wire/api.ts'

/** Who calls whom in an app, and where each stands in the picture. Pure geometry. */

/** The one node that is no service: whoever comes by a route. */
export const outsideId = ' outside'

export const nodeWidthPx = 184
export const nodeHeightPx = 68

type Called = Pick<ServiceView, 'name' | 'needs' | 'url'>

export interface GraphEdge {
  readonly from: string
  readonly to: string
  /**
   * Requests per second along it; null where several call the same service: the ingress counts by
   * who is called, so their shares are not known.
   */
  readonly perSecond: number | null
}

export interface GraphPlace {
  readonly id: string
  readonly x: number
  readonly y: number
}

/** The edges, each from a caller (or from outside) to what it calls. */
export function edgesOf(
  services: readonly Called[],
  rateOf: (service: string) => number,
): readonly GraphEdge[] {
  const known = new Set(services.map(({ name }) => name))
  const pairs = services.flatMap(({ name, needs, url }) => [
    ...(url === null ? [] : [[outsideId, name] as const]),
    ...needs.filter((need) => known.has(need)).map((need) => [name, need] as const),
  ])
  return pairs.map(([from, to]) => {
    const callers = pairs.filter(([, other]) => other === to).length
    return { from, to, perSecond: callers === 1 ? rateOf(to) : null }
  })
}

/** How far along its edge a rate stands: beyond the middle, where edges cross. */
const labelAt = 0.72

/** Where the rate of an edge stands: on the curve from one end to the other, by what is called. */
export function labelPlaceOf(
  from: { readonly x: number; readonly y: number },
  to: { readonly x: number; readonly y: number },
  isNarrow: boolean,
): { readonly x: number; readonly y: number } {
  // The curve leaves and arrives along the flow, its two handles half way.
  const along = (a: number, b: number): number => cubic(a, (a + b) / 2, (a + b) / 2, b)
  const across = (a: number, b: number): number => cubic(a, a, b, b)
  const [x, y] = isNarrow ? [across, along] : [along, across]
  return { x: x(from.x, to.x), y: y(from.y, to.y) }
}

function cubic(a: number, b: number, c: number, d: number): number {
  const [t, rest] = [labelAt, 1 - labelAt]
  return rest ** 3 * a + 3 * rest ** 2 * t * b + 3 * rest * t ** 2 * c + t ** 3 * d
}

/** Places from left to right, callers before what they call; `isNarrow` from top to bottom. */
export function placesOf(
  services: readonly Called[],
  isNarrow: boolean,
): { readonly places: readonly GraphPlace[]; readonly widthPx: number; readonly heightPx: number } {
  const edges = edgesOf(services, () => 0)
  const hasOutside = edges.some(({ from }) => from === outsideId)
  const graph = new graphlib.Graph()
  graph.setGraph({ rankdir: isNarrow ? 'TB' : 'LR', nodesep: 22, ranksep: isNarrow ? 40 : 96 })
  graph.setDefaultEdgeLabel(() => ({}))
  const ids = [...(hasOutside ? [outsideId] : []), ...services.map(({ name }) => name)]
  for (const id of ids) graph.setNode(id, { width: nodeWidthPx, height: nodeHeightPx })
  for (const { from, to } of edges) graph.setEdge(from, to)
  layout(graph)
  const places = ids.map((id) => {
    const { x, y } = graph.node(id)
    return { id, x: x - nodeWidthPx / 2, y: y - nodeHeightPx / 2 }
  })
  const widthPx = Math.max(0, ...places.map(({ x }) => x + nodeWidthPx))
  const heightPx = Math.max(0, ...places.map(({ y }) => y + nodeHeightPx))
  return { places, widthPx, heightPx }
}
