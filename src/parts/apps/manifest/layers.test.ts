import { describe, expect, test } from 'vitest'
import { validateManifest } from './manifest.ts'
import { explainCell, explainedText, printCell } from './print.ts'
import { placeOfValue, type RenderedCell } from './render.ts'

const platform = `
roadstead: v1
platform: test
nodeGroups: { general: { engine: agents, zones: [a, b] } }
environments: { dev: { nodeGroup: general }, prod: { nodeGroup: general } }
tenants:
  cz: { domains: { prod: cz.example, dev: dev.cz.example } }
  sk: { domains: { prod: sk.example, dev: dev.sk.example } }
`

/** The cell, or what is wrong. */
function cellOf(manifest: string, name = 'prod/cz'): RenderedCell {
  const source = { text: `roadstead: v1\napp: shop\n${manifest}`, file: 'roadstead.yaml' }
  const result = validateManifest(source, { text: platform, file: 'platform.yaml' })
  if (!result.ok) throw new Error(result.faults.map(({ message }) => message).join('\n'))
  const [environment, tenant] = name.split('/')
  return result.value.cells.find(
    ({ cell }) => cell.environment === environment && cell.tenant === tenant,
  )!
}

function faultsOf(manifest: string): string[] {
  const source = { text: `roadstead: v1\napp: shop\n${manifest}`, file: 'roadstead.yaml' }
  const result = validateManifest(source, { text: platform, file: 'platform.yaml' })
  return result.ok ? [] : result.faults.map(({ code, message }) => `${code}: ${message}`)
}

describe('layers', () => {
  const layered = `
defaults: { memory: 64MiB, env: { A: defaults, B: defaults } }
services:
  web: { run: node web.js, env: { B: app, C: app, D: app }, warmup: { get: [/a, /b] } }
  api: { run: node api.js }
environments: { prod: { services: { "*": { cpu: 1 }, web: { cpu: 2, env: { C: environment } } } } }
tenants: { cz: { services: { web: { env: { D: tenant }, warmup: { get: [/c] } } } } }
cells: { prod/cz: { services: { "*": { instances: 3 }, api: { env: { A: cell } } } } }
`
  test('later layers win: defaults < app < environment < tenant < cell', () => {
    const [web, api] = cellOf(layered).services
    expect(web!.env).toEqual({ A: 'defaults', B: 'app', C: 'environment', D: 'tenant' })
    expect(api!.env).toEqual({ A: 'cell', B: 'defaults' })
  })

  test('"*" is every service, and a named one is stronger in the same layer', () => {
    const [web, api] = cellOf(layered).services
    expect([web!.resources.cpu, api!.resources.cpu]).toEqual([2, 1])
    expect([web!.instances, api!.instances]).toEqual([3, 3])
    const [elsewhere] = cellOf(layered, 'dev/sk').services
    expect([elsewhere!.resources.cpu, elsewhere!.instances]).toEqual([0.1, 1])
  })

  test('lists replace, maps merge', () => {
    expect(cellOf(layered).services[0]!.warmup).toEqual({ get: ['/c'], times: 10 })
  })

  test('health, route and target replace as a whole', () => {
    const { services } = cellOf(`
defaults: { health: { http: /up, every: 7s, passes: 9 } }
services:
  web:
    run: node web.js
    health: { http: /mine }
    route: { host: "{cell.domain}", path: /web }
environments: { prod: { services: { web: { route: other.example } } } }`)
    expect(services[0]!.health).toMatchObject({ everyMs: 2_000, passes: 2 })
    expect(services[0]!.route).toEqual({ host: 'other.example', path: '/', expose: 'public' })
  })

  test('none removes, and the default takes its place', () => {
    const { services, release } = cellOf(`
defaults: { memory: 64MiB, warmup: { get: / } }
services:
  web: { run: node web.js, env: { A: x, B: none, C: "none" }, warmup: none }
  old: { run: node old.js }
environments:
  prod:
    services: { web: { memory: none, env: { A: none } }, old: none }
    release: { revertIf: none }`)
    expect(services.map(({ name }) => name)).toEqual(['web'])
    expect(services[0]).toMatchObject({ env: { C: 'none' }, warmup: null })
    expect(services[0]!.resources.memoryBytes).toBe(128 * 2 ** 20)
    expect(release.revertIf).toBeUndefined()
  })

  test('none is a word of its own in spread', () => {
    const { services } = cellOf('services: { web: { run: node a.js, spread: { zone: none } } }')
    expect(services[0]!.spread).toEqual({ zone: 'none', node: 'prefer' })
  })

  test('a later layer may give a removed block anew, but not a part of it', () => {
    const scaled = `
services: { web: { run: node web.js, scale: { min: 2, max: 8, target: { cpu: 65% } } } }
environments: { prod: { services: { web: { scale: none } } } }
tenants: { cz: { services: { web: { scale: DELTA } } } }`
    expect(faultsOf(scaled.replace('DELTA', '{ max: 4 }'))).toEqual([
      'removed-block: in prod/cz: `scale` adds part of a removed block: ' +
        'environment prod removed it (line 5)',
    ])
    const whole = '{ min: 3, max: 4, target: { cpu: 50% } }'
    expect(cellOf(scaled.replace('DELTA', whole)).services[0]!.instances).toBe(3)
    expect(cellOf(scaled.replace('DELTA', whole), 'prod/sk').services[0]!.instances).toBe(1)
  })

  test('a fault of some cells says in which', () => {
    const faults = faultsOf(`
services: { web: { run: node web.js, needs: [api] }, api: { run: node api.js } }
cells: { prod/sk: { services: { api: none } } }`)
    expect(faults).toEqual(['unknown-service: in prod/sk: there is no service `api`'])
  })
})

