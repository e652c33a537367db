import { beforeEach, expect, it, vi } from 'vitest'
import { anApp, aRelease, shop } from '../../../test/fixtures/records.ts'
import { aState, write } from '../../../test/fixtures/state.ts'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { create, remove, type Kind } from '../../store/port.ts'
import type { OpenState } from '../../store/state.ts'
import { appKind, releaseKind } from '../apps/records.ts'
import { instanceKind } from '../instances/records.ts'
import { rolloutKind } from '../rollouts/records.ts'
import { appCellName } from '../tenants/model.ts'
import { discoveryController } from './controller.ts'
import { listenerPortKey } from './model.ts'
import { listenerKind, listenerPortKind } from './records.ts'

const kinds = [
  appKind,
  releaseKind,
  rolloutKind,
  instanceKind,
  listenerKind,
  listenerPortKind,
] as unknown as Kind<never>[]

const from = 20_000
const takenCount = 50

let state: OpenState
let controller: ReturnType<typeof discoveryController>

beforeEach(async () => {
  ;({ state } = await aState(kinds, new VirtualClock()))
  controller = discoveryController({ state, ports: { from, to: 20_999 } })
  state.subscribe((change) => void [...controller.keysOf(change, state.snapshot)])
  await write(state, create(appKind, anApp({ releaseId: aRelease().id })))
  await write(state, create(releaseKind, aRelease()))
  for (let index = 0; index < takenCount; index++) {
    const taken = { port: from + 2 * index, listener: 'of another app' }
    await write(state, create(listenerPortKind, taken))
  }
})

function firstPort(): number | undefined {
  const view = controller.observe(appCellName(shop), state.snapshot)
  if (view === undefined) throw new Error('there is no such app')
  const [first] = controller.plan(view, 0).actions
  return first?.decision.type === 'assign' ? first.decision.port : undefined
}

it('does not search all ports that are taken again for each app', () => {
  expect(firstPort()).toBe(from + 2 * takenCount)
  const get = vi.spyOn(state.snapshot, 'get')
  expect(firstPort()).toBe(from + 2 * takenCount)
  const looks = get.mock.calls.filter(([kind]) => kind.name === listenerPortKind.name)
  expect(looks.length).toBeLessThan(takenCount / 2)
})

it('gives the lowest pair again once it is given back', async () => {
  expect(firstPort()).toBe(from + 2 * takenCount)
  const entry = state.snapshot.get(listenerPortKind, listenerPortKey(from + 6))
  if (entry === undefined) throw new Error('the port is not taken')
  await write(state, remove(entry))
  expect(firstPort()).toBe(from + 6)
})
