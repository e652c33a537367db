import { Check } from 'typebox/value'
import type { TSchema } from 'typebox'
import type { Cell } from '../../tenants/model.ts'
import { cellName } from '../../tenants/model.ts'
import type { CellView, FilledRelease, FilledService } from './cell-view.ts'
import { checkContainers } from './check-containers.ts'
import { checkNeeds } from './check-needs.ts'
import { checkOperations } from './check-operations.ts'
import { checkRelease } from './check-release.ts'
import { checkRoutes } from './check-routes.ts'
import { checkSchema } from './check-schema.ts'
import { checkServices } from './check-service.ts'
import { FaultList, type Parsed } from './faults.ts'
import { fill, mergeCell } from './layers.ts'
import type { Manifest } from './document.ts'
import { normaliseJob, normaliseRelease, normaliseService } from './normalise.ts'
import { fillPlaceholders } from './placeholders.ts'
import { cellsOf, domainOf, zonesOf, type Platform } from './platform.ts'
import { jobOf, type RenderedJob } from './rendered-job.ts'
import { serviceOf, type RenderedService } from './rendered-service.ts'
import { Alert, DeployBlock, Flag, Job, Journey, ResourceBlock } from './schema-operation.ts'
import { ReleaseBlock } from './schema-release.ts'
import { Service } from './schema-service.ts'
import { shapeOf } from './schema.ts'
import { didYouMean } from './suggestion.ts'
import {
  childOf,
  dataOf,
  entriesOf,
  hasHole,
  placeAt,
  textOf,
  withEntries,
  withValue,
  type Entry,
  type MapNode,
  type Place,
} from './tree.ts'
import { serviceDefaults, teamDefault } from './defaults.ts'

/** A manifest as it reads in one cell: every layer merged, every default filled in. */
export interface RenderedCell {
  readonly cell: Cell
  readonly app: string
  readonly team: string
  readonly domain: string | undefined
  /** In the manifest's order. */
  readonly services: readonly RenderedService[]
  readonly release: FilledRelease
  /** In the manifest's order. */
  readonly jobs: readonly RenderedJob[]
  /** All of it with its provenance; `placeOfValue` reads it. */
  readonly root: MapNode
  readonly platform: Platform | undefined
}

/** Renders one cell, and checks what it promises there. */
export function renderCell(
  manifest: Manifest,
  platform: Platform | undefined,
  cell: Cell,
): Parsed<RenderedCell> {
  const faults = new FaultList()
  const cells = cellsOf(platform).map(cellName)
  if (!cells.includes(cellName(cell))) {
    const spot = { place: manifest.root.place, path: [] }
    const where =
      platform === undefined ? 'there is no platform.yaml, so the' : `${platform.file} has the`
    const message = `there is no cell ${cellName(cell)}`
    const hint = didYouMean(cellName(cell), cells, '')
    faults.add(
      'unknown-layer',
      spot,
      message,
      `${hint} (${where} cells are ${cells.slice(0, 8).join(', ')})`,
    )
    return faults.parsed<RenderedCell>(undefined)
  }
  return faults.parsed(renderInto(manifest, platform, cell, faults))
}

/** Where the value at a path of a rendered cell comes from: its layer, file and line. */
export function placeOfValue(rendered: RenderedCell, ...path: string[]): Place {
  return placeAt(rendered.root, path)
}

/** Renders a cell and adds its faults; undefined where they leave nothing to use. */
export function renderInto(
  manifest: Manifest,
  platform: Platform | undefined,
  cell: Cell,
  faults: FaultList,
): RenderedCell | undefined {
  const domain = domainOf(platform, cell)
  const root = completeCell(manifest.root, cell, domain, faults)
  const view = viewOf(root, cell, zonesOf(platform, cell), faults)
  checkServices(view)
  checkContainers(view)
  checkNeeds(view)
  checkRoutes(view)
  checkRelease(view)
  checkOperations(view)
  const app = textOf(childOf(root, 'app'))
  if (!faults.isEmpty || hasHole(root) || app === undefined || view.release === undefined)
    return undefined
  const services = [...view.services].map(([name, service]) => ({
    ...serviceOf(name, service),
    ...(view.isShared ? { network: 'shared' as const } : {}),
  }))
  const team = textOf(childOf(root, 'team')) ?? teamDefault
  const jobs = [...view.jobs].map(([name, job]) => jobOf(name, job))
  return { cell, app, team, domain, services, release: view.release, jobs, root, platform }
}

