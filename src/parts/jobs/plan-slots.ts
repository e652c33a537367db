import { Cron } from 'croner'

/**
 * When a job's time has come: the slots of its schedule, as instants.
 *
 * A slot is computed from the wall clock of the schedule's own zone. Where the clock is put forward
 * over it, it comes at the first instant after the gap; where the clock is put back over it, a fixed
 * time comes once, and an interval (a field with `*`) comes as often as the hour does.
 */

/** A schedule as the release has it. */
export interface Schedule {
  /** Five fields: minute hour day month weekday. */
  readonly cron: string
  /** An IANA name, such as Europe/Prague. */
  readonly timezone: string
}

/** What is to be done about the slots that have come. */
export interface SlotDecision {
  /** The slot to start now; null: none. */
  readonly start: number | null
  /** Slots that passed while nobody could start them: the newest of them, and how many there were. */
  readonly missed: { readonly count: number; readonly last: number } | null
  /** All slots up to here are decided; never below what it was. */
  readonly decidedUntil: number
  /** Wall ms of the slot after; null: the schedule has none any more. */
  readonly next: number | null
}

/** Missed slots are counted one by one up to this many; who was away longer reads "at least". */
const missedCountMax = 1_000

/** A slot that nobody started in time still starts within this time, once, in ms. */
export const catchUpMs = 24 * 60 * 60 * 1_000

/** Parsed schedules: a pattern costs more to read than to ask. */
const parsed = new Map<string, Cron>()
/** Schedules kept parsed: more than a company has jobs. */
const parsedMax = 2_000

/** The first slot after an instant (wall ms); null: there is none. */
export function slotAfter(schedule: Schedule, after: number): number | null {
  return cronOf(schedule).nextRun(new Date(after))?.getTime() ?? null
}

/**
 * Decides the slots in (`decidedUntil`, `now`]: the newest starts if it is no older than `catchUpMs`,
 * those before it were missed. Where the wall clock has jumped back, `now` lies before
 * `decidedUntil`, and nothing starts until it has passed it: a slot never starts twice.
 */
export function decideSlots(schedule: Schedule, decidedUntil: number, now: number): SlotDecision {
  const nothing = { start: null, missed: null, decidedUntil }
  if (now <= decidedUntil) return { ...nothing, next: slotAfter(schedule, decidedUntil) }
  const [newest] = cronOf(schedule).previousRuns(1, new Date(now + 1))
  const last = newest?.getTime()
  const next = slotAfter(schedule, now)
  if (last === undefined || last <= decidedUntil) return { ...nothing, next }
  const mayStart = now - last <= catchUpMs
  const count = slotsBetween(schedule, decidedUntil, mayStart ? last - 1 : last)
  const [beforeLast] = mayStart ? cronOf(schedule).previousRuns(1, newest) : [newest]
  const missed = count === 0 ? null : { count, last: beforeLast?.getTime() ?? last }
  return { start: mayStart ? last : null, missed, decidedUntil: last, next }
}

/** Slots in (`after`, `until`], counted up to a bound. */
function slotsBetween(schedule: Schedule, after: number, until: number): number {
  let count = 0
  for (let slot = slotAfter(schedule, after); slot !== null && slot <= until; count++) {
    if (count >= missedCountMax) break
    slot = slotAfter(schedule, slot)
  }
  return count
}

function cronOf({ cron, timezone }: Schedule): Cron {
  const key = `${timezone} ${cron}`
  const known = parsed.get(key)
  if (known !== undefined) return known
  if (parsed.size >= parsedMax) parsed.clear()
  // "30 1,2 * * *" is two fixed times, not an interval: it comes once where the clock is put back.
  const made = new Cron(cron, { timezone, mode: '5-part', fixedTimeRule: 'no-wildcard' })
  parsed.set(key, made)
  return made
}
