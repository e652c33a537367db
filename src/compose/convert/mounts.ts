import { mountPattern } from '../../parts/apps/manifest/schema-service.ts'
import { childOf, itemsOf, type Node, type Place } from '../../parts/apps/manifest/tree.ts'
import type { Project } from '../project.ts'
import { folderOf, joined, leavesProject, type LookedAt, type ProjectFiles } from '../source.ts'
import { isTrue, textIn, within } from '../values.ts'
import { placeholderIn } from './names.ts'
import type { ComposeService, Draft, Say, Scene, Where } from './scene.ts'

/** Files beside the compose file, and configs: both become what the service `mounts`. */

/** A manifest takes so many of one service. */
const mountsMax = 32

/** Characters of a file that stands in the manifest itself. */
const contentMax = 16_384

/** Characters of a path beside the manifest. */
const sourceMax = 256

const mountPath = new RegExp(mountPattern)

/** Paths that the platform fills itself. */
export const takenPaths = ['/proc', '/sys', '/dev', '/tmp']

/** What a manifest takes for a path inside. */
export const pathPattern = /^\/(?!.*\/\.{1,2}(\/|$))(?!.*\/\/)[^\s:,\\]{1,255}$/

/** `/data/` and `/data` are one place. */
export function tidied(target: string): string {
  return target.replace(/(.)\/$/, '$1')
}

/** A file of the project and where it is seen. */
interface Mounting {
  readonly path: string
  readonly from: string | { readonly content: string }
  /** What differs from compose; empty: nothing. */
  readonly remarks: readonly string[]
}

/** Keeps it in the draft, or says why not. */
export function keepMount(mounting: Mounting, draft: Draft, where: Where, say: Say): void {
  const { from, remarks } = mounting
  const path = tidied(mounting.path)
  const name = typeof from === 'string' ? from : 'its content'
  const kept = draft.mounts ?? {}
  const others = [...Object.values(draft.volumes ?? {}), ...Object.keys(kept)]
  const other = others.find((one) => isWithin(path, one) || isWithin(one, path))
  const refuse = (said: string, advice: string): void => say('open', where, said, advice)
  if (!mountPath.test(path)) {
    refuse(`nothing can be mounted at ${path}`, 'give an absolute path without spaces')
  } else if (takenPaths.some((place) => isWithin(path, place))) {
    refuse(`nothing can be mounted at ${path}, which is the platform's`, 'choose another path')
  } else if (other !== undefined) {
    refuse(`${path} and ${other} lie in one another`, 'give each a path of its own')
  } else if (typeof from === 'string' && from.length > sourceMax) {
    refuse(`${from.slice(0, 40)}… is longer than a path of a manifest`, 'move it further up')
  } else if (Object.keys(kept).length >= mountsMax) {
    refuse(`${mountsMax} mounts are the most of a service`, 'mount a folder that holds them')
  } else {
    draft.mounts = { ...kept, [path]: from }
    const said = `\`mounts: { ${path}: ${typeof from === 'string' ? name : '…'} }\``
    const more = remarks.length === 0 ? '' : `; ${remarks.join(', ')}`
    say(remarks.length === 0 ? 'carried' : 'changed', where, `${said}, with each deploy${more}`)
  }
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

/** Whether a file is called as those with keys and passwords are: no archive may hold them. */
export function seemsSecretFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (/^\.env(?!\.(?:example|sample|template)$)(?:\.|$)/.test(name)) return true
  return /secret|passw|credential|private|\.(?:key|p12|pfx|jks)$|^id_[a-z0-9]+$|htpasswd/i.test(
    name,
  )
}

/** What a secret is told: where else it would lie in the clear. */
export const secretSaid = 'what goes along with a release lies on the server as it is'

/** Everything that services bind or take as configs, as it lies beside the compose file. */
export async function lookAtMounts(
  services: Iterable<ComposeService>,
  project: Project,
  files: ProjectFiles,
): Promise<Map<string, LookedAt>> {
  const paths = [...services].flatMap((service) => [
    ...itemsOf(within(service.node, 'volumes')).map((item) => boundPath(item)),
    ...itemsOf(within(service.node, 'configs')).map((item) => configPath(project, item)),
  ])
  const looked = new Map<string, LookedAt>()
  for (const path of paths) {
    if (path === undefined || leavesProject(path) || looked.has(path)) continue
    looked.set(path, await files.look(path))
  }
  return looked
}

