import { expect, test } from 'vitest'
import { silentLog } from '../base/log.ts'
import { VirtualClock } from '../base/virtual-clock.ts'
import type { ExitListener, InstanceDriver } from '../parts/instances/driver.ts'
import type { AssignedInstance } from '../wire/agent.ts'
import { newlyObserved } from './instance-facts.ts'
import { InstanceSet } from './instance-set.ts'
import type { RecordFiles } from './record-files.ts'

const assigned: AssignedInstance = {
  instanceId: 'i-a',
  at: { tenant: 'default', environment: 'local', app: 'shop' },
  service: 'web',
  releaseId: 'rel-1',
  purpose: 'service',
  desired: 'running',
  port: null,
  run: ['node', 'server.js'],
  env: {},
  artifact: { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 },
  health: {
    probe: { kind: 'none' },
    everyMs: 2_000,
    timeoutMs: 1_000,
    passes: 1,
    fails: 1,
    startDeadlineMs: 10_000,
  },
  stop: { drainMs: 0, graceMs: 1_000 },
  warmup: null,
  timeoutMs: null,
}

test('an instance that dies while it is being adopted is noticed', async () => {
  const clock = new VirtualClock()
  let listener: ExitListener = () => {}
  const driver = {
    onExit: (one: ExitListener) => (listener = one),
    adopt() {
      listener('i-a', 1, { code: null, signal: 'SIGKILL', at: 0 })
      return Promise.resolve([
        { instanceId: 'i-a', run: 1, process: { is: 'running', pid: 7, ageMs: 5_000 } },
      ])
    },
    end: () => Promise.resolve({ code: null, signal: 'SIGKILL', at: 0 }),
    leaseNow: () => 0,
  } as unknown as InstanceDriver
  const observed = { ...newlyObserved('i-a', 0), state: 'ready', runs: 1, pid: 7 } as const
  const records = {
    load: () => Promise.resolve([{ assigned, wanted: 'running', observed }]),
    save: () => Promise.resolve(),
    hasEnded: () => false,
  } as unknown as RecordFiles
  const set = new InstanceSet({
    nodeId: 'n1',
    address: '127.0.0.1',
    capacity: { cpu: 1, memoryBytes: 1, diskBytes: 1 },
    driver,
    records,
    clock,
    log: silentLog,
    take: () => new Promise(() => {}),
    onKilled: () => {},
    onChange: () => {},
  })
  await set.open()
  expect(set.observed()).toMatchObject([{ state: 'backing-off', pid: null }])
})
