import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { DeployPlanView } from '../../wire/deploy-plan.ts'
import { planLines, planSummary } from './plan-lines.ts'

const base = { id: 'rel-1', number: 7, version: 'v7' }

function aPlan(parts: Partial<DeployPlanView> = {}): DeployPlanView {
  return {
    hash: 'p1-x',
    at: { environment: 'prod', tenant: 'cz', app: 'shop' },
    nothingToDo: false,
    base,
    ahead: [],
    services: [],
    release: [],
    drift: [],
    putsBack: false,
    steps: [],
    placement: [],
    ...parts,
  }
}

function text(plan: DeployPlanView): string[] {
  return planLines(plan, 0).map(stripVTControlCharacters)
}

describe('a plan in words', () => {
  test('is one line where nothing is to do', () => {
    expect(text(aPlan({ nothingToDo: true }))).toEqual([
      'nothing to do: prod/cz runs exactly this (release 7 (v7))',
    ])
    const ahead = [{ rolloutId: 'ro-1', state: 'running', release: base }]
    expect(text(aPlan({ nothingToDo: true, ahead }))[0]).toMatch(/^nothing to do: ro-1 carries/)
  })

  test('aligns services and fields, and shows values as people know them', () => {
    const fields = [
      { path: 'resources.memoryBytes', from: 134_217_728, to: 268_435_456 },
      { path: 'stop.drainMs', from: 5_000, to: 20_000 },
      { path: 'run', from: ['node', 'a.js'], to: ['node', 'b.js'] },
      { path: 'env.KEY', from: null, to: { secret: 'db/key' } },
      { path: 'env.OLD', from: '1', to: null },
      {
        path: 'artifact',
        from: { digest: `sha256:${'a'.repeat(64)}` },
        to: { digest: 'sha256:b' },
      },
    ]
    const lines = text(
      aPlan({
        services: [
          { name: 'web', change: 'changed', instances: { from: 2, to: 3 }, replaces: 2, fields },
          {
            name: 'mail',
            change: 'created',
            instances: { from: 0, to: 1 },
            replaces: 0,
            fields: [],
          },
          {
            name: 'old',
            change: 'removed',
            instances: { from: 2, to: 0 },
            replaces: 0,
            fields: [],
          },
          {
            name: 'a',
            change: 'unchanged',
            instances: { from: 2, to: 2 },
            replaces: 0,
            fields: [],
          },
        ],
      }),
    )
    expect(lines.slice(2, 12)).toEqual([
      '  ~ web   2 -> 3 instances, 2 replaced',
      '      ~ resources.memoryBytes  128 MiB -> 256 MiB',
      '      ~ stop.drainMs           5.0 s -> 20.0 s',
      '      ~ run                    node a.js -> node b.js',
      '      + env.KEY                secret db/key',
      '      - env.OLD                "1"',
      '      ~ artifact               sha256:aaaaaaaaaaaa -> sha256:b',
      '  + mail  1 instance',
      '  - old   2 instances',
      '  = a: unchanged',
    ])
  })

  test('says where there is no room, and what would help', () => {
    const refused = {
      service: 'web',
      fits: false,
      because: 'no node is known',
      fix: 'start an agent',
    }
    const lines = text(aPlan({ placement: [refused] }))
    expect(lines).toContain('  ✗ web: no node is known')
    expect(lines).toContain('    to make it fit: start an agent')
  })

  test('is summed up in a line', () => {
    const service = { instances: { from: 1, to: 1 }, replaces: 1, fields: [] }
    const services = [
      { ...service, name: 'a', change: 'changed' as const },
      { ...service, name: 'b', change: 'unchanged' as const, replaces: 0 },
    ]
    expect(planSummary(aPlan({ services }))).toBe('1 changed, 1 unchanged, 1 instance replaced')
  })
})
