import type { Exit } from '../parts/instances/driver.ts'

/** A duration as people say it: `80 ms`, `1.2 s`, `5 min`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Number((ms / 1_000).toFixed(1))} s`
  return `${Math.round(ms / 60_000)} min`
}

/** How a process ended: `exited with code 1`, `was killed by SIGKILL`. */
export function exitText(exit: Exit): string {
  if (exit.memoryLimit !== undefined) {
    const mebibytes = Math.round(exit.memoryLimit / 2 ** 20)
    return `was ended by the kernel at its memory limit of ${mebibytes} MiB`
  }
  if (exit.signal !== null) return `was killed by ${exit.signal}`
  if (exit.code !== null) return `exited with code ${exit.code}`
  return 'ended while nobody looked'
}

/** Characters of a reported sentence at the most. */
const sentenceMax = 1_024

/** A sentence within the bound that the protocol sets on one. */
export function bounded(sentence: string, most = sentenceMax): string {
  return sentence.length <= most ? sentence : `${sentence.slice(0, most - 1)}…`
}
