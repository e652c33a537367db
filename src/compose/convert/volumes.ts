import { childOf, itemsOf, type Node, type Place } from '../../parts/apps/manifest/tree.ts'
import { folderOf, joined, leavesProject, type LookedAt } from '../source.ts'
import { isTrue, textIn, within } from '../values.ts'
import {
  isWithin,
  keepMount,
  pathPattern,
  secretSaid,
  seemsSecretFile,
  takenPaths,
  tidied,
} from './mounts.ts'
import { manifestName } from './names.ts'
import type { ComposeService, Draft, Say, Scene } from './scene.ts'

/** Volumes: named ones are carried, files beside the compose file are mounted, all else never. */

/** A mount, taken apart. */
interface Mount {
  readonly where: { readonly key: string; readonly place: Place }
  readonly type: string
  readonly source: string
  readonly target: string
  readonly isReadOnly: boolean
  readonly subpath: string
}

/** A manifest takes so many of one service. */
const volumesMax = 8

/** `owners` holds, by volume, which service has it already. */
export function convertVolumes(
  scene: Scene,
  service: ComposeService,
  draft: Draft,
  owners: Map<string, string>,
  say: Say,
): void {
  for (const [index, item] of itemsOf(within(service.node, 'volumes')).entries()) {
    const mount = mountOf(item, { key: `volumes.${index}`, place: item.place })
    if (mount === undefined) {
      const said = `\`${textIn(item) ?? item.place.words}\` is no mount`
      say('fault', { key: `volumes.${index}`, place: item.place }, said, 'for instance data:/data')
    } else if (mount.type === 'bind') convertBind(scene, service, mount, draft, owners, say)
    else if (mount.type === 'tmpfs') tellTmpfs(service, mount.target, mount.where, draft, say)
    else if (mount.type !== 'volume') {
      const said = `a mount of type ${mount.type} is not made here`
      say('open', mount.where, said, 'build an image that holds what it needs')
    } else if (mount.source === '') {
      draft.writable = true
      const said = `${mount.target} is written to in the container, and lost with it`
      say('changed', mount.where, said, 'name the volume if its data have to stay')
    } else if (!scene.project.blocks.volumes.has(mount.source)) {
      const advice = `add \`${mount.source}:\` to the \`volumes\` of the file`
      say('fault', mount.where, `the file declares no volume \`${mount.source}\``, advice)
    } else keepVolume(service, mount, draft, owners, say)
  }
  const folders = within(service.node, 'tmpfs')
  const items = folders?.kind === 'list' ? folders.items : folders === undefined ? [] : [folders]
  for (const item of items) {
    const path = (textIn(item) ?? '').split(':')[0] ?? ''
    tellTmpfs(service, path, { key: 'tmpfs', place: item.place }, draft, say)
  }
}

function mountOf(item: Node, where: Mount['where']): Mount | undefined {
  if (item.kind === 'map') {
    const source = textIn(childOf(item, 'source')) ?? ''
    const type = textIn(childOf(item, 'type')) ?? 'volume'
    const target = textIn(childOf(item, 'target')) ?? ''
    const subpath = textIn(childOf(childOf(item, 'volume'), 'subpath')) ?? ''
    const isReadOnly = isTrue(childOf(item, 'read_only'))
    return target === '' ? undefined : { where, type, source, target, isReadOnly, subpath }
  }
  const text = textIn(item) ?? ''
  const parts = text.split(':')
  const [first = '', second] = parts
  if (parts.length > 3 || text === '') return undefined
  const [source, target] = second === undefined ? ['', first] : [first, second]
  const isReadOnly = (parts[2] ?? '').split(',').includes('ro')
  const isPath = /^[./~]/.test(source)
  const type = isPath ? 'bind' : 'volume'
  return { where, type, source, target, isReadOnly, subpath: '' }
}

/** `instead` says what of the machine it stands for; empty: a volume of compose. */
function keepVolume(
  service: ComposeService,
  mount: Mount,
  draft: Draft,
  owners: Map<string, string>,
  say: Say,
  instead = '',
): void {
  const { source, target, where, isReadOnly, subpath } = mount
  const refuse = (said: string, advice: string): void => say('open', where, said, advice)
  const owner = owners.get(source)
  const path = tidied(target)
  const name = manifestName(source.replaceAll(/[./]+/g, '-').replace(/^-/, ''))
  if (owner !== undefined) {
    const advice = 'let one of them keep the files, and the other ask it for them'
    refuse(`\`${source}\` is \`${owner}\`'s already: a volume has a single writer`, advice)
  } else if (name === undefined || Object.keys(draft.volumes ?? {}).length >= volumesMax) {
    refuse(
      `\`${source}\` cannot be kept: 8 volumes with names of letters are the most`,
      'join some',
    )
  } else if (takenPaths.some((place) => isWithin(path, place))) {
    refuse(`a volume cannot be at ${path}, which is the platform's`, 'choose another path')
  } else if (!pathPattern.test(path)) {
    refuse(`a volume cannot be at ${path}`, 'give an absolute path without spaces')
  } else if (overlaps(path, draft) || Object.hasOwn(draft.volumes ?? {}, name)) {
    refuse(
      `\`${source}\` lies in another volume or mount, or has its name`,
      'give it a path of its own',
    )
  } else {
    owners.set(source, service.name)
    draft.volumes = { ...draft.volumes, [name]: path }
    const remarks = [
      ...(instead === '' ? [] : [instead]),
      ...(name === source || instead !== '' ? [] : [`called ${name}`]),
      ...(isReadOnly ? ['writable, since a volume cannot be read-only'] : []),
      ...(subpath === '' ? [] : ['all of it, and not only its subpath']),
    ]
    const kept = 'on one node, neither copied nor backed up, without what compose kept'
    const said = `\`volumes: { ${name}: ${path} }\`: ${kept}`
    const isSame = remarks.length === 0
    say(isSame ? 'carried' : 'changed', where, isSame ? said : `${said}; ${remarks.join(', ')}`)
  }
}

