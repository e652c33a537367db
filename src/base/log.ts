import { pino } from 'pino'

/** Structured log lines: the message is constant, values are fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** The same log with fields added to each line. */
  with(fields: LogFields): Log
}

export type LogFields = Readonly<Record<string, unknown>>

/** A log that forgets everything, for tests. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
}

/** Fields that hold credentials, wherever a request's headers are logged. */
const secretFields = ['authorization', 'cookie', 'set-cookie', 'token']

/** What a log line shows of them. */
const redact = {
  paths: secretFields.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]),
  censor: '[redacted]',
}

/** JSON lines on standard error; `level` is pino's (`debug`, `info`, `warn`, `error`). */
export function openLog(role: string, level: string): Log {
  const target = pino.destination({ fd: 2, sync: true })
  const timestamp = pino.stdTimeFunctions.isoTime
  return wrap(pino({ level, base: { role }, timestamp, redact }, target))
}

function wrap(logger: pino.Logger): Log {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    with: (fields) => wrap(logger.child(fields)),
  }
}
