import { expect, test } from 'vitest'
import {
  lastPicture,
  layHarbour,
  shipHeightPx,
  shipWidthPx,
  trimOf,
  type Ship,
} from './harbour-layout.ts'

function aShip(id: number, part: Partial<Ship> = {}): Ship {
  const base = { service: 'api', releaseId: 'rel-1', successor: false, state: 'ready' }
  return { ...base, instanceId: `i-${String(id).padStart(3, '0')}`, pool: 'online', ...part }
}

function ships(count: number, part: Partial<Ship> = {}): Ship[] {
  return Array.from({ length: count }, (_, index) => aShip(index, part))
}

test('no two ships lie over each other, at any width', () => {
  for (const width of [0, 310, 700, 1_400]) {
    const { berths } = layHarbour([...ships(9), ...ships(5, { pool: 'maintenance' })], width)
    for (const [index, a] of berths.entries()) {
      for (const b of berths.slice(index + 1)) {
        const isApart = Math.abs(a.x - b.x) >= shipWidthPx || Math.abs(a.y - b.y) >= shipHeightPx
        expect(isApart || a.ship.pool !== b.ship.pool).toBe(true)
      }
    }
  }
})

test('maintenance lies left of online, and online left of those that leave', () => {
  const { berths } = layHarbour(
    [aShip(1, { pool: 'draining' }), aShip(2), aShip(3, { pool: 'maintenance' })],
    1_000,
  )
  expect(berths.toSorted((a, b) => a.x - b.x).map(({ ship }) => ship.pool)).toEqual([
    'maintenance',
    'online',
    'draining',
  ])
})

test('more ships than fit are told by their number', () => {
  const { berths, beyond } = layHarbour(ships(500), 1_000)
  expect(berths.length + beyond.online).toBe(500)
  expect(beyond.online).toBeGreaterThan(0)
})

test('the picture is no lower empty than with one row of ships', () => {
  expect(layHarbour([], 1_000).heightPx).toBe(layHarbour(ships(1), 1_000).heightPx)
})

test('a ship in trouble is told from one that is made ready', () => {
  expect(trimOf(aShip(1, { state: 'warming' }))).toBe('fitting')
  expect(trimOf(aShip(1, { state: 'backing-off' }))).toBe('trouble')
  expect(trimOf(aShip(1, { pool: 'draining' }))).toBe('leaving')
})

test('what is over is shown as its state means: all new, or all as before', () => {
  const all = [aShip(1, { pool: 'draining' }), aShip(2, { successor: true, pool: 'maintenance' })]
  const shown = (state: 'done' | 'reverted' | 'failed') =>
    lastPicture(all, state).map(({ instanceId, pool }) => `${instanceId} ${pool}`)
  expect(shown('done')).toEqual(['i-002 online'])
  expect(shown('reverted')).toEqual(['i-001 online'])
  expect(shown('failed')).toEqual(['i-001 draining', 'i-002 maintenance'])
})
