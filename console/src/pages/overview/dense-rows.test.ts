import { expect, test } from 'vitest'
import type { AppView } from '../../../../src/wire/api.ts'
import { fitting, onlyOf, rowsOf, step } from './dense-rows.ts'

function anApp(place: string, part: Partial<AppView> = {}): AppView {
  const [environment = '', tenant = '', app = ''] = place.split('/')
  return {
    at: { environment, tenant, app },
    health: 'ok',
    releaseId: 'rel-1',
    releaseNumber: 1,
    version: 'v1',
    rolloutId: null,
    drift: [],
    services: [],
    traffic: null,
    ...part,
  }
}

const byHand = { service: 'a', kind: 'scaled', byHand: 1, inManifest: 2, by: null, since: null }
const drift = [byHand] as AppView['drift']
const apps = [
  anApp('qa/sk/shop', { version: 'v2' }),
  anApp('prod/cz/shop', { health: 'down' }),
  anApp('prod/sk/shop'),
  anApp('prod/de/shop', { version: 'v0', drift }),
  anApp('prod/cz/billing', { health: 'rolling' }),
]
const names = (list: readonly AppView[]) =>
  list.map(({ at }) => `${at.environment}/${at.tenant}/${at.app}`)

test('what is wrong is what fails, and what was changed by hand', () => {
  expect(names(fitting(apps, { only: 'wrong' }))).toEqual(['prod/cz/shop', 'prod/de/shop'])
  expect(names(fitting(apps, { only: 'hand' }))).toEqual(['prod/de/shop'])
  expect(names(fitting(apps, { only: 'rolling' }))).toEqual(['prod/cz/billing'])
})

test('every word must be in the place or the version', () => {
  expect(names(fitting(apps, { q: 'SHOP v2' }))).toEqual(['qa/sk/shop'])
  expect(names(fitting(apps, { q: ' prod/cz ' }))).toEqual(['prod/cz/shop', 'prod/cz/billing'])
})

test('rows tell the version that most of their cells have', () => {
  const { tenants, rows, versionChars } = rowsOf(apps)
  expect(versionChars).toBe(2)
  expect(tenants).toEqual(['cz', 'de', 'sk'])
  expect(rows.map((row) => [row.app, row.environment, row.isFirst, row.version])).toEqual([
    ['billing', 'prod', true, 'v1'],
    ['shop', 'prod', true, 'v1'],
    ['shop', 'qa', false, 'v2'],
  ])
})

test('keys lead from cell to cell, over what is empty to the nearest', () => {
  const all = rowsOf(apps)
  expect(step(all, 'prod/cz/shop', 'ArrowRight', false)).toBe('prod/de/shop')
  expect(step(all, 'prod/cz/shop', 'ArrowLeft', false)).toBeUndefined()
  expect(step(all, 'prod/cz/shop', 'ArrowDown', false)).toBe('qa/sk/shop')
  expect(step(all, 'qa/sk/shop', 'ArrowDown', false)).toBeUndefined()
  expect(step(all, 'prod/cz/shop', 'End', false)).toBe('prod/sk/shop')
  expect(step(all, 'prod/cz/billing', 'End', true)).toBe('qa/sk/shop')
  expect(step(all, 'qa/sk/shop', 'PageUp', false)).toBe('prod/cz/billing')
  expect(step(all, 'qa/sk/none', 'ArrowUp', false)).toBeUndefined()
})

test('a word of the address that means nothing is left out', () => {
  expect([onlyOf('wrong'), onlyOf('toString'), onlyOf(3)]).toEqual(['wrong', undefined, undefined])
})
