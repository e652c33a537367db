import type { Clock } from '../base/clock.ts'
import type { ProbeAnswer } from '../parts/instances/driver.ts'
import type { ObservedInstance } from '../parts/instances/model.ts'

/** Requests of a warm-up under way at a time: enough to warm it, too few to drown it. */
const concurrency = 4
/** Requests of one warm-up at the most, whatever the manifest multiplies to. */
const requestsMax = 10_000
/** One that takes longer is given up and noted as slow. */
const requestTimeoutMs = 10_000

type WarmedUp = NonNullable<ObservedInstance['warmedUp']>

/**
 * Sends each path `times` times and measures: the first request, and the slowest of the last
 * tenth. A failed request is measured like any other: whether it serves is for its checks to say.
 */
export async function warmUp(
  what: { readonly paths: readonly string[]; readonly times: number },
  get: (path: string, timeoutMs: number) => Promise<ProbeAnswer>,
  clock: Clock,
  isDue: () => boolean,
): Promise<WarmedUp> {
  const { paths } = what
  const requests = Math.min(requestsMax, paths.length * what.times)
  const durations: number[] = []
  let next = 0
  const send = async (): Promise<void> => {
    for (let mine = next++; mine < requests && isDue(); mine = next++) {
      const start = clock.monotonic()
      await get(paths[mine % paths.length] ?? '/', requestTimeoutMs)
      durations.push(clock.monotonic() - start)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, send))
  const lastTenth = durations.slice(-Math.ceil(durations.length / 10))
  return {
    requests: durations.length,
    firstMs: rounded(durations[0] ?? 0),
    lastMs: rounded(Math.max(0, ...lastTenth)),
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}
