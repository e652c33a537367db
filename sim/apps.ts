import type { Chance } from './chance.ts'

/** How the instances of a version behave; a world's wishes choose among them. */
export const behaviours = [
  /** Starts within a second or two and serves. */
  'good',
  /** Starts, and never passes a check: a hung boot. */
  'never-ready',
  /** Ends within a second of its start, again and again. */
  'crashes',
  /** Serves at first, then ends after a while. */
  'dies-later',
  /** Its checks fail for a while after it was ready. */
  'falters',
  /** Is good, but needs long for its first check and for its end. */
  'slow',
] as const
export type Behaviour = (typeof behaviours)[number]

/** One service of a simulated app. */
export interface ServiceDesign {
  readonly name: string
  readonly kind: 'public' | 'inner' | 'worker' | 'singleton'
  readonly instances: number
  readonly cpu: number
  readonly memoryMiB: number
  /** What its instances must not share. */
  readonly apart: 'node' | 'zone' | 'nothing'
}

/** An app as its team designed it; versions differ in behaviour only. */
export interface AppDesign {
  readonly name: string
  readonly services: readonly ServiceDesign[]
  readonly batch: string
  readonly portion: string
  readonly reverts: boolean
  /** It has a job that runs every minute. */
  readonly ticks: boolean
  /** Its releases test themselves. */
  readonly tests: boolean
  /** Its releases change a schema, before and after; missing: they do not. */
  readonly migrates?: boolean
  /** Its first portion gets a share of the customers of its own; missing: it does not. */
  readonly canary?: boolean
  /** Each version has files that the next one goes on to answer; missing: it has none. */
  readonly assets?: boolean
}

/** Longest that a customer's request may take, in ms: less than any service's drain time. */
export const workMsMax = 6_000

/** Designs an app by chance: a public service always, others beside it. */
export function designApp(name: string, chance: Chance): AppDesign {
  const services: ServiceDesign[] = [designService('web', 'public', chance)]
  if (chance.happens(0.5)) services.push(designService('api', 'inner', chance))
  if (chance.happens(0.3)) services.push(designService('mailer', 'worker', chance))
  if (chance.happens(0.5)) services.push(designService('ledger', 'singleton', chance))
  return {
    name,
    services,
    batch: chance.pick(['25%', '50%', '100%']),
    portion: chance.pick(['25%', '50%', '100%']),
    reverts: chance.happens(0.7),
    ticks: chance.happens(0.4),
    tests: chance.happens(0.4),
    migrates: chance.happens(0.3),
    canary: chance.happens(0.3),
    assets: chance.happens(0.4),
  }
}

function designService(name: string, kind: ServiceDesign['kind'], chance: Chance): ServiceDesign {
  return {
    name,
    kind,
    instances: kind === 'singleton' ? 1 : chance.integer(kind === 'inner' ? 2 : 1, 4),
    cpu: chance.pick([0.1, 0.25, 0.5]),
    memoryMiB: chance.pick([64, 128, 256]),
    apart: kind === 'inner' ? chance.pick(['node', 'node', 'zone', 'nothing']) : 'nothing',
  }
}

/** The manifest of one version. */
export function manifestOf(app: AppDesign, version: string, behaviour: Behaviour): string {
  const services = app.services.map((service) => serviceText(service, app, version, behaviour))
  const revert = app.reverts ? `{ failedRequests: '> 0' }` : `{ failedRequests: '> 1000' }`
  const expand = app.migrates ? '    - migrate: expand\n' : ''
  const tests = app.tests ? '    - test: { run: check, timeout: 20s }\n' : ''
  const canary = app.canary ? '    - online: { weight: 10% }\n' : ''
  return `roadstead: v1
app: ${app.name}
defaults:
  disk: 64MiB
  stop: { drain: 8s, grace: 2s }
  health: { http: /healthz, every: 2s, timeout: 1s, passes: 1, fails: 3, startDeadline: 15s }
services:
${services.join('')}release:
  steps:
${expand}    - maintenance: { portion: ${app.portion}, min: 1 }
${tests}${canary}    - remaining: { batch: ${app.batch} }
  revertIf: ${revert}
${app.migrates ? '  after: [ { migrate: contract } ]\n' : ''}${app.ticks ? jobText : ''}`
}

/** Its runs overlap now and then, and fail now and then. */
const jobText = `jobs:
  tick: { service: web, run: tick, at: "* * * * *", timeout: 40s, retries: 1, overlap: queue }
`

const migrateText = '    migrate: { expand: expand, contract: contract, timeout: 20s }'

function serviceText(
  { name, kind, instances, cpu, memoryMiB, apart }: ServiceDesign,
  app: AppDesign,
  version: string,
  behaviour: Behaviour,
): string {
  const needs = kind === 'public' && app.services.some((other) => other.name === 'api')
  const lines = [
    `  ${name}:`,
    `    run: serve ${name}`,
    `    instances: ${instances}`,
    `    cpu: ${cpu}`,
    `    memory: ${memoryMiB}MiB`,
    `    env: { VERSION: ${version}, BEHAVIOUR: ${behaviour} }`,
    ...(kind === 'public' ? [`    route: ${app.name}.localhost`] : []),
    ...(kind === 'public' && app.migrates ? [migrateText] : []),
    ...(kind === 'public' && app.assets ? ['    assets: { directory: assets, keep: 1m }'] : []),
    ...(kind === 'worker' ? ['    worker: true', '    health: none'] : []),
    ...(kind === 'singleton' ? ['    singleton: true'] : []),
    ...(needs ? ['    needs: [api]'] : []),
    ...(apart === 'nothing' ? [] : [`    spread: { ${apart}: require }`]),
  ]
  return `${lines.join('\n')}\n`
}
