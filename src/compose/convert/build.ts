import { dockerHub, parseImageName } from '../../base/image-name.ts'
import { repositoryOf } from '../../parts/apps/manifest/check-build.ts'
import { entriesOf, type MapNode } from '../../parts/apps/manifest/tree.ts'
import { mapOf } from '../merge.ts'
import { folderOf, joined, leavesProject } from '../source.ts'
import { isTrue, textIn, within } from '../values.ts'
import { placeholderIn } from './names.ts'
import type { ComposeService, Draft, Say, Scene } from './scene.ts'

/** What an image is built from: a manifest's `build` beside the image's place in a registry. */

/** A registry that is nobody's: what is pushed there has to be said with --registry. */
const placeholderRegistry = 'registry.example'

/** What of a build is not missed: it says how fast it is, or what else it makes. */
const dropped = new Map([
  ['cache_from', 'steps that were built on a node before are its cache'],
  ['cache_to', 'steps that were built on a node before are its cache'],
  ['no_cache', 'what was built from the same files before is not built again'],
  ['pull', 'a base image is pulled once by each node that builds'],
  ['labels', 'the image has the labels of its Dockerfile'],
  ['tags', "the image's tag is the hash of what it is built from"],
  ['isolation', 'it is for Windows'],
  ['shm_size', 'steps have the shared memory that the engine gives them'],
  ['ulimits', 'steps have the limits that the engine gives them'],
])

/** What its steps may miss. */
const open = new Map([
  ['additional_contexts', 'there is one context'],
  ['secrets', 'steps are given no secrets'],
  ['ssh', 'steps are given no keys'],
  ['network', 'steps have the network that the engine gives them'],
  ['extra_hosts', 'steps find hosts as the engine does'],
  ['platforms', 'it is built for the machine that builds it, and for no other'],
  ['privileged', 'no step has rights over the machine'],
  ['entitlements', 'no step has rights over the machine'],
])

/** Keys that have a counterpart, or are refused by themselves; with the others, all there are. */
export const convertedBuildKeys: readonly string[] = [
  'context',
  'dockerfile',
  'dockerfile_inline',
  'args',
  'target',
  ...dropped.keys(),
  ...open.keys(),
]

/** What is written into the manifest under `build`. */
type DraftBuild = NonNullable<Draft['build']>

/** The image's place and what it is built from; false where the manifest cannot say it. */
export function convertBuild(
  scene: Scene,
  service: ComposeService,
  image: string | undefined,
  draft: Draft,
  say: Say,
): void {
  const { registry } = scene.source
  const own = image === undefined ? undefined : parseImageName(image)
  const isPlaced = own !== undefined && own.registry !== dockerHub
  const place = `${registry ?? placeholderRegistry}/${scene.app}/${service.key}`
  draft.image = isPlaced && registry === undefined ? repositoryOf(image ?? '') : place
  if (image !== undefined) {
    say(
      'changed',
      'image',
      `${draft.image}, where it is built to; its tag is the hash of its build`,
    )
  }
  const build = buildOf(scene, service, draft.image, say)
  if (build === undefined) return
  draft.build = build
  tellOthers(service, say)
  if (isPlaced || registry !== undefined) {
    const said = `built at a deploy, by a node that builds, and pushed to ${draft.image}`
    return say('changed', 'build', said)
  }
  const said = `built at a deploy, and nothing says where its image goes: ${draft.image} is nobody's`
  say('open', 'build', said, 'name your own registry: --registry registry.example/team')
}

