import { expect, it, vi } from 'vitest'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { aState, write } from '../../../test/fixtures/state.ts'
import { aNode } from '../../../test/fixtures/records.ts'
import { create, type Kind } from '../../store/port.ts'
import { nodesController } from './controller.ts'
import { nodeLostAfterMs } from './model.ts'
import { nodeKind } from './records.ts'

it('looks at the other nodes only when its own is silent', async () => {
  const clock = new VirtualClock()
  const kinds = [nodeKind] as unknown as Kind<never>[]
  const { state } = await aState(kinds, clock)
  for (const id of ['a', 'b', 'c']) await write(state, create(nodeKind, aNode({ id })))
  const list = vi.spyOn(state.snapshot, 'list')
  const controller = nodesController(state, clock)
  const pass = (now: number): number => {
    const view = controller.observe('a', state.snapshot)
    if (view === undefined) throw new Error('there is no such node')
    controller.plan(view, now)
    return list.mock.calls.length
  }
  expect(pass(clock.now())).toBe(0)
  expect(pass(clock.now() + nodeLostAfterMs)).toBeGreaterThan(0)
})
