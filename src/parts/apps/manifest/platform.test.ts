import { describe, expect, test } from 'vitest'
import { validateManifest } from './manifest.ts'
import { cellsOf, parsePlatform } from './platform.ts'

const good = `roadstead: v1
platform: test
nodeGroups: { general: { engine: agents, zones: [a] } }
environments: { dev: { nodeGroup: general }, prod: { nodeGroup: general } }
tenants: { cz: { domains: { prod: cz.example } } }
teams: { shop: { quota: { prod: { cpu: 10 } } } }
`

describe('platform.yaml', () => {
  test('gives environments times tenants; without one there is one local cell', () => {
    const parsed = parsePlatform(good, 'p')
    expect(parsed.ok && cellsOf(parsed.value)).toEqual([
      { environment: 'dev', tenant: 'cz' },
      { environment: 'prod', tenant: 'cz' },
    ])
    expect(cellsOf(undefined)).toEqual([{ environment: 'local', tenant: 'default' }])
  })

  const broken: readonly (readonly [string, string, string, string])[] = [
    [
      'nodeGroup: general }, prod',
      'nodeGroup: generl }, prod',
      '4:35 unknown-reference',
      'did you mean `general`?',
    ],
    ['domains: { prod: cz', 'domains: { prd: cz', '5:29 unknown-layer', 'did you mean `prod`?'],
    ['prod: cz.example', 'prod: https://cz.example/', '5:35 bad-host', 'did you mean cz.example?'],
    ['quota: { prod', 'quota: { prood', '6:27 unknown-layer', 'did you mean `prod`?'],
    ['engine: agents', 'engine: agent', '3:34 wrong-value', 'did you mean `agents`?'],
    [
      'dev: { nodeGroup: general }',
      'dev: { nodeGroup: general, freeze: [ { from: 2026-11-31 00:00, ' +
        'until: 2026-12-01 00:00, timezone: UTC } ] }',
      '4:62 bad-date',
      'year-month-day, such as "2027-03-01"',
    ],
    [
      'prod: cz.example',
      'prod: cz.example, dev: cz.example',
      '5:52 route-conflict',
      'give each cell a domain of its own',
    ],
  ]
  test.each(broken)('%s → %s is refused at %s', (from, to, place, hint) => {
    const parsed = parsePlatform(good.replace(from, to), 'p')
    const [fault] = parsed.ok ? [] : parsed.faults
    expect(`${fault?.line}:${fault?.column} ${fault?.code}`).toBe(place)
    expect(fault?.hint).toBe(hint)
  })
})

describe('a manifest against its platform', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['team: shp\nservices: { web: { run: a } }', 'there is no team `shp` in p'],
    ['services: { web: { run: a } }', 'the file names no team, and p gives quotas to teams'],
    [
      'team: shop\nservices: { web: { run: a } }\nenvironments: { prd: {} }',
      'there is no environment `prd` in p',
    ],
    [
      'team: shop\nservices: { web: { run: a } }\ncells: { prod/sk: {} }',
      'there is no cell `prod/sk` in p',
    ],
    [
      'team: shop\nservices: { web: { run: a, health: /, route: "{cell.domain}" } }',
      'in dev/cz: dev/cz has no domain for {cell.domain}',
    ],
    [
      'team: shop\nservices: { web: { run: a, instances: 2, spread: { zone: require } } }',
      '`web` is to survive the loss of a zone, but the node group has one (a)',
    ],
    [
      'team: shop\nservices: { web: { run: a } }\n' +
        'environments: { dev: { deploy: { from: prod } }, prod: { deploy: { from: dev } } }',
      'a release could reach dev only after dev',
    ],
  ]
  test.each(cases)('%s', (manifest, message) => {
    const source = { text: `roadstead: v1\napp: shop\n${manifest}`, file: 'm' }
    const result = validateManifest(source, { text: good, file: 'p' })
    expect(result.ok ? [] : result.faults.map((fault) => fault.message)).toContain(message)
  })
})
