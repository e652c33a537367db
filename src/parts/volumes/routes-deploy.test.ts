import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { shop } from '../../../test/fixtures/records.ts'
import { aState, write } from '../../../test/fixtures/state.ts'
import { create, replace, type Kind } from '../../store/port.ts'
import type { Volume } from './model.ts'
import { volumeKind, volumesOf } from './records.ts'
import { notesOnVolumes, refuseManyVolumes, volumesMax } from './routes-deploy.ts'
import { keepVolumeReport } from './routes-report.ts'

function aVolume(parts: Partial<Volume> = {}): Volume {
  const rest = { nodeId: 'node-1', made: false, createdAt: 0 }
  return { id: 'vol-1', at: shop, service: 'db', name: 'data', ...rest, ...parts }
}

const db = (...names: string[]) => ({
  name: 'db',
  volumes: names.map((name) => ({ name, path: `/${name}` })),
})

async function aStateWith(...volumes: Volume[]) {
  const kinds = [volumeKind] as unknown as readonly Kind<never>[]
  const { state } = await aState(kinds, new VirtualClock())
  if (volumes.length > 0) await write(state, ...volumes.map((one) => create(volumeKind, one)))
  return state
}

describe('a deploy', () => {
  test('says which volume begins empty, and which nothing uses any more', async () => {
    const state = await aStateWith(aVolume())
    expect(notesOnVolumes(state.snapshot, shop, [db('data')])).toEqual([])
    expect(notesOnVolumes(state.snapshot, shop, [db('other')])).toEqual([
      'the volume data of db on node-1 is kept, and nothing uses it',
      'the volume other of db begins empty',
    ])
    const empty = await aStateWith()
    expect(notesOnVolumes(empty.snapshot, shop, [db('data')])).toEqual([])
  })

  test('is refused where an app would have more volumes than it may', async () => {
    const many = Array.from({ length: volumesMax }, (_, index) =>
      aVolume({ id: `vol-${index}`, name: `v${index}` }),
    )
    const state = await aStateWith(...many)
    expect(() => refuseManyVolumes(state.snapshot, shop, [db('v0')])).not.toThrow()
    expect(() => refuseManyVolumes(state.snapshot, shop, [db('v0', 'new')])).toThrow(
      expect.objectContaining({ code: 'volumes-too-many', status: 422 }),
    )
  })
})

describe('an agent’s word', () => {
  const read = (state: Awaited<ReturnType<typeof aStateWith>>): Volume[] =>
    [...state.snapshot.list(volumeKind)].map(({ value }) => value)

  test('makes a volume one that has to be there, on its own node alone', async () => {
    const state = await aStateWith(aVolume())
    await keepVolumeReport(state, 'node-2', { made: ['vol-1'], gone: [] }, 'agent:node-2')
    expect(read(state)).toMatchObject([{ made: false }])
    await keepVolumeReport(state, 'node-1', { made: ['vol-1'], gone: [] }, 'agent:node-1')
    expect(read(state)).toMatchObject([{ made: true }])
  })

  test('that one is gone counts only where it was told to go', async () => {
    const state = await aStateWith(aVolume())
    const gone = { made: [], gone: ['vol-1'] }
    await keepVolumeReport(state, 'node-1', gone, 'agent:node-1')
    const [entry] = volumesOf(state.snapshot, shop)
    expect(entry).toBeDefined()
    const doomed = { at: 0, by: 'test' }
    await write(state, replace(volumeKind, entry!, { ...entry!.value, doomed }))
    await keepVolumeReport(state, 'node-1', gone, 'agent:node-1')
    expect(read(state)).toEqual([])
  })
})
