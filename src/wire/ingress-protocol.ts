/**
 * The ingress protocol's numbers, apart from its schemas: the ingress speaks the protocol without
 * loading a schema library, which would cost it 12 MB on every node.
 */

/**
 * Versions of the protocol that this program speaks, told with each request for the table; others
 * are answered with 426. 2 adds the table's digest to reports; an ingress that says none speaks 1.
 */
export const ingressProtocol = { oldest: 1, newest: 2 } as const

/** Time between an ingress's reports when nothing urgent happens, in ms; its model says the same. */
export const reportEveryMs = 1_000

/** How long a request for the table waits for news, in ms: shorter than any proxy's patience. */
export const tableWaitMs = 25_000
