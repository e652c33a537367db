import type { ExplainedLineView, ExplanationView } from '../../src/wire/explanation.ts'
import type { FakeApp } from './fake-scenes.ts'

/** The configuration of a made-up app, as the server explains it. */

/** All in one page. */
export function explanation(
  { at, releaseNumber, version }: FakeApp,
  number: number,
): ExplanationView {
  return {
    headline: `${at.app} in ${at.environment}/${at.tenant}, with every layer and default`,
    items: explained.split('\n').map(lineOf),
    release: { id: `rel-${number}`, number, version: number === releaseNumber ? version : 'v0.9' },
    platform: {
      digest: 'sha256:0',
      appliedBy: 'operator',
      appliedAt: Date.now() - 600_000,
      isNewer: true,
    },
  }
}

/** `text #layer:line < layer:line what it replaced`; a block has its text alone. */
function lineOf(line: string): ExplainedLineView {
  const [text = '', origins] = line.split(' #')
  if (origins === undefined) return { text }
  const [from = '', ...over] = origins.split(' < ')
  const replaced = over.map((below) => ({
    ...originOf(below),
    text: below.slice(below.indexOf(' ') + 1),
  }))
  return { text, from: originOf(from), ...(replaced.length === 0 ? {} : { over: replaced }) }
}

function originOf(words: string): NonNullable<ExplainedLineView['from']> {
  const [, name = '', line = '0'] = /^(\w*):(\d+)/.exec(words) ?? []
  const file = name === '' ? '' : 'roadstead.yaml'
  return { layer: layers[name] ?? 'default', file, line: Number(line) }
}

const layers: Readonly<Record<string, string>> = {
  app: 'app',
  environment: 'environment local',
  tenant: 'tenant default',
  cell: 'cell local/default',
}

/** What `render --explain` says of the manifest below. */
const explained = `roadstead: v1 #app:1
app: shop #app:2
team: harbour #app:3
services:
  storefront:
    run: node server.js --port-from-environment --greeting "Good morning, what may we ship today?" #app:9
    source: "." #:0
    instances: 4 #cell:31 < environment:23 3 < app:10 2
    cpu: 0.2 #environment:22
    memory: 64MiB #app:5
    disk: 256MiB #:0
    spread:
      zone: prefer #:0
      node: prefer #:0
    stop:
      drain: 20s #:0
      grace: 10s #:0
    health:
      http: /healthz #app:11
      every: 2s #:0
      timeout: 2s #:0
      passes: 2 #:0
      fails: 3 #:0
      startDeadline: 60s #:0
    env:
      LEVEL: warning #environment:23 < app:6 info
      TZ: Europe/Prague #app:6
      GREETING: <b>ahoy</b> #tenant:27 < app:13 hello
    warmup:
      get: [ /, /basket, /checkout ] #cell:31 < app:15 [ /, /basket ]
      times: 10 #:0
    route:
      host: shop.localhost #app:14
      path: / #:0
      expose: public #:0
    needs: [ catalogue ] #app:12
  catalogue:
    run: node catalogue.js #app:17
    source: "." #:0
    instances: 1 #:0
    cpu: 0.2 #environment:22
    memory: 128MiB #app:18 < app:5 64MiB
    disk: 256MiB #:0
    spread:
      zone: prefer #:0
      node: prefer #:0
    stop:
      drain: 20s #:0
      grace: 10s #:0
    health:
      tcp: true #:0
      every: 2s #:0
      timeout: 2s #:0
      passes: 2 #:0
      fails: 3 #:0
      startDeadline: 60s #:0
    env:
      LEVEL: info #app:6
      TZ: Europe/Prague #app:6
release:
  order: needs #:0
  steps:
    - maintenance:
        portion: 25% #:0
        min: 1 #:0
    - remaining:
        batch: 50% #:0
        pause: 0s #:0
  revertIf:
    failedRequests: "> 0" #:0`

/** A manifest whose every layer says something. */
export function manifestOf(app: string): string {
  return `roadstead: v1
app: ${app}
team: harbour
defaults:
  memory: 64MiB
  env: { LEVEL: info, TZ: Europe/Prague }
services:
  storefront:
    run: node server.js --port-from-environment --greeting "Good morning, what may we ship today?"
    instances: 2
    health: /healthz
    needs: [catalogue]
    env: { GREETING: hello }
    route: shop.localhost
    warmup: { get: [/, /basket] }
  catalogue:
    run: node catalogue.js
    memory: 128MiB
environments:
  local:
    services:
      "*": { cpu: 0.2 }
      storefront: { instances: 3, env: { LEVEL: warning } }
tenants:
  default:
    services:
      storefront: { env: { GREETING: "<b>ahoy</b>" } }
cells:
  local/default:
    services:
      storefront: { instances: 4, warmup: { get: [/, /basket, /checkout] } }
`
}