function overlaps(path: string, { volumes = {}, mounts = {} }: Draft): boolean {
  const others = [...Object.values(volumes), ...Object.keys(mounts)]
  return others.some((other) => isWithin(path, other) || isWithin(other, path))
}

/** Sockets by which a container would rule its machine. */
const engineSocket = /(?:docker|containerd|podman|crio)\.sock$/

function convertBind(
  scene: Scene,
  service: ComposeService,
  mount: Mount,
  draft: Draft,
  owners: Map<string, string>,
  say: Say,
): void {
  const { source, target, where } = mount
  const isHere = within(service.node, 'build') !== undefined
  const path = joined(folderOf(where.place.file), source)
  if (engineSocket.test(source)) {
    const said = `${source} is never given to a container: with it, it would rule the machine`
    say('open', where, said, 'run what needs it on the machine itself')
  } else if (source === '/' || source === '//') {
    const said = "all of the machine's files are never given to a container"
    say('open', where, said, 'run what needs it on the machine itself')
  } else if (path === undefined) {
    const said = `${source} is a folder of the machine, and no container sees any`
    say('open', where, said, 'build an image that holds it, or use a named volume')
  } else if (leavesProject(path)) {
    const said = `${source} leads out of the folder of the compose file`
    say('open', where, said, 'build an image that holds what it needs')
  } else if (isHere && isBuilt(service, path)) {
    const said = `${source} lies in what is built: the image has it already (at ${target})`
    say('dropped', where, said, 'to work on it while it runs is for your own machine')
  } else if (seemsSecretFile(path)) {
    const said = `${source} seems to hold a secret: ${secretSaid}`
    say('open', where, said, `give its value as a variable, or mount it in the manifest knowingly`)
  } else {
    const found = scene.looked.get(path) ?? { is: 'unreadable' }
    if (isData(mount, path, found)) {
      const instead = `in place of ${source}, of which nothing is taken over`
      keepVolume(service, { ...mount, source: path }, draft, owners, say, instead)
    } else if (found.is === 'file' || found.is === 'folder') {
      const remarks = mount.isReadOnly ? [] : ['read-only, as every mount']
      keepMount({ path: target, from: path, remarks }, draft, where, say)
    } else {
      const what = found.is === 'outside' ? 'leads out of the folder' : 'is not there'
      const said = `${source} ${what}, so nothing is put at ${target}`
      say('open', where, said, 'put the file in its place, or take the line out')
    }
  }
}

/** Folders that programs keep data in, by where they lie or where they are seen. */
const dataNames = /^(?:.*[-_.])?(?:data|db|database|storage|logs?|backups?|uploads?|cache|media)$/i
const dataPaths =
  /^\/(?:data|db|backups?|uploads?|storage|bitnami|var\/(?:lib|log|spool|cache))(?:\/|$)/

/** Where images look for what they are given: configuration, pages, scripts of their first start. */
const givenPaths = /^\/(?:etc|usr|docker-entrypoint[^/]*|init[^/]*)(?:\/|$)/

/** Whether a bound folder is one that the program writes to: nobody's files would be missed in it. */
function isData({ target, isReadOnly }: Mount, path: string, found: LookedAt): boolean {
  if (isReadOnly || givenPaths.test(target)) return false
  const name = path.slice(path.lastIndexOf('/') + 1)
  // What is not there compose makes, as a folder.
  if (found.is === 'nothing') return !/\.[A-Za-z][A-Za-z0-9]{0,7}$/.test(name)
  if (found.is !== 'folder') return false
  return found.isEmpty || dataNames.test(name) || dataPaths.test(target)
}

/** Whether a path lies below the folder that the image is built from. */
function isBuilt({ node, place }: ComposeService, path: string): boolean {
  const build = within(node, 'build')
  const context = textIn(build) ?? textIn(within(node, 'build', 'context')) ?? '.'
  const folder = joined(folderOf((build?.place ?? place).file), context)
  return folder === '.' || path === folder || path.startsWith(`${folder}/`)
}

function tellTmpfs(
  service: ComposeService,
  path: string,
  where: Mount['where'],
  draft: Draft,
  say: Say,
): void {
  if (path === '/tmp') {
    say('carried', where, '/tmp is in memory in every container, with 64 MiB')
    return
  }
  draft.writable = true
  const isLocked = isTrue(within(service.node, 'read_only'))
  const wide = isLocked ? ', and so is all else' : ''
  say('changed', where, `${path} is written to on the disk of the container${wide}`)
}