/** Merges the layers, writes short forms out, fills in defaults and placeholders. */
function completeCell(
  document: MapNode,
  cell: Cell,
  domain: string | undefined,
  faults: FaultList,
): MapNode {
  let root = mergeCell(document, cell, faults)
  const services = childOf(root, 'services')
  if (services?.kind === 'map') {
    const entries = entriesOf(services).map(([name, entry]): [string, Entry] => {
      if (entry.value.kind !== 'map') return [name, entry]
      const meanings = {
        '{service}': name,
        '{env}': cell.environment,
        '{tenant}': cell.tenant,
        '{cell.domain}': domain,
      }
      const node = normaliseService(entry.value)
      return [
        name,
        { ...entry, value: fillPlaceholders(node, ['services', name], meanings, faults) },
      ]
    })
    root = withValue(root, 'services', { ...services, entries: new Map(entries) })
  }
  const jobs = childOf(root, 'jobs')
  if (jobs?.kind === 'map') {
    const entries = entriesOf(jobs).map(([name, entry]): [string, Entry] => [
      name,
      { ...entry, value: normaliseJob(entry.value) },
    ])
    root = withValue(root, 'jobs', { ...jobs, entries: new Map(entries) })
  }
  return withValue(root, 'release', normaliseRelease(childOf(root, 'release')))
}

/** Whether `network: shared` stands at the top of the file. */
function isShared(root: MapNode): boolean {
  return textOf(childOf(root, 'network')) === 'shared'
}

/** Holds every block against its whole schema; what fits is read as data. */
function viewOf(
  root: MapNode,
  cell: Cell,
  zones: readonly string[] | undefined,
  faults: FaultList,
): CellView {
  const read = <Value>(block: string, schema: TSchema): Map<string, Value> => {
    const found = new Map<string, Value>()
    for (const [name, entry] of entriesOf(childOf(root, block))) {
      const value = wholeOf<Value>(schema, entry, [block, name], faults)
      if (value !== undefined) found.set(name, value)
    }
    return found
  }
  const release = root.entries.get('release')
  const deploy = root.entries.get('deploy')
  if (deploy !== undefined) wholeOf(DeployBlock, deploy, ['deploy'], faults)
  read('journeys', Journey)
  return {
    cell,
    root,
    isShared: isShared(root),
    serviceNames: entriesOf(childOf(root, 'services')).map(([name]) => name),
    services: readServices(root, faults),
    release:
      release === undefined
        ? undefined
        : wholeOf<FilledRelease>(ReleaseBlock, release, ['release'], faults),
    resources: read<ResourceBlock>('resources', ResourceBlock),
    jobs: read<Job>('jobs', Job),
    flags: read<Flag>('flags', Flag),
    alerts: read<Alert>('alerts', Alert),
    zones,
    faults,
  }
}

/** A service with a fault is read without the keys at fault, so that its others are checked too. */
function readServices(root: MapNode, faults: FaultList): Map<string, FilledService> {
  const found = new Map<string, FilledService>()
  for (const [name, { key, value }] of entriesOf(childOf(root, 'services'))) {
    const spot = { place: key, path: ['services', name] }
    const checked = checkSchema(shapeOf(Service), value, spot, faults)
    if (checked.kind !== 'map') continue
    const sound = entriesOf(checked).filter(([, entry]) => !hasHole(entry.value))
    const data = dataOf(fill(withEntries(checked, sound), serviceDefaults))
    if (Check(Service, data)) found.set(name, data as FilledService)
  }
  return found
}

/** A block as data, if it is whole; its faults are added. */
function wholeOf<Value>(
  schema: TSchema,
  { key, value }: Entry,
  path: readonly string[],
  faults: FaultList,
): Value | undefined {
  const checked = checkSchema(shapeOf(schema), value, { place: key, path }, faults)
  if (hasHole(checked)) return undefined
  const data = dataOf(checked)
  return Check(schema, data) ? (data as Value) : undefined
}
