import type { Clock } from '../../base/clock.ts'
import { digestOf } from '../../base/digest.ts'
import { Refusal } from '../../base/errors.ts'
import { create, replace, type State } from '../../store/port.ts'
import { PlatformAnswer, PlatformRequest, PlatformView } from '../../wire/platform.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import { gatesOf } from '../apps/manifest/gates.ts'
import { manifestRefusal } from '../apps/manifest/manifest.ts'
import { parsePlatform } from '../apps/manifest/platform.ts'
import { platformFileName } from '../apps/manifest/release-content.ts'
import type { KeptPlatform } from './model.ts'
import { keptPlatform, platformKind } from './records.ts'

/**
 * The operators' file, kept by the server: deploys are held against it, and not against one that
 * they bring along, so that nobody weakens a gate by sending another file.
 */

export interface PlatformRoutesOptions {
  readonly state: State
  readonly clock: Clock
}

/** A file of 1 MiB, escaped. */
const bodyBytesMax = 4 * 1024 * 1024

const tag = 'platform'

export function platformRoutes({ state, clock }: PlatformRoutesOptions): RouteDefinition[] {
  return [
    route({
      method: 'GET',
      path: '/v1/platform',
      rule: { roles: ['operator', 'developer', 'viewer'] },
      summary: 'The platform.yaml in force, and who applied it.',
      tag,
      answers: { 200: PlatformView },
      async handle() {
        const kept = keptPlatform(state.snapshot)?.value
        if (kept === undefined) throw platformMissing()
        const { text, digest, appliedBy, appliedAt } = kept
        return { body: { text, digest, appliedBy, appliedAt } }
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/platform',
      rule: { roles: ['operator'] },
      summary: 'Puts a platform.yaml in force: from now on deploys are held against this one.',
      tag,
      body: PlatformRequest,
      bodyBytesMax,
      answers: { 200: PlatformAnswer },
      async handle({ caller, body: { text } }) {
        const before = keptPlatform(state.snapshot)
        const digest = digestOf(text)
        if (before?.value.digest === digest) {
          return { body: { revision: before.revision, digest, unchanged: true } }
        }
        const appliedBy = caller?.name ?? ''
        const kept = { ...read(text), text, digest, appliedBy, appliedAt: clock.now() }
        const write =
          before === undefined ? create(platformKind, kept) : replace(platformKind, before, kept)
        const revision = await state.commit({
          writes: [write],
          attribution: { who: appliedBy, what: 'platform.apply', why: whyOf(kept) },
        })
        return { body: { revision, digest, unchanged: false } }
      },
    }),
  ]
}

/** Refuses a file with faults, each with its line. */
function read(text: string): Pick<KeptPlatform, 'gates'> {
  const parsed = parsePlatform(text, platformFileName)
  if (!parsed.ok) throw manifestRefusal(parsed.faults)
  return { gates: gatesOf(parsed.value) }
}

function whyOf({ gates, digest }: KeptPlatform): string {
  const gated = Object.entries(gates).filter(([, gate]) => Object.keys(gate).length > 0)
  const names = gated.map(([environment]) => environment).join(', ')
  return `${platformFileName} ${digest.slice(0, 19)}, gates: ${names === '' ? 'none' : names}`
}

function platformMissing(): Refusal {
  return new Refusal('platform-missing', 'no platform.yaml was applied', {
    status: 404,
    hint: 'an operator applies it: `roadstead platform apply platform.yaml`',
  })
}
