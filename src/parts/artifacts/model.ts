import Type, { type Static } from 'typebox'
import { digestPattern } from '../../base/digest.ts'
import { keyOf, type Key } from '../../base/key.ts'

/** Characters of an image's name at the most, with registry and tag. */
const imageNameMax = 512

/** An archive by its digest: what is pulled, verified and unpacked for an instance. */
export const ArtifactRef = Type.Object({
  digest: Type.String({ pattern: digestPattern }),
  sizeBytes: Type.Integer({ minimum: 0 }),
})
export type ArtifactRef = Static<typeof ArtifactRef>

/** An OCI image: what the release called it, and the digest that this meant at that moment. */
export const ImageRef = Type.Object({
  /** With its registry and tag: `registry.example/shop/web:v2`. */
  image: Type.String({ minLength: 1, maxLength: imageNameMax }),
  digest: Type.String({ pattern: digestPattern }),
})
export type ImageRef = Static<typeof ImageRef>

/** What an instance is made of: an archive that runs as a process, or an image as a container. */
export const Runnable = Type.Union([ArtifactRef, ImageRef])
export type Runnable = Static<typeof Runnable>

/** Whether it runs as a container. */
export function isImage(runnable: Runnable): runnable is ImageRef {
  return 'image' in runnable
}

/** The image with its digest, for people: `registry/web:v2@sha256:…`; empty for an archive. */
export function imageView(runnable: Runnable): { image?: string } {
  if (!isImage(runnable)) return {}
  const { image, digest } = runnable
  return { image: image.includes('@') ? image : `${image}@${digest}` }
}

/**
 * What an instance of it needs of its node, as its record says it; missing: nothing, it is a process
 * that runs under limits where there are any. An engine holds every container to its own.
 */
export function driverOf(
  runnable: Runnable,
  terms: {
    readonly limits?: 'required'
    readonly port?: number
    readonly mounts?: unknown
  } = {},
): { driver?: 'docker' | 'limits' | 'ports' | 'limited-ports' | 'mounts' } {
  const { limits, port, mounts } = terms
  if (isImage(runnable)) return { driver: 'docker' }
  if (port !== undefined) return { driver: limits === undefined ? 'ports' : 'limited-ports' }
  // What holds a process to all of its limits, or gives it a network, shows it files as well.
  if (limits !== undefined) return { driver: 'limits' }
  return mounts === undefined ? {} : { driver: 'mounts' }
}

/** An artifact that the server holds. */
export const Artifact = Type.Object({
  ...ArtifactRef.properties,
  createdAt: Type.Number(),
})
export type Artifact = Static<typeof Artifact>

export function artifactKey(digest: string): Key {
  return keyOf({ kind: 'artifact', name: digest })
}

/** An artifact that no release refers to is kept this long, in ms: a deploy may be on its way. */
export const unusedKeptMs = 60 * 60 * 1_000
