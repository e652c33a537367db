import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { catchUpMs, decideSlots, slotAfter, type Schedule } from './plan-slots.ts'

const at = (text: string): number => Date.parse(text)
const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** Slots that start when the schedule is looked at every `stepMs` from one instant to another. */
function starts(schedule: Schedule, from: number, until: number, stepMs = minuteMs): string[] {
  const started: string[] = []
  let decidedUntil = from
  for (let now = from; now <= until; now += stepMs) {
    const decision = decideSlots(schedule, decidedUntil, now)
    if (decision.start !== null) started.push(new Date(decision.start).toISOString())
    decidedUntil = decision.decidedUntil
  }
  return started
}

describe('where the clock changes, a nightly job runs exactly once', () => {
  test.each([
    // 02:30 does not exist: the clock goes from 02:00 to 03:00, which is 01:00 UTC.
    ['Europe/Prague', '30 2 * * *', '2026-03-28T12:00Z', '2026-03-29T01:00:00.000Z'],
    // 02:30 comes twice: at 00:30 and at 01:30 UTC.
    ['Europe/Prague', '30 2 * * *', '2026-10-24T12:00Z', '2026-10-25T00:30:00.000Z'],
    ['America/New_York', '30 2 * * *', '2026-03-07T18:00Z', '2026-03-08T07:00:00.000Z'],
    ['America/New_York', '30 1 * * *', '2026-10-31T18:00Z', '2026-11-01T05:30:00.000Z'],
    // Lord Howe changes by half an hour: 02:00 becomes 02:30, and back.
    ['Australia/Lord_Howe', '15 2 * * *', '2026-10-03T04:00Z', '2026-10-03T15:30:00.000Z'],
    ['Australia/Lord_Howe', '45 1 * * *', '2026-04-04T04:00Z', '2026-04-04T14:45:00.000Z'],
  ])('%s, %s, the night after %s', (timezone, cron, from, slot) => {
    const schedule = { cron, timezone }
    expect(starts(schedule, at(from), at(from) + 20 * hourMs)).toEqual([slot])
  })

  test('a job of two fixed hours runs twice, an interval as often as its hour comes', () => {
    const from = at('2026-10-31T12:00Z')
    const fixed = { cron: '30 1,2 * * *', timezone: 'America/New_York' }
    expect(starts(fixed, from, from + dayMs)).toHaveLength(2)
    const interval = { cron: '30 * * * *', timezone: 'America/New_York' }
    expect(starts(interval, from, from + dayMs)).toHaveLength(24)
  })
})

describe('a slot', () => {
  const nightly = { cron: '0 3 * * *', timezone: 'UTC' }

  test('starts once, and not again when the wall clock jumps back an hour', () => {
    const slot = at('2026-05-01T03:00Z')
    const first = decideSlots(nightly, slot - dayMs, slot + 5 * minuteMs)
    expect(first.start).toBe(slot)
    const jumped = decideSlots(nightly, first.decidedUntil, slot - 55 * minuteMs)
    expect(jumped).toMatchObject({ start: null, decidedUntil: slot })
    const again = decideSlots(nightly, jumped.decidedUntil, slot + minuteMs)
    expect(again.start).toBeNull()
  })

  test('that was missed starts once, and those before it are counted', () => {
    const slot = at('2026-05-09T03:00Z')
    const decision = decideSlots(nightly, slot - 8 * dayMs, slot + 2 * hourMs)
    expect(decision).toEqual({
      start: slot,
      missed: { count: 7, last: slot - dayMs },
      decidedUntil: slot,
      next: slot + dayMs,
    })
  })

  test('that was missed for more than a day does not start any more', () => {
    const monthly = { cron: '0 3 1 * *', timezone: 'UTC' }
    const slot = at('2026-05-01T03:00Z')
    const decision = decideSlots(monthly, slot - dayMs, slot + catchUpMs + 1)
    expect(decision).toMatchObject({ start: null, missed: { count: 1, last: slot } })
  })

  test('of a day that no year has never comes', () => {
    const never = { cron: '0 0 30 2 *', timezone: 'UTC' }
    const now = at('2026-05-01T03:00Z')
    expect(decideSlots(never, now - dayMs, now)).toMatchObject({ start: null, next: null })
  })
})

test('whenever it is looked at, each slot starts once and no other instant does', () => {
  const schedules = fc.record({
    cron: fc.constantFrom(
      '30 2 * * *',
      '0 3 * * *',
      '15,45 1,2 * * *',
      '0 */6 * * *',
      '59 1 * * 0',
    ),
    timezone: fc.constantFrom('Europe/Prague', 'America/New_York', 'Australia/Lord_Howe', 'UTC'),
  })
  const spans = fc.record({
    from: fc.integer({ min: at('2026-01-01'), max: at('2028-01-01') }),
    steps: fc.array(fc.integer({ min: 1, max: 5 * hourMs }), { minLength: 5, maxLength: 60 }),
  })
  fc.assert(
    fc.property(schedules, spans, (schedule, { from, steps }) => {
      const slots: number[] = []
      let [now, decidedUntil, missed] = [from, from, 0]
      for (const step of steps) {
        now += step
        const decision = decideSlots(schedule, decidedUntil, now)
        decidedUntil = decision.decidedUntil
        missed += decision.missed?.count ?? 0
        if (decision.start !== null) slots.push(decision.start)
        expect(decision.next).toBe(slotAfter(schedule, now))
      }
      const all: number[] = []
      for (let slot = slotAfter(schedule, from); slot !== null && slot <= now;) {
        all.push(slot)
        slot = slotAfter(schedule, slot)
      }
      expect(new Set(slots).size).toBe(slots.length)
      expect(slots.every((slot) => all.includes(slot))).toBe(true)
      expect(slots.length + missed).toBe(all.length)
    }),
    { numRuns: 300 },
  )
})
