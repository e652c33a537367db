import { describe, expect, test } from 'vitest'
import type { AppView, InstanceView, ServiceView } from '../../wire/api.ts'
import {
  resolveApp,
  resolveAppOrService,
  resolveRollout,
  resolveInstance,
  resolveService,
  resolveWriter,
} from './names.ts'

const cell = { environment: 'local', tenant: 'default' }

function anApp(app: string, services: readonly string[], environment = 'local'): AppView {
  return {
    at: { app, environment, tenant: 'default' },
    health: 'ok',
    releaseId: 'rel-1',
    releaseNumber: 1,
    version: 'v1',
    services: services.map((name) => ({ name }) as ServiceView),
    drift: [],
    rolloutId: null,
    traffic: null,
  }
}

const shop = anApp('shop', ['storefront', 'mailer'])
const bank = anApp('bank', ['ledger', 'mailer'])
const elsewhere = anApp('forge', ['web'], 'prod')

describe('an app', () => {
  test('may be left out where there is one in the cell', () => {
    expect(resolveApp(undefined, [shop, elsewhere], cell)).toBe(shop)
  })

  test('has to be named where there are several', () => {
    expect(() => resolveApp(undefined, [shop, bank], cell)).toThrowError(
      expect.objectContaining({ code: 'app-ambiguous', hint: 'name one of: shop, bank' }),
    )
  })

  test('of another cell is not found', () => {
    expect(() => resolveApp('forge', [shop, elsewhere], cell)).toThrowError(
      expect.objectContaining({ code: 'app-unknown', hint: 'there is: shop' }),
    )
  })

  test('in an empty cell: the hint says how to begin', () => {
    expect(() => resolveApp(undefined, [], cell)).toThrowError(
      expect.objectContaining({ message: 'nothing is deployed in local/default' }),
    )
  })
})

describe('a service', () => {
  test('is found by its name alone where one app has it', () => {
    expect(resolveService('storefront', [shop, bank], cell).app).toBe(shop)
  })

  test('that two apps have needs the app', () => {
    expect(() => resolveService('mailer', [shop, bank], cell)).toThrowError(
      expect.objectContaining({ hint: 'write one of: shop/mailer, bank/mailer' }),
    )
    expect(resolveService('bank/mailer', [shop, bank], cell).app).toBe(bank)
  })

  test('that nobody has: the hint lists what there is', () => {
    expect(() => resolveService('shop/web', [shop], cell)).toThrowError(
      expect.objectContaining({
        code: 'service-unknown',
        hint: 'there are: shop/storefront, shop/mailer',
      }),
    )
  })

  test('has no third part', () => {
    expect(() => resolveService('shop/mailer/x', [shop], cell)).toThrow('no service')
  })

  test('and an app of the same name: the app is meant', () => {
    const twin = anApp('mailer', ['web'])
    expect(resolveAppOrService('mailer', [shop, twin], cell)).toEqual({ app: twin })
    expect(resolveAppOrService('storefront', [shop, twin], cell).service?.name).toBe('storefront')
  })
})

describe('an instance', () => {
  const instances = ['i-7k3m0000', 'i-7k3n0000', 'i-99999999'].map((id) => ({ id }) as InstanceView)

  test.each(['i-9', '9', 'i-99999999'])('is found by "%s"', (text) => {
    expect(resolveInstance(text, instances).id).toBe('i-99999999')
  })

  test('of which several begin so: the hint lists them', () => {
    expect(() => resolveInstance('7k3', instances)).toThrowError(
      expect.objectContaining({ hint: 'type more of one of: i-7k3m0000, i-7k3n0000' }),
    )
  })

  test('that is not there: the hint says how to list them', () => {
    expect(() => resolveInstance('zz', instances)).toThrow('there is no instance "zz"')
  })
})

test('a whole id is taken even where a longer one begins with it', () => {
  const items = [{ id: 'ro-1' }, { id: 'ro-12' }]
  expect(resolveRollout('ro-1', items)).toBe(items[0])
  expect(() => resolveRollout('ro', items)).toThrow('2 rollouts begin with "ro"')
})

describe('whose lines are asked for', () => {
  const at = { app: 'bank', environment: 'local', tenant: 'default' }
  const fresh = anApp('bank', [])
  const died = [{ id: 'i-1', at, service: 'teller' } as InstanceView]

  test('may be a service that only a reverted first release had', () => {
    expect(resolveWriter('bank/teller', [fresh], died, cell)).toEqual({ ...at, service: 'teller' })
    expect(resolveWriter('teller', [fresh], died, cell)).toEqual({ ...at, service: 'teller' })
  })

  test('is a service of a release first', () => {
    const found = resolveWriter('ledger', [bank], died, cell)
    expect(found).toEqual({ ...bank.at, service: 'ledger' })
  })

  test('is refused where neither a release nor an instance has it', () => {
    expect(() => resolveWriter('nobody', [shop], died, cell)).toThrowError(
      expect.objectContaining({ code: 'service-unknown' }),
    )
  })
})
