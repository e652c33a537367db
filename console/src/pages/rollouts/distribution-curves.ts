import type { RolloutView } from '../../../../src/wire/api.ts'

/** Both groups' latencies as curves. Pure geometry, in a box of `widthPx` by `heightPx`. */

type Report = NonNullable<NonNullable<RolloutView['judging']>['report']>
export type Latency = NonNullable<Report['latency']>
export type Group = 'canary' | 'baseline'

export const widthPx = 640
export const heightPx = 132

/** Ticks of the time axis, in ms; those that lie within are shown. */
const ticksMs = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000]

/** A tick nearer to an edge would be cut off. */
const edgePx = 28

/**
 * An SVG path of the shares of one group's answers, a step per bucket. Both groups have one scale, so
 * that they can be laid over one another, however many answers each had.
 */
export function curveOf(latency: Latency, group: Group): string {
  const highest = Math.max(
    ...latency.flatMap((_, index) => groups.map((one) => shareAt(latency, one, index))),
    Number.MIN_VALUE,
  )
  const step = widthPx / Math.max(1, latency.length)
  const steps = latency.map((_, index) => {
    const y = heightPx * (1 - shareAt(latency, group, index) / highest)
    return `V${rounded(y)}H${rounded((index + 1) * step)}`
  })
  return `M0 ${heightPx}${steps.join('')}V${heightPx}Z`
}

const groups: readonly Group[] = ['canary', 'baseline']

function shareAt(latency: Latency, group: Group, index: number): number {
  const total = latency.reduce((sum, one) => sum + one[group], 0)
  return total === 0 ? 0 : (latency[index]?.[group] ?? 0) / total
}

/** Where each tick lies: buckets grow by the same factor, so their bounds are the axis. */
export function ticksOf(latency: Latency): readonly { readonly ms: number; readonly x: number }[] {
  const [first, second] = latency
  if (first === undefined || second === undefined) return []
  const growth = second.untilMs / first.untilMs
  const from = first.untilMs / growth
  return ticksMs
    .map((ms) => {
      const bucket = Math.log(ms / from) / Math.log(growth)
      return { ms, x: rounded((bucket * widthPx) / latency.length) }
    })
    .filter(({ x }) => x > edgePx && x < widthPx - edgePx)
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
