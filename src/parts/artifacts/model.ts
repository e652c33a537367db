import Type, { type Static } from 'typebox'
import { digestPattern } from '../../base/digest.ts'
import { keyOf, type Key } from '../../base/key.ts'

/** An archive by its digest: what is pulled, verified and unpacked for an instance. */
export const ArtifactRef = Type.Object({
  digest: Type.String({ pattern: digestPattern }),
  sizeBytes: Type.Integer({ minimum: 0 }),
})
export type ArtifactRef = Static<typeof ArtifactRef>

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