function boundPath(item: Node): string | undefined {
  const source = textIn(childOf(item, 'source')) ?? textIn(item)?.split(':')[0] ?? ''
  return source === '' ? undefined : joined(folderOf(item.place.file), source)
}

function configPath({ blocks }: Project, item: Node): string | undefined {
  const file = childOf(blocks.configs.get(configName(item))?.value, 'file')
  const text = textIn(file)
  return file === undefined || text === undefined
    ? undefined
    : joined(folderOf(file.place.file), text)
}

function configName(item: Node): string {
  return textIn(item) ?? textIn(childOf(item, 'source')) ?? ''
}

/** Configs as mounts; what one is made of stands at the top of the file. */
export function convertConfigs(
  scene: Scene,
  service: ComposeService,
  draft: Draft,
  say: Say,
): void {
  for (const [index, item] of itemsOf(within(service.node, 'configs')).entries()) {
    convertConfig(scene, item, { key: `configs.${index}`, place: item.place }, draft, say)
  }
}

function convertConfig(
  { project, looked }: Scene,
  item: Node,
  where: { key: string; place: Place },
  draft: Draft,
  say: Say,
): void {
  const name = configName(item)
  const entry = project.blocks.configs.get(name)
  if (entry === undefined) {
    const advice = `add \`${name}:\` to the \`configs\` of the file`
    return say('fault', where, `the file declares no config \`${name}\``, advice)
  }
  const given = textIn(childOf(item, 'target')) ?? name
  const path = given.startsWith('/') ? given : `/${given}`
  const own = ['mode', 'uid', 'gid'].filter((key) => childOf(item, key) !== undefined)
  const remarks =
    own.length === 0 ? [] : [`everybody in it may read it: ${own.join(', ')} not kept`]
  const from = contentOf(project, name, looked)
  if ('said' in from) return say('open', where, from.said, from.advice)
  keepMount({ path, from: from.from, remarks: [...remarks, ...from.remarks] }, draft, where, say)
}

type Contents =
  | { readonly from: Mounting['from']; readonly remarks: readonly string[] }
  | { readonly said: string; readonly advice: string }

/** What a config holds, or why it cannot be carried. */
function contentOf(project: Project, name: string, looked: Scene['looked']): Contents {
  const { value } = project.blocks.configs.get(name) ?? {}
  const file = childOf(value, 'file')
  if (isTrue(childOf(value, 'external')) || childOf(value, 'name') !== undefined) {
    const advice = 'put the file beside the compose file, and name it by `file`'
    return { said: `the config \`${name}\` is kept elsewhere, and not read from there`, advice }
  }
  const variable = textIn(childOf(value, 'environment'))
  const content =
    variable === undefined
      ? textIn(childOf(value, 'content'))
      : project.variables.get(variable)?.value
  if (file === undefined && content === undefined) {
    const advice = variable === undefined ? 'give it a `file`' : `set ${variable} in .env`
    return { said: `nothing says what the config \`${name}\` holds`, advice }
  }
  if (content !== undefined) {
    const said = `the config \`${name}\` cannot stand in the manifest`
    if (content.length > contentMax) {
      return { said: `${said}: it is longer than ${contentMax} characters`, advice: 'use a `file`' }
    }
    const placeholder = placeholderIn([content])
    if (placeholder !== undefined) {
      return { said: `${said}: ${placeholder} is a word of its own there`, advice: 'use a `file`' }
    }
    const remarks = variable === undefined ? [] : [`the manifest holds the value of ${variable}`]
    return { from: { content }, remarks }
  }
  const text = textIn(file) ?? ''
  const path = file === undefined ? undefined : joined(folderOf(file.place.file), text)
  if (path === undefined || leavesProject(path)) {
    const said = `the config \`${name}\` lies outside of the folder of the compose file`
    return { said, advice: `copy ${text} into the folder` }
  }
  const kind = looked.get(path)?.is
  if (kind === 'file') return { from: path, remarks: [] }
  const what = kind === 'folder' ? 'is a folder' : 'is not there, or cannot be read'
  return { said: `the config \`${name}\`: ${text} ${what}`, advice: 'put the file in its place' }
}
