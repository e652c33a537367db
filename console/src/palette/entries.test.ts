import { expect, test } from 'vitest'
import type { AppView } from '../../../src/wire/api.ts'
import { actionEntries, found, pageEntries, placeEntries } from './entries.ts'

const service = {
  name: 'storefront',
  worker: false,
  wanted: 2,
  ready: 2,
  maintenance: 0,
  draining: 0,
  stopped: false,
  needs: [],
  url: null,
  traffic: null,
}

const app: AppView = {
  at: { environment: 'prod', tenant: 'cz', app: 'shop' },
  health: 'ok',
  releaseId: 'rel-1',
  releaseNumber: 1,
  version: 'v1',
  services: [service, { ...service, name: 'mailer', stopped: true }],
  rolloutId: null,
  drift: [],
  traffic: null,
}

const places = placeEntries({
  apps: [app],
  nodes: [],
  rollouts: [],
  instances: [{ id: 'i-7k3', at: app.at, service: 'storefront' }],
})

function textsOf(query: string): readonly string[] {
  const all = [...pageEntries([{ name: 'Nodes', href: '/nodes' }]), ...places]
  return found([...all, ...actionEntries([app], query)], query, 10).map(({ text }) => text)
}

test('what begins with the query comes first, and every word has to be there', () => {
  expect(textsOf('shop')[0]).toBe('shop')
  expect(textsOf('i-7k3')).toEqual(['storefront i-7k3'])
  expect(textsOf('node')).toEqual(['Nodes'])
  expect(textsOf('shop nowhere')).toEqual([])
})

test('a number at the end is how many instances a service is scaled to', () => {
  const [entry] = found(actionEntries([app], 'scale storefront 7'), 'scale storefront 7', 10)
  expect(entry).toMatchObject({ text: 'Scale storefront to 7', kind: 'Action' })
  expect(entry?.goal).toMatchObject({
    action: { body: { service: 'storefront', instances: 7 } },
  })
})

test('what is stopped can be started, and nothing else is asked of it', () => {
  const texts = actionEntries([app], '').map(({ text }) => text)
  expect(texts.filter((text) => text.includes('mailer'))).toEqual(['Start mailer'])
})

test('no more entries than fit are found', () => {
  expect(found(places, '', 3)).toHaveLength(3)
})
