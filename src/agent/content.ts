import { digestOfData } from '../base/digest.ts'
import type { ArtifactRef } from '../parts/artifacts/model.ts'
import type { AssignedInstance } from '../wire/agent.ts'

/** What an instance's directory is made of: its artifact, and what is laid over it of earlier ones. */
export type Content = Pick<AssignedInstance, 'artifact' | 'assets'>

/** Of an archive, which alone has a directory. */
export interface ArchiveContent extends Content {
  readonly artifact: ArtifactRef
}

export function isOfArchive(content: Content): content is ArchiveContent {
  return !('image' in content.artifact)
}

export function contentOf({ artifact, assets }: AssignedInstance): Content {
  return assets === undefined ? { artifact } : { artifact, assets }
}

/** What it sees beside that directory, as a content of its own; undefined: nothing. */
export function mountedOf({ mounts }: AssignedInstance): ArchiveContent | undefined {
  return mounts === undefined ? undefined : { artifact: mounts.artifact }
}

/** Names a content: the artifact's own digest where nothing is laid over it. */
export function contentKey({ artifact, assets }: Content): string {
  if (assets === undefined) return artifact.digest
  const carried = assets.carried.map((one) => [one.artifact.digest, one.directory])
  return digestOfData([artifact.digest, assets.directory, carried])
}

/** Each content once. */
export function distinct<One extends Content>(contents: readonly One[]): One[] {
  return [...new Map(contents.map((content) => [contentKey(content), content])).values()]
}
