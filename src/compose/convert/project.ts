import { Document, isMap, isScalar } from 'yaml'
import { entriesOf, type Node, type Place } from '../../parts/apps/manifest/tree.ts'
import type { Project } from '../project.ts'
import type { Report } from '../report.ts'
import type { ComposeSource } from '../source.ts'
import { textIn, textsIn, within } from '../values.ts'
import { tellBlocks } from './blocks.ts'
import { convertDependencies, endingServices, refuseCircles } from './dependencies.ts'
import { environmentOf } from './environment.ts'
import { lookAtMounts } from './mounts.ts'
import { findCallers, manifestName, nameServices } from './names.ts'
import { defaultLimits } from './resources.ts'
import type { ComposeService, Draft, Scene } from './scene.ts'
import { convertService } from './service.ts'

/** A compose project as the text of a manifest; undefined where no service is left. */
export async function convertProject(
  project: Project,
  source: ComposeSource,
  report: Report,
): Promise<string | undefined> {
  const app = appName(project, source, report)
  const services = nameServices(activeServices(project, source, report), report)
  refuseCircles(services, report)
  const environments = new Map<string, ReadonlyMap<string, string>>()
  for (const [name, service] of services) {
    const given = { files: source.files, variables: project.variables, report }
    environments.set(name, await environmentOf(service, given))
  }
  const callers = findCallers(services, environments)
  const looked = await lookAtMounts(services.values(), project, source.files)
  const scene: Scene = { app, source, project, services, callers, looked, report }
  const drafts = convertServices(scene, environments)
  const used = new Set<string>()
  for (const service of services.values()) {
    if (drafts.has(service.name)) for (const name of volumesOf(service)) used.add(name)
    convertDependencies(scene, service, drafts)
  }
  tellBlocks(project, used, report)
  if (drafts.size === 0) {
    const place = project.root.place
    report.add('fault', '', place, 'no service is left to run', 'see what is said of each')
    return undefined
  }
  tellWhole(project, drafts, report)
  return manifestText(scene, drafts)
}

function convertServices(
  scene: Scene,
  environments: ReadonlyMap<string, ReadonlyMap<string, string>>,
): Map<string, Draft> {
  const drafts = new Map<string, Draft>()
  const owners = new Map<string, string>()
  const ending = endingServices(scene.services.values())
  for (const [name, service] of scene.services) {
    if (ending.has(name)) {
      const said = 'others wait until it has ended, and a service of a manifest never ends'
      const advice = 'make it `migrate.expand` of the service whose image it is, or a job'
      scene.report.add('open', `services.${name}`, service.place, said, advice)
      continue
    }
    const draft = convertService(scene, service, environments.get(name) ?? new Map(), owners)
    if (draft !== undefined) drafts.set(name, draft)
  }
  return drafts
}

/** The name that was asked for, the file's, or the folder's. */
function appName({ root, variables }: Project, source: ComposeSource, report: Report): string {
  const own = textIn(within(root, 'name'))
  const given = source.app ?? own ?? variables.get('COMPOSE_PROJECT_NAME')?.value
  const name = manifestName(given ?? source.folder) ?? 'app'
  const entry = root.entries.get('name')
  if (entry !== undefined) {
    const isSame = name === own
    report.add(isSame ? 'carried' : 'changed', 'name', entry.key, `\`app: ${name}\``)
  }
  return name
}

