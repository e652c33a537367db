import type { Outcome } from '../builtin/counts.ts'

/** One request as HAProxy's log tells it, when it has ended. */
export interface LogRecord {
  /** The process, by the count of starts. */
  readonly process: number
  /** The HAProxy backend: one of our pools. */
  readonly pool: string
  /** The server that it met last; undefined: none. */
  readonly server: string | undefined
  readonly status: number
  /** The two letters of how the session ended (HAProxy's manual, 8.5). */
  readonly ended: string
  readonly retries: number
  readonly latencyMs: number
}

const shape = /^R (\d+) (\S+) (\S+) (-?\d+) (\S{2})\S* \+?(\d+) (-?\d+)$/

/** Undefined: no line of a request, but one about a server or a process. */
export function parseLogLine(line: string): LogRecord | undefined {
  const found = shape.exec(line)
  if (found === null) return undefined
  const [, process, pool, server, status, ended, retries, latencyUs] = found as unknown as string[]
  return {
    process: Number(process),
    pool: pool ?? '',
    server: server === '<NOSRV>' ? undefined : server,
    status: Number(status),
    ended: ended ?? '--',
    retries: Number(retries),
    latencyMs: Math.max(0, Number(latencyUs) / 1_000),
  }
}

/** How the request ended in the words of product.md; `isLeaving`: its server is in no pool any more. */
export function outcomeOf(record: LogRecord, isLeaving: boolean): Outcome {
  const { ended, status, latencyMs } = record
  const who = ended[0]
  const when = ended[1]
  const broken = { is: 'failed', cause: isLeaving ? 'cut' : 'reset' } as const
  switch (who) {
    // The client went away, or fell silent.
    case 'C':
    case 'c':
      return { is: 'clientAborted' }
    case 's':
      if (when === 'C') return { is: 'failed', cause: 'refused' }
      if (when === 'Q') return { is: 'failed', cause: 'noServer' }
      return { is: 'failed', cause: 'timedOut' }
    case 'S':
      if (when !== 'C') return broken
      return { is: 'failed', cause: record.server === undefined ? 'noServer' : 'refused' }
    // Out of a resource before anything was sent, or an internal error.
    case 'R':
    case 'I':
      return { is: 'failed', cause: when === 'C' ? 'refused' : 'reset' }
    // Ended by a command, because its server was taken away.
    case 'K':
    case 'D':
    case 'U':
      return { is: 'failed', cause: 'cut' }
    case 'P':
      if (when === 'H' || when === 'D') return broken
      return { is: 'answered', latencyMs, appError: false }
    default:
      return { is: 'answered', latencyMs, appError: status >= 500 }
  }
}
