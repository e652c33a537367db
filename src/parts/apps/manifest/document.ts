import { checkSchema } from './check-schema.ts'
import { FaultList, type Parsed } from './faults.ts'
import { ManifestDocument } from './schema-manifest.ts'
import { shapeOf } from './schema.ts'
import { childOf, dataOf, hasHole, textOf, type MapNode } from './tree.ts'
import { readYaml } from './yaml-reader.ts'

/** The developers' file, read: what `renderCell` makes cells of. */
export interface Manifest {
  readonly file: string
  readonly text: string
  readonly app: string
  readonly root: MapNode
  /** As plain data, in the form of the schema. */
  readonly data: unknown
}

/** Reads roadstead.yaml and holds it against the grammar; what it promises, `renderCell` checks. */
export function parseManifest(text: string, file: string): Parsed<Manifest> {
  const faults = new FaultList()
  const manifest = readManifest(text, file, faults)
  return faults.parsed(manifest)
}

/** Undefined where nothing of it can be used; where only parts are at fault, they are left out. */
export function readManifest(text: string, file: string, faults: FaultList): Manifest | undefined {
  const tree = readYaml(text, file, faults)
  if (tree === undefined) return undefined
  const spot = { place: tree.place, path: [] }
  const root = checkSchema(shapeOf(ManifestDocument), tree, spot, faults)
  if (root.kind !== 'map') return undefined
  const app = textOf(childOf(root, 'app')) ?? ''
  return { file, text, app, root, data: hasHole(root) ? undefined : dataOf(root) }
}
