import type { RolloutView } from '../../../../src/wire/api.ts'

/**
 * Where each ship lies. Pure geometry: three waters side by side, filled in rows from the left, so
 * that a ship that changes its pool gets another place, and sails there.
 */

export type Ship = RolloutView['pools'][number]
export type Water = Ship['pool']

export interface Berth {
  readonly ship: Ship
  readonly x: number
  readonly y: number
}

export interface Harbour {
  readonly berths: readonly Berth[]
  readonly heightPx: number
  /** Ships that found no place in the picture, by water: they are told by their number. */
  readonly beyond: Readonly<Record<Water, number>>
}

/** Shares of the width: the online water holds the most ships, the leaving ones soon go. */
export const waterShares: Readonly<Record<Water, number>> = {
  maintenance: 0.38,
  online: 0.44,
  draining: 0.18,
}

export const waters: readonly Water[] = ['maintenance', 'online', 'draining']

export const shipWidthPx = 44
export const shipHeightPx = 22
const gapPx = 10
const shorePx = 12
/** Rows of ships at the most: a picture, not a list; the tables below have them all. */
const rowsMax = 4
/** So that a service with one row and one with two do not make the page jump. */
const rowsMin = 1

/** Lays the ships of one service out in a picture of `widthPx`. */
export function layHarbour(ships: readonly Ship[], widthPx: number): Harbour {
  const berths: Berth[] = []
  const beyond: Record<Water, number> = { maintenance: 0, online: 0, draining: 0 }
  let rows = rowsMin
  let left = 0
  for (const water of waters) {
    const width = widthPx * waterShares[water]
    const columns = Math.max(1, Math.floor((width - 2 * shorePx + gapPx) / (shipWidthPx + gapPx)))
    const here = ships.filter((ship) => ship.pool === water).toSorted(bySeniority)
    const shown = here.slice(0, columns * rowsMax)
    beyond[water] = here.length - shown.length
    rows = Math.max(rows, Math.ceil(shown.length / columns))
    for (const [index, ship] of shown.entries()) {
      berths.push({
        ship,
        x: left + shorePx + (index % columns) * (shipWidthPx + gapPx),
        y: shorePx + Math.floor(index / columns) * (shipHeightPx + gapPx),
      })
    }
    left += width
  }
  const heightPx = 2 * shorePx + rows * (shipHeightPx + gapPx) - gapPx
  return { berths, heightPx, beyond }
}

/** Those that leave stand to the right, nearest to the way out. */
function bySeniority(a: Ship, b: Ship): number {
  return Number(b.successor) - Number(a.successor) || (a.instanceId < b.instanceId ? -1 : 1)
}

/**
 * The last picture of a rollout that is over: the server no longer tells its pools, but what `done`
 * and `reverted` mean is that one side has them all.
 */
export function lastPicture(ships: readonly Ship[], state: RolloutView['state']): readonly Ship[] {
  if (state !== 'done' && state !== 'reverted') return ships
  const isLeft = (ship: Ship): boolean => ship.successor === (state === 'done')
  return ships.filter(isLeft).map((ship) => ({ ...ship, pool: 'online', state: 'ready' }))
}

/** How a ship's state is shown. */
export type Trim = 'ready' | 'fitting' | 'trouble' | 'leaving'

/** Whether a ship can serve, is being made ready, or is in trouble. */
export function trimOf(ship: Ship): Trim {
  if (ship.pool === 'draining') return 'leaving'
  if (ship.state === 'ready') return 'ready'
  const isTrouble = ['unhealthy', 'backing-off', 'refused', 'exited'].includes(ship.state)
  return isTrouble ? 'trouble' : 'fitting'
}
