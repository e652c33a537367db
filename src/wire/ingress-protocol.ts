/**
 * The ingress protocol's numbers, apart from its schemas: the ingress speaks the protocol without
 * loading a schema library, which would cost it 12 MB on every node.
 */

/** Time between an ingress's reports when nothing urgent happens, in ms; its model says the same. */
export const reportEveryMs = 1_000

/** How long a request for the table waits for news, in ms: shorter than any proxy's patience. */
export const tableWaitMs = 25_000
