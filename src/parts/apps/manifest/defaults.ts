/**
 * What holds where a manifest says nothing: the one place where defaults are stated. They are
 * spelled as a manifest spells them, and `render --explain` shows them as the layer `default`.
 */

export const serviceDefaults = {
  /** The repository: five lines are enough for one service. */
  source: '.',
  /** One machine must feel effortless; two cost twice. Whoever needs two says so. */
  instances: 1,
  /** A tenth of a core: an idle Node service takes a hundredth, a start half a second of one. */
  cpu: 0.1,
  /** Twice what an empty Node service takes (about 55 MiB). */
  memory: '128MiB',
  /** An unpacked archive, and what it writes to its own directory. */
  disk: '256MiB',
  /** `require` could leave an instance without a place, which has to be wanted. */
  spread: { zone: 'prefer', node: 'prefer' },
  /**
   * Twenty seconds are longer than the time-outs of most clients; ten are enough for an app that
   * has nothing under way any more.
   */
  stop: { drain: '20s', grace: '10s' },
}

export const healthDefaults = {
  /** A dead instance is out of traffic in about six seconds; the checks cost next to nothing. */
  every: '2s',
  /** A check as slow as its interval tells that the instance is not well. */
  timeout: '2s',
  /** One success may be luck, on the way up. */
  passes: 2,
  /** One failure may be a collection of garbage, two a burst of load. */
  fails: 3,
  /** The slowest starts that we know (a JVM with its caches) take 40 s. */
  startDeadline: '60s',
}

export const routeDefaults = {
  /** All of the host. */
  path: '/',
  /** Most routes are for customers, and none is reachable unless it is written. */
  expose: 'public',
}

/** Up at once, down in calm: a missing instance hurts, an idle one only costs. */
export const scaleDefaults = { up: '30s', down: '10m' }

/** Ten requests are enough for a compiler to wake and for connections to be made. */
export const warmupDefaults = { times: 10 }

export const buildDefaults = {
  /** The repository, as for what runs from a folder. */
  context: '.',
  dockerfile: 'Dockerfile',
  /** Builds compile: a whole compiler in less than this is a rare thing. */
  memory: '1GiB',
  cpu: 0.5,
  /** Longer than most builds without any cache, shorter than patience. */
  timeout: '20m',
}

export const assetsDefaults = {
  /** A page that is left open overnight finds its files in the morning. */
  keep: '24h',
}

export const stepDefaults = {
  /** A quarter is enough to see what load does, and three quarters still serve. */
  maintenance: { portion: '25%', min: 1 },
  /** Longer than smoke tests take, shorter than patience. */
  test: { timeout: '5m' },
  /** Of each journey: ten pages of a slow site, and somebody who waits for it. */
  journeys: { timeout: '60s' },
  /** Two batches, and the second meets a service of which most is proven. */
  remaining: { batch: '50%', pause: '0s' },
}

export const migrateDefaults = {
  /** A migration that takes longer should be one that is watched. */
  timeout: '10m',
}

export const jobDefaults = {
  /** The only clock that no law moves. */
  timezone: 'UTC',
  /** Two runs at once surprise more people than a run that was left out. */
  overlap: 'skip',
  timeout: '1h',
  /** Not every job may be repeated: whoever knows that says so. */
  retries: 0,
}

export const releaseDefaults = {
  /** Callers meet a callee that knows them already. */
  order: 'needs',
  /** First a portion out of customers' sight, then the rest. */
  steps: [{ maintenance: stepDefaults.maintenance }, { remaining: stepDefaults.remaining }],
  /** The promise of the product: not one. */
  revertIf: { failedRequests: '> 0' },
}

/** Who owns an app that names nobody. */
export const teamDefault = 'default'

/** {cell.domain} where there is no platform.yaml: browsers resolve it, and all names below it. */
export const localDomain = 'localhost'
