import { describe, expect, it } from 'vitest'
import { Refusal } from '../../base/errors.ts'
import { askOfPast, parseTime } from './past-time.ts'

const now = new Date(2026, 10, 21, 15, 0, 0).getTime()

describe('a time as people write it', () => {
  const times: [text: string, means: Date][] = [
    ['14:05', new Date(2026, 10, 21, 14, 5)],
    ['9:30:15', new Date(2026, 10, 21, 9, 30, 15)],
    ['today 00:00', new Date(2026, 10, 21)],
    ['yesterday 14:05', new Date(2026, 10, 20, 14, 5)],
    ['yesterday 23:59', new Date(2026, 10, 20, 23, 59)],
    ['2026-11-20', new Date(2026, 10, 20)],
    ['2026-11-20T14:05', new Date(2026, 10, 20, 14, 5)],
    ['2026-11-20 14:05:09', new Date(2026, 10, 20, 14, 5, 9)],
    ['2026-11-20T14:05Z', new Date(Date.UTC(2026, 10, 20, 14, 5))],
    ['2026-11-20T14:05:00+02:00', new Date(Date.UTC(2026, 10, 20, 12, 5))],
    ['10m ago', new Date(2026, 10, 21, 14, 50)],
    ['90s', new Date(2026, 10, 21, 14, 58, 30)],
    ['2d ago', new Date(now - 48 * 3_600_000)],
  ]
  for (const [text, means] of times) {
    it(`reads ${text}`, () => expect(parseTime(text, now)).toBe(means.getTime()))
  }

  for (const text of ['', 'noon', '25:00', '14:60', '2026-02-30', '14', '-5m ago', '1e3m']) {
    it(`refuses "${text}" with what it takes`, () => {
      expect(() => parseTime(text, now)).toThrow(/is no time that I know/)
    })
  }

  it('refuses a time that is still to come', () => {
    expect(() => parseTime('15:01', now)).toThrow(/still to come/)
    expect(() => parseTime('2027-01-01', now)).toThrow(/still to come/)
  })

  it('names the oldest time that is kept in the local zone', async () => {
    const oldest = { revision: 7, at: new Date(2026, 10, 21, 8, 0).getTime() }
    const ask = () => {
      throw new Refusal('beyond-horizon', 'in UTC', { status: 410, details: { oldest } })
    }
    const asked = askOfPast({ clock: { now: () => now } }, async () => ask())
    await expect(asked).rejects.toMatchObject({
      code: 'beyond-horizon',
      message: 'what was before 08:00:00 is not kept',
    })
  })
})
