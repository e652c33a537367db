import { beforeEach, describe, expect, test } from 'vitest'
import { VirtualClock } from '../base/virtual-clock.ts'
import {
  aJobRun,
  aListener,
  aPending,
  aRelease,
  aRollout,
  aSpec,
} from '../../test/fixtures/records.ts'
import { aState, write } from '../../test/fixtures/state.ts'
import { releaseKind } from '../parts/apps/records.ts'
import { listenerKind } from '../parts/discovery/records.ts'
import type { Instance } from '../parts/instances/model.ts'
import type { Exec } from '../parts/execs/model.ts'
import { execKind } from '../parts/execs/records.ts'
import { instanceById, instanceKind } from '../parts/instances/records.ts'
import { jobRunKind } from '../parts/jobs/records.ts'
import { rolloutKind, schemaStageKind } from '../parts/rollouts/records.ts'
import { volumeKind } from '../parts/volumes/records.ts'
import { create, remove, replace, type Kind } from '../store/port.ts'
import type { OpenState } from '../store/state.ts'
import type { Assignment } from '../wire/agent.ts'
import { Assignments } from './assignments.ts'

const kinds = [
  releaseKind,
  instanceKind,
  volumeKind,
  listenerKind,
  rolloutKind,
  schemaStageKind,
  jobRunKind,
  execKind,
] as unknown as Kind<never>[]

