import { cellName } from '../../tenants/model.ts'
import { FaultList, type ManifestFault, type Spot } from './faults.ts'
import type { RenderedCell } from './render.ts'
import { listed } from './suggestion.ts'
import { entriesOf, itemsOf, nodeAt, placeAt, textOf, type Node } from './tree.ts'

/**
 * What is part of the grammar and not yet of the behaviour. It is checked like all else, so that a
 * manifest can be written for good, and refused at deploy: a promise that nobody keeps is worse
 * than none. Each entry goes when its behaviour comes.
 */
const blocks: readonly (readonly [block: string, what: string])[] = [
  ['resources', 'create them'],
  ['flags', 'serve them'],
  ['alerts', 'watch them'],
]

const ofServices: readonly (readonly [key: string, what: string])[] = [
  ['uses', 'inject resources'],
  ['secrets', 'hold secrets'],
  ['scale', 'scale by load'],
]

/** All in a cell that this version could not keep, a sentence for each; empty: deployable. */
export function refusalsAtDeploy(rendered: RenderedCell): ManifestFault[] {
  const faults = new FaultList()
  for (const [block, what] of blocks) {
    refuse(rendered, faults, [block], `\`${block}\` are validated`, what, `the block \`${block}\``)
  }
  for (const [key, what] of ofServices) refuseKey(rendered, faults, key, what)
  for (const { name } of rendered.services) refuseInService(rendered, faults, name)
  refuseInRelease(rendered, faults)
  refuseWatching(rendered, faults)
  const what = 'take releases from elsewhere by itself'
  for (const key of ['when', 'branch']) {
    refuse(rendered, faults, ['deploy', key], `\`deploy.${key}\` is validated`, what, `\`${key}\``)
  }
  refuseGates(rendered, faults)
  return faults.sorted()
}

/** Services that inherit a key from one line share one sentence. */
function refuseKey(rendered: RenderedCell, faults: FaultList, key: string, what: string): void {
  const byLine = new Map<number, string[]>()
  for (const { name } of rendered.services) {
    const path = ['services', name, key]
    if (nodeAt(rendered.root, path) === undefined) continue
    const line = lineOf(rendered, path)
    byLine.set(line, [...(byLine.get(line) ?? []), name])
  }
  for (const names of byLine.values()) {
    const path = ['services', names[0]!, key]
    const subject = `\`${key}\` of ${listed(names, 3)} is validated`
    refuse(rendered, faults, path, subject, what, `\`${key}\``)
  }
}

function refuseInService(rendered: RenderedCell, faults: FaultList, name: string): void {
  const path = ['services', name]
  if (nodeAt(rendered.root, [...path, 'image']) !== undefined) {
    const subject = `\`assets\` of ${name} is validated`
    const what = 'lay files of earlier versions into images'
    refuse(rendered, faults, [...path, 'assets'], subject, what, '`assets`')
  }
  for (const need of neededElsewhere(nodeAt(rendered.root, [...path, 'needs']))) {
    const at = [...path, 'needs', need.key]
    const message = `${name} needs ${need.name}, and this version does not connect apps yet`
    const hint = `remove \`${need.name}\` from its needs (line ${lineOf(rendered, at)}) to deploy`
    faults.add('not-yet', spotOf(rendered, at), message, hint)
  }
}

function neededElsewhere(
  needs: Node | undefined,
): { readonly key: string; readonly name: string }[] {
  const inList = itemsOf(needs).map((item, index) => ({
    key: String(index),
    name: textOf(item) ?? '',
  }))
  const mapped = entriesOf(needs).map(([name]) => ({ key: name, name }))
  return [...inList, ...mapped].filter(({ name }) => name.includes('/'))
}

function refuseInRelease(rendered: RenderedCell, faults: FaultList): void {
  const steps = itemsOf(nodeAt(rendered.root, ['release', 'steps']))
  steps.forEach((step, index) => {
    const path = ['release', 'steps', String(index)]
    const subject = 'the step `snapshot` is validated'
    refuse(rendered, faults, [...path, 'snapshot'], subject, 'copy databases', 'the step')
  })
}

/** A release runs journeys; production is not watched by them. */
function refuseWatching(rendered: RenderedCell, faults: FaultList): void {
  for (const [name] of entriesOf(nodeAt(rendered.root, ['journeys']))) {
    const path = ['journeys', name, 'every']
    const subject = `\`every\` of the journey ${name} is validated`
    refuse(rendered, faults, path, subject, 'watch production with journeys', '`every`')
  }
}

/** Gates of platform.yaml: nobody may pass one because nothing watches it yet. */
function refuseGates(rendered: RenderedCell, faults: FaultList): void {
  const { platform, cell, team } = rendered
  if (platform === undefined) return
  const gate = (name: string, path: readonly string[], what: string): void => {
    if (nodeAt(platform.root, path) === undefined) return
    const place = placeAt(platform.root, path)
    const gated = `${cellName(cell)} has the gate \`${name}\``
    const message = `${gated}, and this version does not ${what} yet`
    const where = `line ${place.line} of ${platform.file}`
    const hint = `an operator has to remove it (${where}) to deploy there`
    faults.add('not-yet', { place, path }, message, hint)
  }
  const environment = ['environments', cell.environment]
  gate('ttl', [...environment, 'ttl'], 'remove apps by itself')
  gate('quota', ['teams', team, 'quota', cell.environment], 'count against quotas')
  const group = platform.data.environments[cell.environment]?.nodeGroup ?? ''
  if (platform.data.nodeGroups[group]?.engine !== 'kubernetes') return
  const path = ['nodeGroups', group, 'engine']
  const message = `${cellName(cell)} runs on Kubernetes, and this version does not use it yet`
  const spot = { place: placeAt(platform.root, path), path }
  faults.add('not-yet', spot, message, 'choose a node group whose engine is agents')
}

/** Refuses what stands at a path, if something does. */
function refuse(
  rendered: RenderedCell,
  faults: FaultList,
  path: readonly string[],
  subject: string,
  what: string,
  name: string,
): void {
  const node = nodeAt(rendered.root, path)
  if (node === undefined || (node.kind === 'map' && node.entries.size === 0)) return
  const message = `${subject}, but this version does not ${what} yet`
  const hint = `remove ${name} (line ${lineOf(rendered, path)}) to deploy`
  faults.add('not-yet', spotOf(rendered, path), message, hint)
}

function spotOf(rendered: RenderedCell, path: readonly string[]): Spot {
  return { place: placeAt(rendered.root, path), path }
}

function lineOf(rendered: RenderedCell, path: readonly string[]): number {
  return placeAt(rendered.root, path).line
}
