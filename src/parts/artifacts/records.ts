import type { Kind } from '../../store/port.ts'
import { Artifact, artifactKey } from './model.ts'

export const artifactKind: Kind<Artifact> = {
  name: 'artifact',
  version: 1,
  schema: Artifact,
  keyOf: (artifact) => artifactKey(artifact.digest),
  upgraders: {},
  indexes: {},
}
