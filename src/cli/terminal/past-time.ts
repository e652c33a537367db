import { Refusal } from '../../base/errors.ts'
import { timeText } from './format.ts'

/** Times as people write them, in the machine's time zone, and what is said of those not kept. */

const unitMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const agoPattern = /^(\d{1,6})\s*([smhd])(?:\s+ago)?$/
const clockPattern = /^(?:(today|yesterday)\s+)?(\d{1,2}):(\d{2})(?::(\d{2}))?$/
const datePattern = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?$/
const zonedPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/

/**
 * The wall time in ms that a text means: `14:05` (today), `yesterday 14:05`, `2026-11-21`,
 * `2026-11-21T14:05`, the same with a zone (`…Z`, `…+01:00`), `10m ago`. Throws a Refusal
 * `time-invalid` for anything else, and for a time that is still to come.
 */
export function parseTime(text: string, now: number): number {
  const at = agoOf(text, now) ?? clockOf(text, now) ?? dateOf(text) ?? zonedOf(text)
  if (at === undefined || Number.isNaN(at)) {
    throw new Refusal('time-invalid', `"${text}" is no time that I know`, {
      hint: 'write 14:05, "yesterday 14:05", 2026-11-21, 2026-11-21T14:05, or "10m ago"',
    })
  }
  if (at <= now) return at
  throw new Refusal('time-invalid', `${timeText(at, now)} is still to come`, {
    hint: clockPattern.test(text)
      ? `it is ${timeText(now, now)}; write "yesterday ${text}" for the day before`
      : `it is ${timeText(now, now)}`,
  })
}

/** Asks; where that time is no longer kept, the refusal names the oldest in the local time zone. */
export async function askOfPast<T>(
  { clock }: { readonly clock: { now(): number } },
  ask: () => Promise<T>,
): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const oldest = error instanceof Refusal ? oldestOf(error) : undefined
    if (!(error instanceof Refusal) || oldest === undefined) throw error
    const time = timeText(oldest.at, clock.now())
    throw new Refusal(error.code, `what was before ${time} is not kept`, {
      status: error.status,
      hint: `the oldest that can be asked for is --at "${time}" (revision ${oldest.revision})`,
      details: error.details ?? {},
    })
  }
}

function oldestOf({ code, details }: Refusal): { revision: number; at: number } | undefined {
  const oldest = details?.['oldest']
  if (code !== 'beyond-horizon' || typeof oldest !== 'object' || oldest === null) return undefined
  return oldest as { revision: number; at: number }
}

function agoOf(text: string, now: number): number | undefined {
  const [, count, unit = ''] = agoPattern.exec(text) ?? []
  return count === undefined ? undefined : now - Number(count) * (unitMs[unit] ?? 0)
}

function clockOf(text: string, now: number): number | undefined {
  const [match, day, hour, minute, second = '0'] = clockPattern.exec(text) ?? []
  if (match === undefined || Number(hour) > 23 || Number(minute) > 59) return undefined
  const date = new Date(now)
  // By the calendar, not by 24 hours: a day on which the clocks change is longer or shorter.
  if (day === 'yesterday') date.setDate(date.getDate() - 1)
  return date.setHours(Number(hour), Number(minute), Number(second), 0)
}

function dateOf(text: string): number | undefined {
  const [match, year, month, day, ...time] = datePattern.exec(text) ?? []
  if (match === undefined) return undefined
  const [hour = 0, minute = 0, second = 0] = time.map((part) => Number(part ?? 0))
  const date = new Date(Number(year), Number(month) - 1, Number(day), hour, minute, second)
  return date.getDate() === Number(day) && hour < 24 ? date.getTime() : undefined
}

function zonedOf(text: string): number | undefined {
  return zonedPattern.test(text) ? Date.parse(text) : undefined
}
