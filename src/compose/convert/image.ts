import { parseImageName } from '../../base/image-name.ts'
import { splitWords, textIn, textsIn, within } from '../values.ts'
import { convertBuild } from './build.ts'
import { placeholderIn } from './names.ts'
import type { ComposeService, Draft, Say, Scene } from './scene.ts'

/** What runs: an image, or what one is built from. */

/** False where the service has nothing that could run. */
export function convertImage(
  scene: Scene,
  service: ComposeService,
  draft: Draft,
  say: Say,
): boolean {
  const { node } = service
  const image = textIn(within(node, 'image'))
  const build = within(node, 'build')
  if (image === undefined && build === undefined) {
    if (within(node, 'provider') !== undefined) {
      const said = 'a program of the machine makes it, and not a container'
      say('open', 'provider', said, 'deploy what it makes by itself, and name it in `env`')
      return false
    }
    const advice = 'give it an image'
    say('fault', '', `\`${service.name}\` has neither an image nor a build`, advice)
    return false
  }
  if (image !== undefined && parseImageName(image) === undefined) {
    say('fault', 'image', `\`${image}\` is no name of an image`, 'for instance nginx:1.29')
    return false
  }
  if (build !== undefined) {
    convertBuild(scene, service, image, draft, say)
    return true
  }
  draft.image = image ?? ''
  const isFixed = image?.includes('@sha256:') === true
  say('carried', 'image', isFixed ? image : `${image}, by its digest at each deploy`)
  return true
}

/** `entrypoint` and `command`, which a manifest calls `run` and `args`. */
export function convertCommand(service: ComposeService, draft: Draft, say: Say): void {
  const entrypoint = wordsOf(service, 'entrypoint')
  const command = wordsOf(service, 'command')
  const all = [...(entrypoint ?? []), ...(command ?? [])]
  if (all.some((word) => word.length > 16_384) || all.length > 200) {
    const advice = 'put it into a script of the image'
    say('open', 'command', 'the command is longer than a manifest may say it', advice)
    return
  }
  const placeholder = placeholderIn(all)
  if (placeholder !== undefined) {
    const said = `a manifest takes ${placeholder} for a word of its own, so it is not carried`
    const key = entrypoint === undefined ? 'command' : 'entrypoint'
    say('open', key, said, 'put the command into a script of the image')
    return
  }
  if (entrypoint === undefined) {
    if (command === undefined) return
    if (command.length === 0) {
      const advice = 'build an image without CMD if it has to go without'
      say('open', 'command', "an empty command: the image's own arguments stay", advice)
      return
    }
    draft.args = command
    say('carried', 'command', "`args` of the image's own entrypoint")
    return
  }
  if ((all[0] ?? '').trim() === '') {
    const advice = 'name the program under `run`'
    say('open', 'entrypoint', 'an empty entrypoint without a command: nothing would run', advice)
    return
  }
  draft.run = all
  say('carried', 'entrypoint', command === undefined ? 'as `run`' : 'as `run`, with the command')
  if (command !== undefined) say('carried', 'command', 'as the arguments of `run`')
}

/** Undefined where nothing is said, or `null`. */
function wordsOf({ node }: ComposeService, key: string): string[] | undefined {
  const value = within(node, key)
  if (value === undefined || (value.kind === 'scalar' && value.value === null)) return undefined
  return value.kind === 'list' ? textsIn(value) : splitWords(textIn(value) ?? '')
}
