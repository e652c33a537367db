/** Every bound of the HAProxy ingress that the built-in one does not have, with its reason. */
export const bounds = {
  /** Spare pools of a kind at the start: a new app takes three, so twenty apps come without a reload. */
  sparesMin: 32,
  /** Listener ports that are opened ahead of those in the table: apps get their ports in order. */
  portsAhead: 32,
  /** A process must answer on its socket within this time, in ms; 10,000 servers take about 1 s. */
  startMs: 15_000,
  /** Between two looks at whether it answers already, in ms. */
  startLookMs: 10,
  /** A command must be answered within this time, in ms: the process is taken for dead after it. */
  commandMs: 5_000,
  /** A server that is out of its pool is kept for its return for so long, in ms. */
  parkedMs: 60_000,
  /** Between two looks at instances that are leaving, in ms. */
  leavingLookMs: 20,
  /** What a process keeps of its log until we have read it, in bytes: some 50,000 requests. */
  ringBytes: 4_194_304,
  /** A line of the log: no name of ours is longer, in bytes. */
  logLineBytes: 512,
  /** A connection to the log that was closed is opened again after this, in ms. */
  logAgainMs: 100,
  /** Log lines may trail the counters by this much, in ms, before an observation goes without them. */
  logLagMs: 1_000,
  /**
   * Log lines that are missing for longer were never written, in ms. They take less than 1; but a
   * machine may stop HAProxy between the counter and the line, and a request must not count twice.
   */
  logLateMs: 500,
  /** Log lines that are missing for longer are taken for lost, in ms. */
  logLostMs: 5_000,
  /** What went wrong is told for so long, in ms: sixty reports. */
  troubleToldMs: 60_000,
  /** Processes that end with their last connections; the oldest is ended when there are more. */
  stoppingMax: 8,
  /** A start that failed is repeated after this, in ms. */
  restartMs: 1_000,
  /** A listener port in use is tried again in this interval, in ms. */
  listenRetryMs: 1_000,
  /** Attempts of one request after the first; HAProxy has one number for connections and answers. */
  retries: 5,
  /** Time for a connection to an instance, and between two attempts at the same one, in ms. */
  connectMs: 1_000,
} as const
