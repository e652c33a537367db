import { silentLog, type Log } from '../src/base/log.ts'

/**
 * A log that is read for one thing only: what the program itself takes for its own mistake, which it
 * logs with the place (a failed assertion, an error that nobody meant to throw).
 */
export function watchfulLog(who: string, onBug: (words: string) => void): Log {
  const log: Log = {
    ...silentLog,
    error(message, fields) {
      const stack = fields?.['stack']
      if (typeof stack === 'string') onBug(`${who}: ${message}: ${stack}`)
    },
    with: () => log,
  }
  return log
}
