import { explanationOf } from '../../src/parts/apps/manifest/release-content.ts'
import type { ExplanationView } from '../../src/wire/explanation.ts'
import type { FakeApp } from './fake-scenes.ts'

/** The configuration of a made-up app, explained by the server's own program. */

/** As the server would tell it, all in one page. */
export function explanation(
  { at, releaseNumber, version }: FakeApp,
  number: number,
): ExplanationView {
  const { headline, lines } = explanationOf({ manifest: manifestOf(at.app) }, at)
  return {
    headline,
    items: [...lines] as ExplanationView['items'],
    release: { id: `rel-${number}`, number, version: number === releaseNumber ? version : 'v0.9' },
    platform: {
      digest: 'sha256:0',
      appliedBy: 'operator',
      appliedAt: Date.now() - 600_000,
      isNewer: true,
    },
  }
}

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
    run: node server.js --port-from-environment --greeting "Good morning, what may we ship for you today?"
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
