/**
 * The agent protocol's numbers, apart from its schemas: the agent speaks the protocol without
 * loading a schema library, which would cost it 12 MB on every node.
 */

/** Versions of the protocol that this program speaks; others are answered with 426. */
export const agentProtocol = { oldest: 1, newest: 2 } as const

/** A line's length at the most, in bytes. */
export const logLineBytesMax = 16_384

/** Lines of one instance in one batch at the most. */
export const logBatchLinesMax = 5_000

/** Time between an agent's reports when nothing changes, in ms; the nodes model says the same. */
export const reportEveryMs = 2_000

/** Between the cause of a failed start and when the next one is; nothing else of an agent says it. */
export const startsAgain = '; starts again '

/** The sentence of an instance that backs off, without its next start: for where there is none. */
export function causeOf(because: string): string {
  const end = because.lastIndexOf(startsAgain)
  return end === -1 ? because : because.slice(0, end)
}

/** Findings in one report at the most. */
export const findingsMax = 20
