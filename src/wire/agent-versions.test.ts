import { expect, test } from 'vitest'
import type { AssignedInstance } from './agent.ts'
import { assignmentFor } from './agent-versions.ts'

const artifact = { digest: `sha256:${'a'.repeat(64)}`, sizeBytes: 1 }

const assigned: AssignedInstance = {
  instanceId: 'i-1',
  at: { tenant: 'default', environment: 'local', app: 'shop' },
  service: 'web',
  releaseId: 'rel-1',
  purpose: 'service',
  desired: 'running',
  port: 21_000,
  run: ['node', 'server.js'],
  env: {},
  artifact,
  health: {
    probe: { kind: 'tcp' },
    everyMs: 1,
    timeoutMs: 1,
    passes: 1,
    fails: 1,
    startDeadlineMs: 1,
  },
  stop: { drainMs: 0, graceMs: 0 },
  warmup: null,
  timeoutMs: null,
  resources: { cpu: 1, memoryBytes: 1, diskBytes: 1 },
  assets: { directory: 'dist', carried: [{ artifact, directory: 'dist' }] },
}

test('an agent of protocol 1 is told the archive alone, one of protocol 2 all of it', () => {
  const assignment = { revision: 3, instances: [assigned] }
  expect(assignmentFor(2, assignment)).toBe(assignment)
  const [old] = assignmentFor(1, assignment).instances
  expect(old).toMatchObject({ instanceId: 'i-1', artifact })
  expect(old).not.toHaveProperty('assets')
  expect(old).not.toHaveProperty('resources')
})
