/**
 * The agent protocol's numbers, apart from its schemas: the agent speaks the protocol without
 * loading a schema library, which would cost it 12 MB on every node.
 */

/** Versions of the protocol that this program speaks; others are answered with 426. */
export const agentProtocol = { oldest: 1, newest: 1 } as const

/** A line's length at the most, in bytes. */
export const logLineBytesMax = 16_384

/** Lines of one instance in one batch at the most. */
export const logBatchLinesMax = 5_000

/** Time between an agent's reports when nothing changes, in ms; the nodes model says the same. */
export const reportEveryMs = 2_000