/** Undefined where it is built from what a manifest cannot name; the report says what to do. */
function buildOf(
  scene: Scene,
  service: ComposeService,
  image: string,
  say: Say,
): DraftBuild | undefined {
  const { node, place } = service
  const given = within(node, 'build')
  const written = textIn(given) ?? textIn(within(node, 'build', 'context')) ?? '.'
  const file = textIn(within(node, 'build', 'dockerfile'))
  const refuse = (key: string, said: string): undefined => {
    say('open', key, said, `build and push it by hand: ${buildCommand(service, image)}`)
  }
  const context = joined(folderOf((given?.place ?? place).file), written)
  const contextKey = given?.kind === 'map' ? 'build.context' : 'build'
  if (context === undefined || /^[a-z+]+:\/\/|^git@/.test(written)) {
    return refuse(contextKey, `${written} is no folder beside the compose file`)
  }
  if (leavesProject(context)) {
    return refuse(contextKey, `${written} leads out of the folder of the compose file`)
  }
  if (within(node, 'build', 'dockerfile_inline') !== undefined) {
    return refuse('build.dockerfile_inline', 'a Dockerfile is a file of the context')
  }
  const dockerfile = file === undefined ? undefined : joined('.', file)
  if (file !== undefined && (dockerfile === undefined || leavesProject(dockerfile))) {
    return refuse('build.dockerfile', `${file} is not in the context`)
  }
  const target = textIn(within(node, 'build', 'target'))
  const args = argsOf(scene, service, say)
  const more = {
    ...(dockerfile === undefined || dockerfile === 'Dockerfile' ? {} : { dockerfile }),
    ...(target === undefined || target === '' ? {} : { target }),
    ...(Object.keys(args).length === 0 ? {} : { args }),
  }
  return Object.keys(more).length === 0 ? context : { context, ...more }
}

function argsOf({ project }: Scene, { node }: ComposeService, say: Say): Record<string, string> {
  const given = within(node, 'build', 'args')
  const args: Record<string, string> = {}
  for (const [name, { key, value }] of entriesOf(given === undefined ? undefined : mapOf(given))) {
    const where = { key: `build.args.${name}`, place: key }
    const text = textIn(value) ?? project.variables.get(name)?.value
    if (text === undefined) {
      say('dropped', where, `nothing sets \`${name}\`, so the Dockerfile's own default holds`)
    } else if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
      say('open', where, `\`${name}\` is no name of an argument`, 'call it otherwise')
    } else if (placeholderIn([text]) === undefined) args[name] = text
    else {
      const said = `a manifest takes ${placeholderIn([text])} for a word of its own`
      say('open', where, said, 'give the argument another value')
    }
  }
  return args
}

function tellOthers({ node }: ComposeService, say: Say): void {
  const build = within(node, 'build')
  if (build?.kind !== 'map') return
  for (const [key, entry] of entriesOf(build)) {
    const where = { key: `build.${key}`, place: entry.key }
    const missed = open.get(key)
    // `privileged: false` is what everybody has.
    const isOff = entry.value.kind === 'scalar' && !isTrue(entry.value) && key === 'privileged'
    const said = dropped.get(key) ?? (isOff ? missed : undefined)
    if (said !== undefined) say('dropped', where, said)
    else if (missed !== undefined)
      say('open', where, missed, 'change the Dockerfile so that it goes without')
  }
}

function buildCommand({ node }: { readonly node: MapNode }, image: string): string {
  const build = within(node, 'build')
  const context = textIn(build) ?? textIn(within(node, 'build', 'context')) ?? '.'
  const file = textIn(within(node, 'build', 'dockerfile'))
  const target = textIn(within(node, 'build', 'target'))
  const given = within(node, 'build', 'args')
  const args = entriesOf(given === undefined ? undefined : mapOf(given)).map(
    ([name, { value }]) => ` --build-arg ${name}${valueText(textIn(value))}`,
  )
  const path = file === undefined ? '' : ` -f ${joinedPath(context, file)}`
  const stage = target === undefined ? '' : ` --target ${target}`
  return `docker build -t ${image}${path}${stage}${args.join('')} ${context} && docker push ${image}`
}

function valueText(value: string | undefined): string {
  if (value === undefined) return ''
  return /^[\w./:@-]*$/.test(value) ? `=${value}` : `='${value.replaceAll("'", "'\\''")}'`
}

function joinedPath(context: string, file: string): string {
  return context === '.' || file.startsWith('/') ? file : `${context.replace(/\/$/, '')}/${file}`
}
