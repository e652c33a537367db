import { describe, expect, test } from 'vitest'
import type { NodeView } from '../../../../src/wire/api.ts'
import type { FleetInstance } from '../../api/fleet.ts'
import { boxAt, nodeIndexAt, packedCells, zoneGrid, zonesOf } from './packing.ts'

const capacity = { cpu: 8, memoryBytes: 800, diskBytes: 0 }
const service = { at: { environment: 'prod', tenant: 'cz', app: 'shop' }, service: 'web' }

function instances(...cpus: number[]): FleetInstance[] {
  return cpus.map((cpu, index) => ({
    id: `i-${index}`,
    service,
    cpu,
    memoryBytes: 80,
    pool: 'online',
    state: 'ready',
  }))
}

const box = { width: 100, height: 100 }

describe('a packed node', () => {
  test('gives every instance its part of the area, and leaves the rest free at the top', () => {
    const cells = packedCells(instances(1, 2, 1), capacity, 'cpu', box)
    const areas = cells.map(({ width, height }) => Math.round(width * height))
    expect(areas).toEqual([1_250, 2_500, 1_250])
    expect(Math.min(...cells.map(({ y }) => y))).toBeCloseTo(50)
    expect(Math.max(...cells.map(({ y, height }) => y + height))).toBeCloseTo(100)
  })

  test('is measured by cpu or by memory', () => {
    const [cell] = packedCells(instances(4), capacity, 'memory', box)
    expect((cell?.width ?? 0) * (cell?.height ?? 0)).toBeCloseTo(1_000)
  })

  test('keeps all cells within the box, apart from each other, however many there are', () => {
    const cells = packedCells(instances(...Array(40).fill(0.2)), capacity, 'cpu', box)
    expect(cells).toHaveLength(40)
    for (const cell of cells) {
      expect(cell.x).toBeGreaterThanOrEqual(0)
      expect(cell.y).toBeGreaterThanOrEqual(-0.001)
      expect(cell.x + cell.width).toBeLessThanOrEqual(100.001)
      expect(cell.y + cell.height).toBeLessThanOrEqual(100.001)
      for (const other of cells) {
        if (other === cell) continue
        const isApart =
          cell.x + cell.width <= other.x + 0.001 ||
          other.x + other.width <= cell.x + 0.001 ||
          cell.y + cell.height <= other.y + 0.001 ||
          other.y + other.height <= cell.y + 0.001
        expect(isApart).toBe(true)
      }
    }
  })

  test('shows what is reserved beyond its capacity, and what reserves nothing', () => {
    const beyond = packedCells(instances(8, 8), capacity, 'cpu', box)
    const area = beyond.reduce((sum, { width, height }) => sum + width * height, 0)
    expect(area).toBeCloseTo(10_000)
    expect(packedCells(instances(0), capacity, 'cpu', box)[0]?.width).toBeGreaterThan(0)
    expect(packedCells(instances(1), { ...capacity, cpu: 0 }, 'cpu', box)).toHaveLength(1)
    expect(packedCells([], capacity, 'cpu', box)).toEqual([])
  })
})

describe('a zone', () => {
  test('draws few nodes large and many small, and never wider than its place', () => {
    expect(zoneGrid(1, 3, 1_000).width).toBeGreaterThan(zoneGrid(200, 600, 1_000).width)
    const narrow = zoneGrid(3, 3, 120)
    expect(narrow).toMatchObject({ columns: 2, width: 54 })
    for (const width of [320, 777, 1_000]) {
      const grid = zoneGrid(200, 600, width)
      expect(grid.columns * (grid.width + grid.gap) - grid.gap).toBeLessThanOrEqual(width)
    }
  })

  test('finds the node under a point, and none between the boxes', () => {
    const grid = zoneGrid(50, 600, 500)
    for (const index of [0, 9, 10, 49]) {
      const { x, y, width, height } = boxAt(grid, index)
      expect(nodeIndexAt(grid, 50, x + width / 2, y + height / 2)).toBe(index)
      expect(nodeIndexAt(grid, 50, x + width + 1, y)).toBeUndefined()
    }
    const beyond = boxAt(grid, 50)
    expect(nodeIndexAt(grid, 50, beyond.x + 1, beyond.y + 1)).toBeUndefined()
    expect(nodeIndexAt(grid, 50, -1, 0)).toBeUndefined()
  })

  test('orders nodes as people count', () => {
    const nodes = ['n-10', 'n-2', 'n-1'].map((id) => ({ id, zone: 'a' }) as NodeView)
    const [zone] = zonesOf(nodes)
    expect(zone?.[1].map(({ id }) => id)).toEqual(['n-1', 'n-2', 'n-10'])
  })
})
