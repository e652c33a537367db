import { Refusal } from '../../base/errors.ts'
import type { Snapshot } from '../../store/port.ts'
import { isImage } from '../artifacts/model.ts'
import { nodeKind } from '../nodes/records.ts'
import type { ImageRegistry } from './driver.ts'
import type {
  ManifestContent,
  ManifestService,
  NamedImage,
  ReleaseContent,
} from './manifest/release-content.ts'
import type { ServiceSpec } from './model.ts'

/**
 * What a deploy does with images: a name is resolved to its digest once, by the server, when the
 * release is planned or made; from then on nothing asks what the tag means.
 */

/** Images that one deploy asks registries for at a time. */
const askedAtOnce = 4

/** Registries that hang hold a deploy up for as many times their time-out. */
const imagesMax = 40

/** Fills `{version}` in and resolves every image. Refusals as of `ImageRegistry`, `version-missing`. */
export async function withDigests(
  { services, ...content }: ManifestContent,
  version: string,
  registry: ImageRegistry,
): Promise<ReleaseContent> {
  const named = new Map<string, Asked>()
  for (const { name, artifact } of services) {
    if (!isNamed(artifact)) continue
    const isBuilt = artifact.isBuilt === true
    named.set(versioned(name, artifact.image, version), { service: name, isBuilt })
  }
  if (named.size > imagesMax) throw tooMany(named.size)
  const digests = await resolveAll([...named], registry)
  const resolved = services.map((service) => resolve(service, version, digests))
  return { ...content, services: resolved }
}

/** Who names an image, and whether it is one of ours. */
interface Asked {
  readonly service: string
  readonly isBuilt: boolean
}

function isNamed(artifact: ManifestService['artifact']): artifact is NamedImage {
  return artifact.digest === null
}

function resolve(
  service: ManifestService,
  version: string,
  digests: ReadonlyMap<string, string>,
): ServiceSpec {
  const { artifact } = service
  if (!isNamed(artifact)) return { ...service, artifact }
  const image = versioned(service.name, artifact.image, version)
  return { ...service, artifact: { image, digest: digests.get(image) ?? '' } }
}

function versioned(service: string, image: string, version: string): string {
  if (!image.includes('{version}')) return image
  if (version !== '') return image.replaceAll('{version}', version)
  throw new Refusal('version-missing', `the image of ${service} needs a version: ${image}`, {
    status: 422,
    path: 'version',
    hint: 'name it: `roadstead deploy --version v2`',
  })
}

/** A few at a time; the first refusal, with its service, is the whole deploy's. */
async function resolveAll(
  named: readonly (readonly [image: string, asked: Asked])[],
  registry: ImageRegistry,
): Promise<Map<string, string>> {
  const digests = new Map<string, string>()
  for (let from = 0; from < named.length; from += askedAtOnce) {
    const some = named.slice(from, from + askedAtOnce)
    const resolving = some.map(async ([image, asked]) => {
      digests.set(image, await forService(asked, () => registry.resolve(image)))
    })
    await Promise.all(resolving)
  }
  return digests
}

async function forService(
  { service, isBuilt }: Asked,
  ask: () => Promise<string>,
): Promise<string> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (isBuilt && error.code === 'image-unknown') throw unbuilt(service)
    const { code, message, status, hint, details = {} } = error
    const path = `services.${service}.image`
    throw new Refusal(code, `${service}: ${message}`, { status, hint, path, details })
  }
}

function unbuilt(service: string): Refusal {
  return new Refusal('image-unbuilt', `the image of ${service} is not built yet`, {
    status: 409,
    path: `services.${service}.build`,
    hint: '`roadstead deploy` builds it first, and `roadstead build` does nothing else',
  })
}

function tooMany(count: number): Refusal {
  const message = `${count} different images, and a deploy may name ${imagesMax}`
  return new Refusal('images-too-many', message, { status: 422, hint: 'split the app' })
}

/** Said with a deploy of images that no node could run now; undefined: some node can. */
export function noteOnImages(
  snapshot: Snapshot,
  services: readonly ServiceSpec[],
): string | undefined {
  const images = services.filter(({ artifact }) => isImage(artifact))
  const canRun = [...snapshot.list(nodeKind)].some(({ value }) => value.drivers?.includes('docker'))
  if (images.length === 0 || canRun) return undefined
  const names = images.map(({ name }) => name).join(', ')
  return `no node runs images, so ${names} will wait: start an agent beside a Docker Engine (--docker)`
}