describe('assignments', () => {
  let clock: VirtualClock
  let state: OpenState
  let assignments: Assignments

  beforeEach(async () => {
    clock = new VirtualClock()
    ;({ state } = await aState(kinds, clock))
    const services = [aSpec({ needs: ['api'] }), aSpec({ name: 'api' })]
    await write(state, create(releaseKind, aRelease({ services })))
    await place('i-1', 'node-1')
    assignments = new Assignments(state.snapshot, clock)
    state.subscribe((told) => assignments.notice(told))
  })

  async function place(id: string, nodeId: string): Promise<void> {
    await write(state, create(instanceKind, aPending({ id })))
    await change(id, { state: 'placed', placement: { nodeId, port: 21_000 } })
  }

  async function change(id: string, parts: Partial<Instance>): Promise<number> {
    const entry = instanceById(state.snapshot, id)
    if (entry === undefined) throw new Error(`no instance ${id}`)
    return write(state, replace(instanceKind, entry, { ...entry.value, ...parts }))
  }

  function ask(nodeId: string, after: number, waitMs = 0): Promise<Assignment | undefined> {
    return assignments.next(nodeId, after, waitMs, new AbortController().signal)
  }

  test('the first question is answered at once, with all that the node is to run', async () => {
    const assignment = await ask('node-1', 0)
    expect(assignment?.revision).toBe(state.snapshot.revision)
    expect(assignment?.instances.map((one) => one.instanceId)).toEqual(['i-1'])
    expect((await ask('node-2', 0))?.instances).toEqual([])
  })

  test('who is up to date waits, and is woken by a placement on its own node only', async () => {
    const { revision = 0 } = (await ask('node-1', 0)) ?? {}
    const asked = ask('node-1', revision, 10_000)
    let isAnswered = false
    void asked.then(() => (isAnswered = true))
    await place('i-2', 'node-2')
    await clock.advance(1_000)
    expect(isAnswered).toBe(false)
    await place('i-3', 'node-1')
    await clock.advance(5)
    expect((await asked)?.instances.map((one) => one.instanceId)).toEqual(['i-1', 'i-3'])
  })

  test('the wait ends without an answer when its time is up', async () => {
    const { revision = 0 } = (await ask('node-1', 0)) ?? {}
    const asked = ask('node-1', revision, 500)
    await clock.advance(500)
    expect(await asked).toBeUndefined()
  })

  test('a moved pool is no matter of the agent’s', async () => {
    const { revision = 0 } = (await ask('node-1', 0)) ?? {}
    await change('i-1', { pool: 'maintenance' })
    expect(await ask('node-1', revision)).toBeUndefined()
    await change('i-1', { desired: 'stopped' })
    expect((await ask('node-1', revision))?.instances).toMatchObject([{ desired: 'stopped' }])
  })

  test('an instance that has ended is no longer told', async () => {
    await change('i-1', { desired: 'stopped' })
    await change('i-1', { state: 'ended', ended: { at: 0, because: 'over' } })
    expect((await ask('node-1', 0))?.instances).toEqual([])
  })

  test('a listener that comes later reaches those who need it', async () => {
    const { revision = 0 } = (await ask('node-1', 0)) ?? {}
    await write(state, create(listenerKind, aListener('api', 20_000)))
    const assignment = await ask('node-1', revision)
    expect(assignment?.instances[0]?.env['API_URL']).toBe('http://127.0.0.1:20000')
  })

  test('a test is told what its rollout changes, another’s test nothing', async () => {
    const release = aRelease({ id: 'rel-2', services: [aSpec({ name: 'api' })] })
    await write(state, create(releaseKind, release), create(rolloutKind, aRollout()))
    await write(state, create(listenerKind, aListener('api', 20_000)))
    for (const id of ['i-test', 'i-late']) {
      const attempt = aPending({ id, purpose: 'job', service: '~test', releaseId: 'rel-2' })
      const run = aJobRun({
        id: `run-of-${id}`,
        purpose: 'test',
        attempts: [{ instanceId: id, startedAt: 0, endedAt: null, exitCode: null, because: '' }],
      })
      await write(state, create(instanceKind, attempt), create(jobRunKind, run))
      await change(id, { state: 'placed', placement: { nodeId: 'node-1', port: null } })
    }
    const [queued] = [...state.snapshot.list(rolloutKind)]
    const target = { releaseId: 'rel-2', specDigest: `sha256:${'1'.repeat(64)}` }
    const api = { service: 'api', target, successors: 1, online: 0, predecessors: 1 }
    const running = aRollout({ state: 'running', runId: 'run-of-i-test', targets: [api] })
    await write(state, replace(rolloutKind, queued!, running))
    const assignment = await ask('node-1', 0)
    const told = assignment?.instances.map(({ instanceId, env }) => [
      instanceId,
      env['ROADSTEAD_TARGET_API'],
    ])
    expect(told).toEqual([
      ['i-1', undefined],
      ['i-late', undefined],
      ['i-test', 'http://127.0.0.1:20001'],
    ])
  })

  test('an earlier attempt of a run is told until its own record says that it is over', async () => {
    const attempt = { startedAt: 0, endedAt: null, exitCode: null, because: '' }
    for (const id of ['i-first', 'i-second']) {
      await write(state, create(instanceKind, aPending({ id, purpose: 'job', service: '~tick' })))
      await change(id, { state: 'placed', placement: { nodeId: 'node-1', port: null } })
    }
    const attempts = ['i-first', 'i-second'].map((instanceId) => ({ ...attempt, instanceId }))
    await write(state, create(jobRunKind, aJobRun({ id: 'run-1', attempts })))
    const told = (await ask('node-1', 0))?.instances.map(({ instanceId }) => instanceId)
    expect(told).toEqual(['i-1', 'i-first', 'i-second'])
  })

  test('a command beside an instance is told to its node alone, until it has ended', async () => {
    const exec = anExec({ instanceId: 'i-1', nodeId: 'node-1' })
    const { revision = 0 } = (await ask('node-1', 0)) ?? {}
    await write(state, create(execKind, exec))
    const { execs, revision: later = 0 } = (await ask('node-1', revision)) ?? {}
    const { id: execId, instanceId, command, terminal } = exec
    expect(execs).toEqual([{ execId, instanceId, command, terminal }])
    expect((await ask('node-2', 0))?.execs).toBeUndefined()
    const [entry] = [...state.snapshot.list(execKind)]
    await write(state, remove(entry!))
    expect((await ask('node-1', later))?.execs).toBeUndefined()
  })

  test('an agent that has seen more than the store holds gets an answer', async () => {
    expect(await ask('node-1', state.snapshot.revision + 100)).toBeDefined()
  })

  test('after a restart of the server an agent that missed nothing waits', async () => {
    const { revision = 0 } = (await ask('node-1', 0)) ?? {}
    assignments = new Assignments(state.snapshot, clock)
    expect(await ask('node-1', revision)).toBeUndefined()
    expect(await ask('node-1', revision - 1)).toBeDefined()
  })
})

function anExec(parts: Pick<Exec, 'instanceId' | 'nodeId'>): Exec {
  return {
    id: 'ex-1',
    at: { tenant: 'default', environment: 'local', app: 'shop' },
    service: 'web',
    caller: 'operator',
    command: ['sh'],
    terminal: { columns: 80, rows: 24 },
    startedAt: 0,
    ...parts,
  }
}
