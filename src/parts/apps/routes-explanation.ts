import Type from 'typebox'
import { Refusal } from '../../base/errors.ts'
import type { Entry, State } from '../../store/port.ts'
import { ExplanationQuery, ExplanationView } from '../../wire/explanation.ts'
import { pageOf } from '../../wire/page.ts'
import { appParams, appPath } from '../../wire/paths.ts'
import { route, type RouteDefinition } from '../../wire/route.ts'
import type { AppCell, KeptPlatform } from '../tenants/model.ts'
import { keptPlatform } from '../tenants/records.ts'
import type { ManifestReader } from './driver.ts'
import type { Explanation } from './manifest/print.ts'
import type { Release } from './model.ts'
import { releasesOf } from './records.ts'
import { requireApp } from './routes.ts'

export interface ExplanationRoutesOptions {
  readonly state: State
  readonly manifests: ManifestReader
}

const params = Type.Object({
  ...appParams.properties,
  number: Type.String({ pattern: '^[0-9]{1,9}$' }),
})

/** How a release reads, line by line: as `roadstead render --explain` tells it of files. */
export function explanationRoutes(options: ExplanationRoutesOptions): RouteDefinition[] {
  const { state } = options
  return [
    route({
      method: 'GET',
      path: `${appPath}/releases/:number/explanation`,
      rule: { roles: ['operator', 'developer', 'viewer'] },
      summary: 'A release as it reads in its cell, and which layer and line each value is from.',
      tag: 'apps',
      params,
      query: ExplanationQuery,
      answers: { 200: ExplanationView },
      async handle({ params: { number, ...at }, query }) {
        requireApp(state, at)
        const entry = requireRelease(state, at, Number(number))
        const { id, version } = entry.value
        const kept = keptPlatform(state.snapshot)
        const explained = await explain(options, entry.value, kept?.value.text)
        const places = explained.lines.map((line, index) => ({ line, index }))
        const page = pageOf(places, query, ({ index }) => `${index}`.padStart(9, '0'))
        return {
          body: {
            ...page,
            items: page.items.map(({ line }) => line),
            headline: explained.headline,
            release: { id, number: entry.value.number, version },
            platform: kept === undefined ? null : platformView(kept, entry),
          },
        }
      },
    }),
  ]
}

/** Revisions tell what came first, whatever clocks say. */
function platformView(
  { value, revision }: Entry<KeptPlatform>,
  { createdRevision }: Entry<Release>,
): ExplanationView['platform'] {
  const { digest, appliedBy, appliedAt } = value
  return { digest, appliedBy, appliedAt, isNewer: revision > createdRevision }
}

async function explain(
  { manifests }: ExplanationRoutesOptions,
  { at, number, manifest }: Release,
  platform: string | undefined,
): Promise<Explanation> {
  const { tenant, environment } = at
  const texts = platform === undefined ? { manifest } : { manifest, platform }
  try {
    return await manifests.explain(texts, { tenant, environment })
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'manifest-invalid') throw error
    const { message, path, details = {} } = error
    const file =
      platform === undefined
        ? 'without a platform.yaml: none was applied'
        : 'with the platform.yaml in force'
    const why = `release ${number} does not read ${file}: ${message}`
    throw new Refusal('release-unreadable', why, {
      status: 409,
      path,
      details,
      hint: 'what it runs stays as it was made; mend the manifest or platform.yaml before the next deploy',
    })
  }
}

function requireRelease(state: State, at: AppCell, number: number): Entry<Release> {
  const kept = releasesOf(state.snapshot, at)
  const found = kept.find(({ value }) => value.number === number)
  if (found !== undefined) return found
  const numbers = kept.map(({ value }) => value.number).join(', ')
  throw new Refusal('release-unknown', `there is no release ${number} of ${at.app}`, {
    status: 404,
    hint: numbers === '' ? 'deploy it first' : `releases that are kept: ${numbers}`,
  })
}
