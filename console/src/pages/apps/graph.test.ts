import { expect, test } from 'vitest'
import { edgesOf, labelPlaceOf, nodeHeightPx, nodeWidthPx, outsideId, placesOf } from './graph.ts'

const services = [
  { name: 'storefront', needs: ['catalogue', 'checkout'], url: 'http://shop.localhost/' },
  { name: 'catalogue', needs: [], url: null },
  { name: 'checkout', needs: ['catalogue', 'gone'], url: null },
]

test('an edge tells a rate only where a service has one caller', () => {
  const edges = edgesOf(services, (name) => name.length)
  expect(edges).toEqual([
    { from: outsideId, to: 'storefront', perSecond: 10 },
    { from: 'storefront', to: 'catalogue', perSecond: null },
    { from: 'storefront', to: 'checkout', perSecond: 8 },
    { from: 'checkout', to: 'catalogue', perSecond: null },
  ])
})

test.each([false, true])('no two services lie over each other (narrow: %s)', (isNarrow) => {
  const { places } = placesOf(services, isNarrow)
  expect(places).toHaveLength(4)
  for (const [index, a] of places.entries()) {
    for (const b of places.slice(index + 1)) {
      const isApart = Math.abs(a.x - b.x) >= nodeWidthPx || Math.abs(a.y - b.y) >= nodeHeightPx
      expect(isApart).toBe(true)
    }
  }
})

test('services that call each other in a circle are placed all the same', () => {
  const circle = [
    { name: 'a', needs: ['b'], url: null },
    { name: 'b', needs: ['a'], url: null },
  ]
  expect(placesOf(circle, false).places).toHaveLength(2)
})

test.each([false, true])(
  'rates of two edges that cross do not lie over each other (%s)',
  (isNarrow) => {
    const ends = (from: number, to: number) => {
      const point = (along: number, across: number) =>
        isNarrow ? { x: across, y: along } : { x: along, y: across }
      return labelPlaceOf(point(0, from), point(72, to), isNarrow)
    }
    const [down, up] = [ends(0, 88), ends(88, 0)]
    const apart = isNarrow ? down.x - up.x : down.y - up.y
    expect(apart).toBeGreaterThan(40)
    expect(isNarrow ? down.y : down.x).toBeLessThan(72)
  },
)
