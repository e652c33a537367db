import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../base/virtual-clock.ts'
import { seededRandom } from '../../base/random.ts'
import { anApp, aNode, aPending, aRelease, aSpec, shop } from '../../../test/fixtures/records.ts'
import { aState, write } from '../../../test/fixtures/state.ts'
import { create, replace, type Kind } from '../../store/port.ts'
import type { Release, ServiceSpec } from '../apps/model.ts'
import { appKind, releaseKind } from '../apps/records.ts'
import { instanceById, instanceKind } from '../instances/records.ts'
import { nodeKind } from '../nodes/records.ts'
import type { Volume } from '../volumes/model.ts'
import { volumeKind, volumesOf } from '../volumes/records.ts'
import { schedulingController } from './controller.ts'
import { observePlacement } from './placement-view.ts'
import { tiesOf } from './ties-view.ts'
import { NodeUsage } from './usage.ts'

const kinds = [appKind, releaseKind, instanceKind, nodeKind, volumeKind]
const resources = { cpu: 0.1, memoryBytes: 1, diskBytes: 1 }

function aVolume(parts: Partial<Volume> = {}): Volume {
  const rest = { nodeId: 'node-2', made: true, createdAt: 0 }
  return { id: 'vol-1', at: shop, service: 'db', name: 'data', ...rest, ...parts }
}

const db = (parts: Partial<ServiceSpec> = {}): ServiceSpec =>
  aSpec({ name: 'db', singleton: true, volumes: [{ name: 'data', path: '/data' }], ...parts })

async function aWorld(release: Release) {
  const clock = new VirtualClock()
  const made = await aState(kinds as unknown as readonly Kind<never>[], clock)
  const { state, observations } = made
  await write(state, create(appKind, anApp()), create(releaseKind, release))
  const usage = new NodeUsage(state)
  for (const id of ['node-1', 'node-2']) {
    await write(state, create(nodeKind, aNode({ id, drivers: ['process', 'docker'] })))
    observations.hear(id, clock.now())
  }
  const random = seededRandom(1)
  const controller = schedulingController({ state, clock, random, usage })
  async function pass(): Promise<void> {
    const view = observePlacement(state.snapshot, usage)
    if (view === undefined) return
    const { signal } = new AbortController()
    for (const action of controller.plan(view, clock.now()).actions) {
      await controller.apply(action, signal)
    }
  }
  const nodeOf = (id: string): string | undefined =>
    instanceById(state.snapshot, id)?.value.placement?.nodeId
  return { state, pass, nodeOf, observations, clock }
}

describe('what ties instances to a node', () => {
  test('the first instance makes the volumes where it goes, and the next one follows them', async () => {
    const release = aRelease({ services: [db()] })
    const { state, pass, nodeOf } = await aWorld(release)
    await write(state, create(instanceKind, aPending({ id: 'i-1', service: 'db' })))
    await pass()
    const [volume] = volumesOf(state.snapshot, shop)
    expect(volume?.value).toMatchObject({ service: 'db', name: 'data', made: false })
    expect(volume?.value.nodeId).toBe(nodeOf('i-1'))
    const first = instanceById(state.snapshot, 'i-1')!
    const ended = { at: 0, because: 'a test' }
    await write(state, replace(instanceKind, first, { ...first.value, state: 'ended', ended }))
    // The other node would be as good.
    await write(state, create(instanceKind, aPending({ id: 'i-2', service: 'db' })))
    await pass()
    expect(nodeOf('i-2')).toBe(volume?.value.nodeId)
    expect(volumesOf(state.snapshot, shop)).toHaveLength(1)
  })

  test('a volume holds its service, and nobody else; one that is to go holds nobody', async () => {
    const release = aRelease({ services: [db(), aSpec()] })
    const { state } = await aWorld(release)
    await write(state, create(volumeKind, aVolume()))
    const home = { nodeId: 'node-2', because: 'volume', name: 'data' }
    expect(tiesOf(state.snapshot, release, 'db')).toEqual({ homes: [home] })
    expect(tiesOf(state.snapshot, release, 'web')).toEqual({ homes: [] })
    const [entry] = volumesOf(state.snapshot, shop)
    const doomed = { at: 0, by: 'test' }
    await write(state, replace(volumeKind, entry!, { ...entry!.value, doomed }))
    expect(tiesOf(state.snapshot, release, 'db')).toEqual({ homes: [] })
  })

  test('two volumes on two nodes leave no node, and both are told', async () => {
    const volumes = ['data', 'log'].map((name) => ({ name, path: `/${name}` }))
    const release = aRelease({ services: [db({ volumes })] })
    const { state, pass } = await aWorld(release)
    await write(
      state,
      create(volumeKind, aVolume()),
      create(volumeKind, aVolume({ id: 'vol-2', name: 'log', nodeId: 'node-1' })),
      create(instanceKind, aPending({ id: 'i-1', service: 'db' })),
    )
    await pass()
    const waiting = instanceById(state.snapshot, 'i-1')?.value
    expect(waiting?.state).toBe('pending')
    expect(waiting?.unplaced?.because).toContain('is on node-2, and nowhere else')
    expect(waiting?.unplaced?.fix).toContain('another name, under which it begins empty')
  })

  test('a lost node’s volume is waited for, and the words say what would help', async () => {
    const release = aRelease({ services: [db()] })
    const { state, pass, observations, clock } = await aWorld(release)
    await write(
      state,
      create(volumeKind, aVolume()),
      create(instanceKind, aPending({ id: 'i-1', service: 'db' })),
    )
    await clock.advance(60_000)
    observations.hear('node-1', clock.now())
    await pass()
    const { unplaced } = instanceById(state.snapshot, 'i-1')!.value
    expect(unplaced?.because).toContain('its volume data is on node-2, and nowhere else')
    expect(unplaced?.fix).toMatch(/^start the agent on node-2 again, or give the volume data/)
  })

  test('an app with a shared network stands on one node, its jobs too, volumes first', async () => {
    const network = 'shared' as const
    const services = [db({ network }), aSpec({ network, instances: 3 })]
    const release = aRelease({ services })
    const { state, pass, nodeOf } = await aWorld(release)
    const pending = ['i-1', 'i-2', 'i-3'].map((id) => aPending({ id, service: 'web', resources }))
    await write(state, ...pending.map((one) => create(instanceKind, one)))
    await pass()
    expect(new Set(['i-1', 'i-2', 'i-3'].map(nodeOf)).size).toBe(1)
    const job = aPending({ id: 'i-4', service: '~job', purpose: 'job' })
    await write(state, create(instanceKind, job))
    await pass()
    expect(nodeOf('i-4')).toBe(nodeOf('i-1'))
    const elsewhere = nodeOf('i-1') === 'node-1' ? 'node-2' : 'node-1'
    await write(state, create(volumeKind, aVolume({ nodeId: elsewhere })))
    expect(tiesOf(state.snapshot, release, 'web')).toEqual({
      homes: [{ nodeId: elsewhere, because: 'network', name: 'local/default/shop' }],
      together: {
        app: 'local/default/shop',
        resources: { cpu: expect.closeTo(0.4), memoryBytes: 4, diskBytes: 4 },
      },
    })
  })
})