/** Services without a profile, and those of the profiles that were asked for. */
function activeServices(
  project: Project,
  source: ComposeSource,
  report: Report,
): [name: string, node: Node, place: Place][] {
  const usual = project.variables.get('COMPOSE_PROFILES')?.value.split(',')
  const wanted = new Set((source.profiles ?? usual)?.map((name) => name.trim()))
  const active: [string, Node, Place][] = []
  for (const [name, { key, value }] of project.blocks.services) {
    const profiles = value.kind === 'map' ? textsIn(within(value, 'profiles')) : []
    const path = `services.${name}`
    if (profiles.length > 0 && !wanted.has('*') && !profiles.some((one) => wanted.has(one))) {
      const said = `left out: it is for the profile ${profiles.join(' or ')}`
      report.add('dropped', path, key, said, `to take it in: --profile ${profiles[0]}`)
      continue
    }
    const counts =
      value.kind === 'map' ? [within(value, 'deploy', 'replicas'), within(value, 'scale')] : []
    if (counts.some((count) => textIn(count) === '0')) {
      const said = 'left out: it has no replicas'
      report.add('dropped', path, key, said, 'to take it in, give it replicas')
      continue
    }
    active.push([name, value, key])
  }
  return active
}

function volumesOf({ node }: ComposeService): string[] {
  const items = within(node, 'volumes')
  if (items?.kind !== 'list') return []
  return items.items.map((item) =>
    item.kind === 'map'
      ? (textIn(within(item, 'source')) ?? '')
      : ((textIn(item) ?? '').split(':')[0] ?? ''),
  )
}

/** What is so of all services, told once. */
function tellWhole({ root }: Project, drafts: ReadonlyMap<string, Draft>, report: Report): void {
  const place = entriesOf(root).find(([key]) => key === 'services')?.[1].key ?? root.place
  const all = [...drafts.values()]
  const { cpu, memory, disk } = defaultLimits
  const say = (said: string, advice: string): void =>
    report.add('changed', 'services', place, said, advice)
  if (all.length > 1) {
    say(
      '`network: shared`: all run on one node, and each `singleton` is found there by its name',
      'services that need no names may go without it, and over all nodes',
    )
  }
  say(
    `\`defaults\`: ${memory}, ${cpu} of a core and ${disk} of disk for who sets no limit, as compose has none`,
    'say what each needs: cpu, memory and disk',
  )
  if (all.some(({ capabilities, writable }) => capabilities !== undefined || writable === true)) {
    say(
      'compose gives 14 capabilities and a writable root; seven of them and the root are carried',
      'take out what an image does not need: capabilities, writable',
    )
  }
}

const order: readonly (keyof Draft)[] = [
  'image',
  'build',
  'run',
  'args',
  'port',
  'route',
  'worker',
  'singleton',
  'instances',
  'cpu',
  'memory',
  'health',
  'stop',
  'needs',
  'env',
  'volumes',
  'mounts',
  'capabilities',
  'user',
  'workingDirectory',
  'writable',
]

function manifestText(
  { app, services, source }: Scene,
  drafts: ReadonlyMap<string, Draft>,
): string {
  const written = [...drafts].map(([name, draft]) => {
    const entries = order.flatMap((key) => (draft[key] === undefined ? [] : [[key, draft[key]]]))
    return [services.get(name)?.key ?? name, Object.fromEntries(entries) as Draft] as const
  })
  const manifest = {
    roadstead: 'v1',
    app,
    ...(drafts.size > 1 ? { network: 'shared' } : {}),
    defaults: defaultLimits,
    services: Object.fromEntries(written),
  }
  const document = new Document(manifest, { compat: 'yaml-1.1', aliasDuplicateObjects: false })
  const { contents } = document
  if (isMap(contents)) {
    for (const { key } of contents.items) {
      const isBlock = isScalar(key) && (key.value === 'defaults' || key.value === 'services')
      if (isBlock) key.spaceBefore = true
    }
  }
  for (const [key] of written) {
    const list = document.getIn(['services', key, 'capabilities'])
    if (typeof list === 'object' && list !== null) Object.assign(list, { flow: true })
  }
  // A name of a file may hold anything, even a line's end.
  const file = source.file.replace(/[^\P{C}]/gu, '?')
  const head = `# Imported from ${file}. These lines are yours: the compose file is not read again.\n`
  return head + document.toString({ lineWidth: 0, flowCollectionPadding: true })
}
