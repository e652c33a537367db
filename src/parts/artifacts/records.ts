import { replace, type Entry, type Kind, type Write } from '../../store/port.ts'
import { Artifact, artifactKey } from './model.ts'

export const artifactKind: Kind<Artifact> = {
  name: 'artifact',
  version: 1,
  schema: Artifact,
  keyOf: (artifact) => artifactKey(artifact.digest),
  upgraders: {},
  indexes: {},
}

/**
 * The write by which a deploy holds on to an artifact that its release refers to. It changes
 * nothing but the revision, so a collector that decided before is refused.
 */
export function holdArtifact(entry: Entry<Artifact>): Write {
  return replace(artifactKind, entry, entry.value)
}
