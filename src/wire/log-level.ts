/**
 * How severe a line of a log is, read off what was printed: no program here is asked to print in a
 * form of ours. Shared by the server's filter and the console's colours, so that both agree.
 */

/** From the least severe on. */
export const logLevels = ['debug', 'info', 'warning', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** Programs say it early in a line, if they say it at all. */
const headChars = 96

/** `"level":"warn"`, `"severity":50` in a line of JSON; numbers as pino and bunyan count. */
const jsonLevel = /"(?:level|severity|lvl)"\s*:\s*"?([a-z]+|\d+)/i

const names = 'fatal|panic|critical|crit|error|err|warning|warn|notice|info|debug|trace'

/** `level=warn`, `[error]`, `warning: …`, `TypeError: …`. */
const markedLevel = new RegExp(
  `\\blevel=["']?(${names})\\b|\\[\\s*(${names})\\b|^\\s*(${names}|\\w*error):`,
  'i',
)

/** `WARN`, in capitals: as a word of a sentence it would be small. */
const loudLevel = new RegExp(`\\b(${names.toUpperCase()})\\b`)

const words: Readonly<Record<string, LogLevel>> = {
  fatal: 'error',
  panic: 'error',
  critical: 'error',
  crit: 'error',
  error: 'error',
  err: 'error',
  warning: 'warning',
  warn: 'warning',
  notice: 'info',
  info: 'info',
  debug: 'debug',
  trace: 'debug',
}

/** The level of a line; one that says none is `info`, on whichever stream it came. */
export function levelOf(text: string): LogLevel {
  const head = withoutEscapes(text.slice(0, headChars))
  const json = head.startsWith('{') ? jsonLevel.exec(text.slice(0, 1_024))?.[1] : undefined
  if (json !== undefined) return levelOfWord(json)
  const match = markedLevel.exec(head) ?? loudLevel.exec(head)
  return levelOfWord(match?.[1] ?? match?.[2] ?? match?.[3] ?? 'info')
}

/** Whether a level is at least as severe as another. */
export function isAtLeast(level: LogLevel, least: LogLevel): boolean {
  return logLevels.indexOf(level) >= logLevels.indexOf(least)
}

function levelOfWord(text: string): LogLevel {
  const number = Number(text)
  if (Number.isInteger(number)) {
    return number >= 50 ? 'error' : number >= 40 ? 'warning' : number >= 30 ? 'info' : 'debug'
  }
  const word = text.toLowerCase()
  return words[word] ?? (word.endsWith('error') ? 'error' : 'info')
}

// oxlint-disable-next-line no-control-regex -- terminal codes begin with one
const escapes = /\u001b\[[0-9;]*m/g

function withoutEscapes(text: string): string {
  return text.includes('\u001b') ? text.replace(escapes, '') : text
}
