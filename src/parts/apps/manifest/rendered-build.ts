import { digestOfData, type Digest } from '../../../base/digest.ts'
import type { FilledBuild } from './cell-view.ts'
import { tidyPath } from './tidy-path.ts'
import { durationOf, sizeOf } from './units.ts'

/** What decides what comes of a build, beside the files of its context. */
export interface BuildRecipe {
  /** Within the context. */
  readonly dockerfile: string
  /** The stage that becomes the image; null: the last one. */
  readonly target: string | null
  readonly args: Readonly<Record<string, string>>
}

/** What an image is built from, in the units of the model. */
export interface ImageBuild extends BuildRecipe {
  /** The folder, relative to the manifest's, as `sourcesOf` names it. */
  readonly context: string
  /** Cores that are set aside on its node. */
  readonly cpu: number
  /** Of each of its steps. */
  readonly memoryBytes: number
  readonly timeoutMs: number
}

export function buildOf(build: FilledBuild): ImageBuild {
  const { context, dockerfile, target, args, cpu, memory, timeout } = build
  return {
    context: tidyPath(context),
    dockerfile: tidyPath(dockerfile),
    target: target ?? null,
    args: { ...args },
    cpu,
    memoryBytes: sizeOf(memory),
    timeoutMs: durationOf(timeout),
  }
}

/** Of the hash in a tag, in hexadecimal digits: 96 bits are enough for what nobody counterfeits. */
const tagDigits = 24

/**
 * What a built image is called: its tag is the hash of what it is built from, so whether that was
 * built before is asked of the registry, by name. The server and the command line say the same.
 */
export function builtImageOf(repository: string, context: Digest, recipe: BuildRecipe): string {
  const { dockerfile, target, args } = recipe
  const hash = digestOfData([1, context, dockerfile, target, args]).slice('sha256:'.length)
  return `${repository}:b-${hash.slice(0, tagDigits)}`
}
