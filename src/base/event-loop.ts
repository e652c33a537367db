import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How often the delay is sampled, in ms: the finest that shows. */
const resolutionMs = 10

/** Begins to measure how long events of this process wait; read as often as one likes. */
export function watchEventLoop(): EventLoopWatch {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  return {
    read() {
      const nanos = { p99: histogram.percentile(99), max: histogram.max }
      histogram.reset()
      const above = (value: number): number =>
        Number.isFinite(value) ? Math.max(0, value / 1e6 - resolutionMs) : 0
      return { p99Ms: above(nanos.p99), maxMs: above(nanos.max) }
    },
  }
}

export interface EventLoopWatch {
  /** Delays in ms beyond the sampling's own, since the last reading. */
  read(): { readonly p99Ms: number; readonly maxMs: number }
}
