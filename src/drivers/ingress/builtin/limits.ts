/** Every bound of the built-in ingress, in one place, with its reason. */
export const limits = {
  /** Attempts of one request that may reach an instance: more would multiply an overload. */
  attemptsMax: 3,
  /** A body up to this size is read before it is sent, so that it can be sent again, in bytes. */
  replayBytesMax: 65_536,
  /** Silence within an answer after which it is taken for dead, in ms: streams are often quiet. */
  silenceMsMax: 900_000,
  /** Silence of a client in the middle of its request's body, in ms. */
  bodySilenceMsMax: 60_000,
  /** A connection to an instance on the same network takes less than 1 ms; 2 s allow one lost SYN. */
  connectTimeoutMs: 2_000,
  /** Headers of a request, in bytes; twice Node's default, for shops with many cookies. */
  headerBytesMax: 32_768,
  /** A client must send all its headers within this time, in ms (slow loris). */
  headersTimeoutMs: 15_000,
  /** Idle connections of clients are kept longer than any browser or load balancer keeps them. */
  clientIdleMs: 75_000,
  /** Connections per listening port; with one request each, the bound on requests under way. */
  connectionsMax: 10_000,
  /** All attempts of a request to find an instance that takes it, waits included, in ms. */
  searchMsMax: 10_000,
  /** Requests that wait for an instance, per pool; further ones are answered 503 at once. */
  heldMax: 1_000,
  /** While all instances of a pool refuse, one waiting request tries again in this interval, in ms. */
  probeEveryMs: 100,
  /** An instance that refused a connection is passed over for so long, in ms. */
  avoidMs: 1_000,
  /** A port in use is tried again in this interval, in ms. */
  listenRetryMs: 1_000,
  /** Requests at a time on one connection of HTTP/2: what browsers and servers are used to. */
  streamsMax: 100,
  /** Clients whose requests are counted, 200 bytes each; those heard longest ago are forgotten. */
  clientsMax: 100_000,
  /** The folder of certificates is looked at in this interval, in ms. */
  certificatesLookMs: 10_000,
  /** Files in that folder: a certificate takes some 50 KiB of memory. */
  certificateFilesMax: 2_000,
  /** A chain of ten certificates with its key has 20 KiB; this is no such file, in bytes. */
  certificateBytesMax: 1_048_576,
  /** Counts and stalled bodies are looked through in this interval, in ms. */
  sweepEveryMs: 5_000,
} as const

/** How long requests are waited with; settings, because what is long depends on the apps. */
export interface Patience {
  /** An instance is given this long to begin its answer, in ms. */
  readonly answerMs: number
  /** A request waits for so long for an instance when there is none, in ms. */
  readonly holdMs: number
}

/** Browsers give up later than 60 s; an instance that was killed is back within 2 s of 5. */
export const usualPatience: Patience = { answerMs: 60_000, holdMs: 5_000 }

/**
 * When idle connections to instances are given up, in ms, always before the instance would: a
 * request must not meet a connection that its other end is closing. Node.js servers close after 5 s
 * and say so; who says nothing gets 4 s, and a request that may not be sent twice a fresh connection.
 */
export const upstreamIdle = { silentMs: 4_000, saidLessMs: 2_000, onceMs: 1_000 } as const
