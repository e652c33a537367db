import { describe, expect, test } from 'vitest'
import { RateTable } from './rate-table.ts'

/** How many of so many requests in a row are let through. */
function admitted(table: RateTable, client: string, now: number, count: number): number {
  return Array.from({ length: count }, () => table.admits(client, now)).filter(Boolean).length
}

describe('rate table', () => {
  test('lets ten seconds’ worth through at once, then as many as have become old', () => {
    const table = new RateTable(5, 100)
    expect(admitted(table, 'a', 0, 80)).toBe(50)
    expect(admitted(table, 'a', 9_999, 80)).toBe(0)
    // Half of the window before has left the last ten seconds.
    expect(admitted(table, 'a', 15_000, 80)).toBe(25)
    expect(admitted(table, 'a', 45_000, 80)).toBe(50)
  })

  test('counts only what it lets through, so that whoever keeps on is served at the rate', () => {
    const table = new RateTable(10, 100)
    let through = 0
    for (let now = 0; now < 100_000; now += 10) if (table.admits('a', now)) through++
    expect(through).toBeGreaterThan(900)
    expect(through).toBeLessThanOrEqual(1_100)
  })

  test('counts each client for itself', () => {
    const table = new RateTable(1, 100)
    expect(admitted(table, 'a', 0, 20)).toBe(10)
    expect(admitted(table, 'b', 0, 20)).toBe(10)
  })

  test('never knows more clients than it may, and forgets the silent ones', () => {
    const table = new RateTable(1, 1_000)
    for (let client = 0; client < 5_000; client++) table.admits(`c${client}`, client / 10)
    expect(table.size).toBe(1_000)
    table.admits('late', 100_000)
    expect(table.size).toBe(1)
  })
})
