import { beforeEach, expect, test } from 'vitest'
import { anInstance } from '../../../test/fixtures/instances.ts'
import { aState, write } from '../../../test/fixtures/state.ts'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { create, type Kind } from '../../store/port.ts'
import type { OpenState } from '../../store/state.ts'
import type { RouteRequest } from '../../wire/route.ts'
import { rolloutKind } from '../rollouts/records.ts'
import { instanceById, instanceKind } from './records.ts'
import { replaceRoutes } from './routes-replace.ts'

let state: OpenState

beforeEach(async () => {
  const kinds = [instanceKind, rolloutKind] as unknown as Kind<never>[]
  state = (await aState(kinds, new VirtualClock())).state
})

function ask(id: string, name: string): Promise<unknown> {
  const [route] = replaceRoutes({ state, clock: new VirtualClock() })
  const caller = { name, role: 'developer' }
  return route!.handle({ params: { id }, caller } as unknown as RouteRequest)
}

test('notes who wants it, and keeps the first who did', async () => {
  await write(state, create(instanceKind, anInstance('i-1')))
  await ask('i-1', 'ada')
  await ask('i-1', 'bob')
  expect(instanceById(state.snapshot, 'i-1')?.value.replaceAsked?.by).toBe('ada')
})

test('refuses what is not there, and attempts at jobs', async () => {
  await write(state, create(instanceKind, anInstance('i-2', { purpose: 'job' })))
  await expect(ask('i-none', 'ada')).rejects.toMatchObject({ code: 'instance-unknown' })
  await expect(ask('i-2', 'ada')).rejects.toMatchObject({ code: 'instance-leaving', status: 409 })
})
