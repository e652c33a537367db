import type { Cell } from '../../tenants/model.ts'
import { localCell } from '../../tenants/model.ts'
import { checkDay, checkTimezone } from './check-operations.ts'
import { checkSchema } from './check-schema.ts'
import { localDomain } from './defaults.ts'
import { FaultList, type Parsed, type Spot } from './faults.ts'
import { hostProblem } from './host.ts'
import { PlatformDocument, type PlatformData } from './schema-platform.ts'
import { shapeOf } from './schema.ts'
import { didYouMean } from './suggestion.ts'
import { dataOf, hasHole, lineWords, placeAt, type MapNode, type Place } from './tree.ts'
import { readYaml } from './yaml-reader.ts'

/** The operators' file: what may be deployed where, and through which gates. */
export interface Platform {
  readonly file: string
  readonly root: MapNode
  readonly data: PlatformData
}

/** Reads platform.yaml. */
export function parsePlatform(text: string, file: string): Parsed<Platform> {
  const faults = new FaultList()
  return faults.parsed(readPlatform(text, file, faults))
}

/** Undefined where a fault keeps it from being used; the faults are added to the list. */
export function readPlatform(text: string, file: string, faults: FaultList): Platform | undefined {
  const tree = readYaml(text, file, faults)
  if (tree === undefined) return undefined
  const spot = { place: tree.place, path: [] }
  const root = checkSchema(shapeOf(PlatformDocument), tree, spot, faults)
  if (root.kind !== 'map' || hasHole(root) || !faults.isEmpty) return undefined
  const platform = { file, root, data: dataOf(root) as PlatformData }
  checkPlatform(platform, faults)
  return faults.isEmpty ? platform : undefined
}

/** The cells of a platform: environments times tenants; one local cell where there is none. */
export function cellsOf(platform: Platform | undefined): Cell[] {
  if (platform === undefined) return [localCell]
  const tenants = Object.keys(platform.data.tenants ?? {})
  const named = tenants.length === 0 ? [localCell.tenant] : tenants
  return Object.keys(platform.data.environments).flatMap((environment) =>
    named.map((tenant) => ({ environment, tenant })),
  )
}

/** What {cell.domain} means in a cell; undefined where nobody says. */
export function domainOf(platform: Platform | undefined, cell: Cell): string | undefined {
  if (platform === undefined) return localDomain
  return platform.data.tenants?.[cell.tenant]?.domains?.[cell.environment]
}

/** The zones of a cell's node group; undefined without a platform. */
export function zonesOf(platform: Platform | undefined, cell: Cell): readonly string[] | undefined {
  const group = platform?.data.environments[cell.environment]?.nodeGroup
  return group === undefined ? undefined : platform?.data.nodeGroups[group]?.zones
}

function checkPlatform({ data, root }: Platform, faults: FaultList): void {
  const spot = (...path: string[]): Spot => ({ place: placeAt(root, path), path })
  const environments = Object.keys(data.environments)
  const unknownEnvironment = (name: string, ...path: string[]): void => {
    if (environments.includes(name)) return
    const hint = didYouMean(name, environments, '')
    faults.add(
      'unknown-layer',
      { place: keyPlace(root, path), path },
      `there is no environment \`${name}\``,
      hint,
    )
  }
  for (const [name, environment] of Object.entries(data.environments)) {
    const groups = Object.keys(data.nodeGroups)
    if (!groups.includes(environment.nodeGroup)) {
      const message = `there is no node group \`${environment.nodeGroup}\``
      const hint = didYouMean(environment.nodeGroup, groups, 'define it under nodeGroups')
      faults.add('unknown-reference', spot('environments', name, 'nodeGroup'), message, hint)
    }
    if (environment.from !== undefined) {
      unknownEnvironment(environment.from, 'environments', name, 'from')
      if (environment.from === name) {
        const message = `${name} cannot take its releases from itself`
        faults.add('unknown-reference', spot('environments', name, 'from'), message, noSelf)
      }
    }
    for (const [index, { from, until, timezone }] of (environment.freeze ?? []).entries()) {
      const at = ['environments', name, 'freeze', String(index)] as const
      const days = [
        checkInstant(from, spot(...at, 'from'), faults),
        checkInstant(until, spot(...at, 'until'), faults),
      ]
      checkTimezone(timezone, spot(...at, 'timezone'), faults)
      if (days.every(Boolean) && until <= from) {
        faults.add(
          'bad-date',
          spot(...at, 'until'),
          `the freeze ends before it begins (${from})`,
          'exchange the two',
        )
      }
    }
  }
  checkDomains(data, root, faults, unknownEnvironment)
  for (const [team, { quota }] of Object.entries(data.teams ?? {})) {
    for (const environment of Object.keys(quota ?? {})) {
      unknownEnvironment(environment, 'teams', team, 'quota', environment)
    }
  }
}

const noSelf = 'name the environment that is tested before it'

/** Domains are hosts of known environments, each of one cell. */
function checkDomains(
  data: PlatformData,
  root: MapNode,
  faults: FaultList,
  unknownEnvironment: (name: string, ...path: string[]) => void,
): void {
  const owners = new Map<string, readonly string[]>()
  for (const [tenant, { domains }] of Object.entries(data.tenants ?? {})) {
    for (const [environment, host] of Object.entries(domains ?? {})) {
      const path = ['tenants', tenant, 'domains', environment]
      const spot = { place: placeAt(root, path), path }
      unknownEnvironment(environment, ...path)
      const problem = hostProblem(host)
      if (problem !== undefined) faults.add('bad-host', spot, ...problem)
      const other = owners.get(host)
      if (other !== undefined) {
        const at = lineWords(placeAt(root, other), spot.place)
        const message = `${host} is the domain of ${other[3]}/${other[1]} already (${at})`
        faults.add('route-conflict', spot, message, 'give each cell a domain of its own')
      }
      owners.set(host, path)
    }
  }
}

function checkInstant(instant: string, spot: Spot, faults: FaultList): boolean {
  if (!checkDay(instant, spot, faults)) return false
  const [hours = 24, minutes = 60] = instant.slice(11).split(':').map(Number)
  if (hours < 24 && minutes < 60) return true
  faults.add(
    'bad-date',
    spot,
    `there is no time ${instant.slice(11)}`,
    'hours:minutes, such as 08:00',
  )
  return false
}

/** Where the key at the end of a path stands. */
function keyPlace(root: MapNode, path: readonly string[]): Place {
  const parent = path.slice(0, -1)
  let node: MapNode = root
  for (const key of parent) {
    const next = node.entries.get(key)?.value
    if (next?.kind !== 'map') return placeAt(root, path)
    node = next
  }
  return node.entries.get(path.at(-1) ?? '')?.key ?? placeAt(root, path)
}