describe('a rendered cell', () => {
  test('fills in the placeholders of image, host and env', () => {
    const [web] = cellOf(`
services:
  web:
    image: registry/{service}:{version}
    health: /up
    route: "{service}.{cell.domain}"
    env: { WHERE: "{env}/{tenant}", COUNT: 1.10, QUIET: true }`).services
    expect(web!.image).toBe('registry/web:{version}')
    expect(web!.route!.host).toBe('web.cz.example')
    expect(web!.env).toEqual({ WHERE: 'prod/cz', COUNT: '1.10', QUIET: 'true' })
  })

  test('prints as a manifest that renders into the same', () => {
    const cell = cellOf(`
services:
  web: { run: [node, "a b"], env: { A: "no", B: "2026-01-01", C: "1.10", D: "none" } }
environments: { prod: { deploy: { from: dev }, services: { web: { memory: 1GiB } } } }`)
    const again = validateManifest({ text: printCell(cell), file: 'printed.yaml' }, undefined)
    if (!again.ok) throw new Error(JSON.stringify(again.faults))
    expect(again.value.cells[0]!.services).toEqual(cell.services)
    expect(again.value.cells[0]!.release).toEqual(cell.release)
  })

  test('explains each value by its layer and line', () => {
    const cell = cellOf(
      'services: { web: { run: node a.js } }\n' +
        'cells: { prod/cz: { services: { web: { cpu: 2 } } } }',
    )
    expect(placeOfValue(cell, 'services', 'web', 'cpu')).toMatchObject({
      line: 4,
      layer: 'cell prod/cz',
    })
    const text = explainedText(explainCell(cell))
    expect(text).toMatch(/ {4}cpu: 2 +# cell prod\/cz, roadstead\.yaml:4\n/)
    expect(text).toMatch(/ {4}memory: 128MiB +# default\n/)
  })

  test('tells what lower layers had said, the nearest first', () => {
    const cell = cellOf(
      [
        'defaults: { cpu: 1, env: { A: below } }',
        'services: { web: { run: node a.js, cpu: 2, health: /, route: one.example, warmup: { get: [/a] } } }',
        'environments: { prod: { services: { web: { cpu: 4, env: { A: above } } } } }',
        'tenants: { cz: { services: { web: { route: two.example, warmup: { get: [/b, /c] } } } } }',
      ].join('\n'),
    )
    const { lines } = explainCell(cell)
    const file = 'roadstead.yaml'
    const of = (words: string) => lines.find(({ text }) => text.includes(words))
    expect(of('cpu: 4')).toEqual({
      text: '    cpu: 4',
      from: { layer: 'environment prod', file, line: 5 },
      over: [
        { layer: 'app', file, line: 4, text: '2' },
        { layer: 'app', file, line: 3, text: '1' },
      ],
    })
    expect(of('A: above')!.over).toEqual([{ layer: 'app', file, line: 3, text: 'below' }])
    expect(of('host: two.example')!.over).toMatchObject([{ layer: 'app', text: 'one.example' }])
    expect(of('/b')!.over).toMatchObject([{ layer: 'app', text: '[ /a ]' }])
    expect(of('run: node')).not.toHaveProperty('over')
    expect(of('    env:')).toEqual({ text: '    env:' })
  })
})
