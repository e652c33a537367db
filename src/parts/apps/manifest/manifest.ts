import { Refusal } from '../../../base/errors.ts'
import { cellName, localCell, type Cell } from '../../tenants/model.ts'
import { checkDeltas } from './check-deltas.ts'
import { parseManifest, readManifest, type Manifest } from './document.ts'
import { FaultList, faultsMax, type ManifestFault, type Parsed } from './faults.ts'
import { cellsOf, readPlatform, type Platform } from './platform.ts'
import { renderCell, renderInto, type RenderedCell } from './render.ts'

/** A file to be read. */
export interface SourceText {
  readonly text: string
  readonly file: string
}

/** A manifest that was found right in every cell. */
export interface ValidManifest {
  readonly manifest: Manifest
  readonly platform: Platform | undefined
  readonly cells: readonly RenderedCell[]
}

/** Checks both files and every cell (rule 5): all faults at once, by line. */
export function validateManifest(
  source: SourceText,
  platformSource: SourceText | undefined,
): Parsed<ValidManifest> {
  const faults = new FaultList()
  const manifest = readManifest(source.text, source.file, faults)
  const platformFaults = new FaultList()
  const platform =
    platformSource === undefined
      ? undefined
      : readPlatform(platformSource.text, platformSource.file, platformFaults)
  faults.addAll(platformFaults.sorted())
  const isReadable = platformSource === undefined || platform !== undefined
  if (manifest === undefined || !isReadable) return faults.parsed<ValidManifest>(undefined)
  checkDeltas(manifest.root, platform, faults)
  const cells = renderAll(manifest, platform, faults)
  return faults.parsed({ manifest, platform, cells })
}

/** Faults that most cells share are told once; those of some cells say in which. */
function renderAll(
  manifest: Manifest,
  platform: Platform | undefined,
  faults: FaultList,
): RenderedCell[] {
  const all = cellsOf(platform)
  const found = new Map<string, { fault: ManifestFault; cells: Cell[] }>()
  const rendered: RenderedCell[] = []
  for (const cell of all) {
    const own = new FaultList()
    const result = renderInto(manifest, platform, cell, own)
    if (result !== undefined) rendered.push(result)
    for (const fault of own.sorted()) {
      const key = [fault.line, fault.column, fault.code, fault.path, fault.message].join('\0')
      const known = found.get(key) ?? { fault, cells: [] }
      known.cells.push(cell)
      found.set(key, known)
    }
    if (found.size > faultsMax * 4) break
  }
  for (const { fault, cells } of found.values()) {
    const message =
      cells.length === all.length ? fault.message : `in ${cellList(cells)}: ${fault.message}`
    faults.addAll([{ ...fault, message }])
  }
  return rendered
}

function cellList(cells: readonly Cell[]): string {
  const names = cells.map(cellName)
  return names.length <= 3
    ? names.join(', ')
    : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`
}

/** The manifest, or a Refusal `manifest-invalid` (422) with all faults in `details.faults`. */
export function requireManifest(text: string, file: string): Manifest {
  return required(parseManifest(text, file))
}

/** Reads both files and renders one cell; Refusal `manifest-invalid` (422) where that fails. */
export function requireCell(
  source: SourceText,
  platformSource: SourceText | undefined,
  cell: Cell = localCell,
): RenderedCell {
  const faults = new FaultList()
  const manifest = readManifest(source.text, source.file, faults)
  const platformFaults = new FaultList()
  const platform =
    platformSource === undefined
      ? undefined
      : readPlatform(platformSource.text, platformSource.file, platformFaults)
  faults.addAll(platformFaults.sorted())
  if (manifest !== undefined && platformFaults.isEmpty) {
    checkDeltas(manifest.root, platform, faults)
    const rendered = renderCell(manifest, platform, cell)
    if (rendered.ok && faults.isEmpty) return rendered.value
    if (!rendered.ok) faults.addAll(rendered.faults)
  }
  return required(faults.parsed<RenderedCell>(undefined))
}

function required<Value>(parsed: Parsed<Value>): Value {
  if (parsed.ok) return parsed.value
  throw manifestRefusal(parsed.faults)
}

/** The Refusal of a manifest with these faults. */
export function manifestRefusal(
  faults: readonly ManifestFault[],
  code = 'manifest-invalid',
): Refusal {
  const [first] = faults
  const rest = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  const at = first === undefined ? '' : `${first.file}:${first.line}:${first.column}`
  return new Refusal(code, `${at}: ${first?.message ?? 'the manifest is not valid'}${rest}`, {
    status: 422,
    ...(first === undefined ? {} : { hint: first.hint, path: at }),
    details: { faults },
  })
}
