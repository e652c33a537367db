import { isImage } from '../artifacts/model.ts'
import { carriedMax, type CarriedAssets, type Release, type ServiceSpec } from './model.ts'

/**
 * Decides whose assets go along with a new release: browsers hold pages of what runs now, of what
 * comes before the release, of what was taken back a while ago, and of what these carry along.
 *
 * It is decided once, at the deploy, and stands in the release: an instance that starts later, or
 * again, has the same files as the others, and no clock changes what runs.
 */

/** A release that customers have met, or will before the new one. */
export interface MetRelease {
  readonly release: Release
  /** When it was seen last, wall ms; now for what runs or comes before the new one. */
  readonly seenAt: number
}

/** What is looked at. */
export interface CarriedView {
  readonly release: Release
  /** Newest first. */
  readonly met: readonly MetRelease[]
  /** What the cell runs; null: nothing. */
  readonly current: Release | null
  /** Whether an archive is still there. */
  readonly has: (digest: string) => boolean
}

/** By service, newest first; undefined where nothing goes along. */
export function planCarried(view: CarriedView, now: number): Release['carried'] {
  const carried = view.release.services
    .map((spec) => [spec.name, carriedOf(view, spec, now)] as const)
    .filter(([, entries]) => entries.length > 0)
  return carried.length === 0 ? undefined : Object.fromEntries(carried)
}

function carriedOf(view: CarriedView, spec: ServiceSpec, now: number): CarriedAssets[] {
  const { assets, artifact, name } = spec
  if (assets === undefined) return []
  const own = view.met.flatMap((one) => ownOf(one, name, assets))
  const inherited = view.met.flatMap(({ release }) => release.carried?.[name] ?? [])
  const entries = new Map<string, CarriedAssets>()
  for (const entry of [...own, ...inherited]) {
    const { digest } = entry.artifact
    const known = entries.get(digest)
    if (known === undefined) entries.set(digest, entry)
    else if (known.until < entry.until) entries.set(digest, { ...known, until: entry.until })
  }
  // Its own files are there anyhow.
  entries.delete(artifact.digest)
  const living = [...entries.values()].filter(
    (entry) => entry.until > now && view.has(entry.artifact.digest),
  )
  const current = view.current?.services.find((one) => one.name === name)
  return bounded(living, current?.artifact.digest)
}

/** What a release brought itself; one that named no assets has them where the new one does. */
function ownOf(
  { release, seenAt }: MetRelease,
  service: string,
  { directory, keepMs }: NonNullable<ServiceSpec['assets']>,
): CarriedAssets[] {
  const spec = release.services.find(({ name }) => name === service)
  if (spec === undefined || isImage(spec.artifact)) return []
  const { artifact, assets } = spec
  return [{ artifact, directory: assets?.directory ?? directory, until: seenAt + keepMs }]
}

/** The newest few; what customers have before them now is always among them. */
function bounded(newestFirst: CarriedAssets[], current: string | undefined): CarriedAssets[] {
  const kept = newestFirst.slice(0, carriedMax)
  const running = newestFirst.find(({ artifact }) => artifact.digest === current)
  if (running === undefined || kept.includes(running)) return kept
  return [...kept.slice(0, -1), running]
}
