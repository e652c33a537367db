import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { errorIn, invalid, type Answer, type BadInput, type Expected } from './bad-input.ts'
import { manifestFaults } from './manifest-faults.ts'
import type { Target } from './target.ts'

/**
 * Manifests as they reach the server, which believes no client that it has looked at them: every
 * fault with its place and its code, and no release comes of it.
 */

const path = '/v1/cells/local/default/apps/shop/deploy'
const broken = join(import.meta.dirname, '../fixtures/manifests/broken')

export const manifests: readonly BadInput[] = [
  ...Object.entries(manifestFaults).map(([name, places]) => ({
    name: `a manifest with ${name}`,
    send: (target: Target) => deploy(target, fixture(name)),
    answer: { status: 422, code: 'manifest-invalid' },
    after: (target: Target) => sameFaults(target, name, places),
  })),

  // Documents that are no work of people.
  refused('aliases that multiply to 10^9 nodes', aliasBomb(9), 'too-many-nodes'),
  refused('an alias within itself', app('web: &a { run: [*a] }'), 'yaml-syntax'),
  refused('20,000 levels of brackets', `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'too-deep'),
  refused('20,000 open brackets', `a: ${'['.repeat(20_000)}`, 'too-deep'),
  refused('20,000 levels of dashes', '- '.repeat(20_000), 'too-deep'),
  refused('1,000 levels of indentation', indented(1_000), 'too-deep'),
  refused('50,000 services', services(50_000), 'too-many-nodes'),
  refused('two documents', `${app('')}---\n${app('')}`, 'yaml-syntax'),
  refused('nothing but NUL bytes', '\0'.repeat(1_000), 'hidden-character'),
  refused('a class of another language', app('web: !!python/object:os.system [rm]'), 'tag-refused'),
  refused('a prototype at its top', '__proto__: { app: shop }\n', 'forbidden-key'),
  refused('a constructor', app('constructor: { run: node a.js }'), 'forbidden-key'),
  refused('toString', app('toString: { run: node a.js }'), 'bad-name'),

  // Numbers.
  ...['-1', '1e9', '2.5', '"3"', '.inf', '.nan', '1_000', '!!int "3"', '~'].map((number) =>
    refused(
      `${number} instances`,
      app(`web: { run: node a.js, instances: ${number} }`),
      instancesOf(number),
    ),
  ),

  // Names.
  ...[
    '../x',
    'a;b',
    '--help',
    '"a b"',
    'A',
    '"\\u202eshop"',
    '"a\\nb"',
    '"$(reboot)"',
    'x'.repeat(41),
  ].map((name) =>
    refused(`a service called ${name}`, app(`${name}: { run: node a.js }`), nameFaultOf(name)),
  ),

  // Around the manifest.
  {
    name: 'a manifest of 5 MB',
    send: (target) =>
      target.announce('operator', path, { manifest: `${app('')}# ${'x'.repeat(5_000_000)}` }),
    answer: { status: 413, code: 'body-too-large', details: { limitBytes: 4 * 1024 * 1024 } },
  },
  {
    name: 'a manifest of 2 MB',
    send: (target) => deploy(target, `${app('')}# ${'x'.repeat(2_000_000)}`),
    answer: invalid('/body/manifest'),
  },
  {
    name: 'a manifest of another app',
    send: (target) => deploy(target, app('web: { run: node a.js }').replace('shop', 'other')),
    answer: { status: 422, code: 'app-mismatch', path: 'app' },
  },
  {
    name: 'a manifest whose archive was never uploaded',
    send: (target) =>
      deploy(target, app('web: { run: node a.js, health: / }'), {
        '.': { digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 },
      }),
    answer: { status: 422, code: 'artifact-missing' },
  },
  {
    name: 'a manifest with an archive of no digest',
    send: (target) =>
      deploy(target, app(''), { '.': { digest: '../../etc/passwd', sizeBytes: 1 } }),
    answer: { status: 400, code: 'input-invalid' },
  },
  {
    name: 'a manifest under the hash of an old plan',
    send: (target) => target.deployAgain({ plan: stalePlan }),
    answer: { status: 409, code: 'plan-stale', path: '/body/plan' },
  },
  {
    name: 'a manifest under a hash that is none',
    send: (target) => target.deployAgain({ plan: '../p1' }),
    answer: { status: 422, code: 'plan-invalid', path: '/body/plan' },
  },
]

/** What a plan of another day was called. */
const stalePlan = 'p1-ed0097d2ce99780ccaa860373123dbd0-945914-3b55d7-607fd7-bd0805'

/** The code of one fault at least; a hint and a place come with each. */
function refused(what: string, manifest: string, code: string): BadInput {
  return {
    name: `a manifest with ${what}`,
    send: async (target) => {
      const answer = await deploy(target, manifest)
      expect(faultsIn(answer).map((fault) => fault.code)).toContain(code)
      return answer
    },
    answer: { status: 422, code: 'manifest-invalid' } satisfies Expected,
  }
}

async function sameFaults(target: Target, name: string, places: readonly string[]): Promise<void> {
  expect(placesIn(await deploy(target, fixture(name)))).toEqual(places)
}

function deploy(target: Target, manifest: string, artifacts: object = {}): Promise<Answer> {
  return send(target, { manifest, artifacts })
}

function send(target: Target, parts: object): Promise<Answer> {
  const body = { artifacts: {}, files: null, version: '', supersede: false, ...parts }
  return target.call('operator', 'POST', path, { body })
}

interface Fault {
  readonly line: number
  readonly column: number
  readonly code: string
}

function faultsIn(answer: Answer): readonly Fault[] {
  return (errorIn(answer)?.details?.['faults'] ?? []) as Fault[]
}

function placesIn(answer: Answer): string[] {
  return faultsIn(answer).map(({ line, column, code }) => `${line}:${column} ${code}`)
}

function fixture(name: string): string {
  return readFileSync(join(broken, `${name}.yaml`), 'utf8')
}

function app(service: string): string {
  return `roadstead: v1\napp: shop\nservices:\n  ${service}\n`
}

function aliasBomb(levels: number): string {
  const lines = ['a0: &a0 x']
  for (let level = 1; level <= levels; level++) {
    lines.push(
      `a${level}: &a${level} [${Array(10)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    )
  }
  return `${lines.join('\n')}\n`
}

function indented(levels: number): string {
  return Array.from({ length: levels }, (_, level) => `${' '.repeat(level)}a:`).join('\n')
}

function services(count: number): string {
  return app(Array.from({ length: count }, (_, index) => `a${index}: {}`).join('\n  '))
}

function instancesOf(number: string): string {
  if (['-1', '1e9'].includes(number)) return 'out-of-range'
  if (number.startsWith('!!')) return 'tag-refused'
  return ['2.5', '.inf', '.nan'].includes(number) ? 'wrong-value' : 'wrong-kind'
}

function nameFaultOf(name: string): string {
  return name.includes('202e') ? 'hidden-character' : 'bad-name'
}
