import { canonicalJson } from '../base/digest.ts'
import { digestOfSet, digestPart } from '../base/set-digest.ts'
import type { Backend } from '../parts/ingress/model.ts'
import type { TableChange } from '../parts/ingress/driver.ts'

/** What an ingress knows: every backend, and the store's revision that this is true for. */
export interface RoutingTable {
  readonly revision: number
  readonly backends: ReadonlyMap<string, Backend>
}

/** The table before anything was heard. */
export const emptyTable: RoutingTable = { revision: 0, backends: new Map() }

/** A change as the server tells it. */
export interface Delta extends TableChange {
  readonly revision: number
}

/** The table after a change; the one before is left as it is. */
export function applyDelta(table: RoutingTable, delta: Delta): RoutingTable {
  const isSame = !delta.full && delta.backends.length === 0 && delta.removed.length === 0
  if (isSame) return { revision: delta.revision, backends: table.backends }
  const backends = new Map(delta.full ? [] : table.backends)
  for (const id of delta.removed) backends.delete(id)
  for (const backend of delta.backends) backends.set(backend.id, backend)
  return { revision: delta.revision, backends }
}

/** The change that leads from nothing to this table, or from any other table. */
export function wholeTable(table: RoutingTable): TableChange {
  return { full: true, backends: [...table.backends.values()], removed: [] }
}

/** Of each backend, worked out once: tables share those that did not change. */
const parts = new WeakMap<Backend, bigint>()

/** The digest of all backends, as the server works out its own. */
export function digestOfTable({ backends }: RoutingTable): string {
  return digestOfSet([...backends.values()].map(partOf))
}

function partOf(backend: Backend): bigint {
  const known = parts.get(backend)
  if (known !== undefined) return known
  const part = digestPart(canonicalJson(backend))
  parts.set(backend, part)
  return part
}
