import { cellName } from '../../tenants/model.ts'
import type { FaultList } from './faults.ts'
import { cellsOf, type Platform } from './platform.ts'
import { closest, didYouMean } from './suggestion.ts'
import { childOf, entriesOf, textOf, type MapNode } from './tree.ts'

/** What must hold of the deltas whatever the cell: the layers exist, and so do the services. */
export function checkDeltas(
  root: MapNode,
  platform: Platform | undefined,
  faults: FaultList,
): void {
  checkLayerNames(root, platform, faults)
  checkTeam(root, platform, faults)
  const services = childOf(root, 'services')
  const names = entriesOf(services).map(([name]) => name)
  for (const block of ['environments', 'tenants', 'cells']) {
    for (const [layer, { value }] of entriesOf(childOf(root, block))) {
      for (const [name, { key }] of entriesOf(childOf(value, 'services'))) {
        if (name === '*' || names.includes(name) || services?.kind !== 'map') continue
        const path = [block, layer, 'services', name]
        const none = 'a layer changes services; new ones stand under `services`'
        const hint = didYouMean(name, names, none)
        faults.add('unknown-service', { place: key, path }, `there is no service \`${name}\``, hint)
      }
    }
  }
  checkGates(root, faults)
}

/**
 * Without platform.yaml nobody knows the environments, and a manifest made for a platform must
 * still run on a laptop: only what looks like a slip is refused then.
 */
function checkLayerNames(root: MapNode, platform: Platform | undefined, faults: FaultList): void {
  const cells = cellsOf(platform)
  const known: readonly (readonly [block: string, noun: string, names: string[]])[] = [
    ['environments', 'environment', [...new Set(cells.map((cell) => cell.environment))]],
    ['tenants', 'tenant', [...new Set(cells.map((cell) => cell.tenant))]],
    ['cells', 'cell', cells.map(cellName)],
  ]
  for (const [block, noun, names] of known) {
    for (const [name, { key }] of entriesOf(childOf(root, block))) {
      if (names.includes(name)) continue
      const near = closest(name, names)
      if (platform === undefined && near === undefined) continue
      const where = platform === undefined ? ' (there is no platform.yaml)' : ` in ${platform.file}`
      const hint = didYouMean(name, names, '')
      faults.add(
        'unknown-layer',
        { place: key, path: [block, name] },
        `there is no ${noun} \`${name}\`${where}`,
        hint,
      )
    }
  }
}

function checkTeam(root: MapNode, platform: Platform | undefined, faults: FaultList): void {
  const teams = Object.keys(platform?.data.teams ?? {})
  if (teams.length === 0) return
  const entry = root.entries.get('team')
  const team = textOf(entry?.value)
  if (entry === undefined) {
    const place = root.entries.get('app')?.key ?? root.place
    const message = `the file names no team, and ${platform!.file} gives quotas to teams`
    faults.add('missing-key', { place, path: [] }, message, `add team: ${teams[0]}`)
  } else if (team !== undefined && !teams.includes(team)) {
    const hint = didYouMean(team, teams, '')
    const spot = { place: entry.value.place, path: ['team'] }
    faults.add('unknown-reference', spot, `there is no team \`${team}\` in ${platform!.file}`, hint)
  }
}

/** `deploy.from` leads from one environment to another, never in a circle. */
function checkGates(root: MapNode, faults: FaultList): void {
  const environments = childOf(root, 'environments')
  const sources = new Map<string, string>()
  for (const [name, { value }] of entriesOf(environments)) {
    const deploy = childOf(value, 'deploy')
    const from = textOf(childOf(deploy, 'from'))
    if (from !== undefined) sources.set(name, from)
    const whenNode = childOf(deploy, 'when')
    if (whenNode !== undefined && childOf(deploy, 'branch') === undefined) {
      const spot = { place: whenNode.place, path: ['environments', name, 'deploy'] }
      faults.add(
        'missing-key',
        spot,
        '`deploy` has no `branch`, as `when: merged` must',
        'add branch: main',
      )
    }
  }
  for (const [name, first] of sources) {
    let from: string | undefined = first
    for (let step = 0; from !== undefined && step <= sources.size; step++) {
      if (from === name) {
        const node = childOf(childOf(childOf(environments, name), 'deploy'), 'from')
        const spot = { place: node!.place, path: ['environments', name, 'deploy', 'from'] }
        faults.add(
          'needs-cycle',
          spot,
          `a release could reach ${name} only after ${name}`,
          'name an earlier environment',
        )
        break
      }
      from = sources.get(from)
    }
  }
}
