import { parseImageName } from '../../../base/image-name.ts'
import { isAtFault, spotAt, type CellView, type FilledService } from './cell-view.ts'

/**
 * A built image needs a place in a registry, and no tag: its tag is the hash of what it is built
 * from, so that what was built once is found again.
 */
export function checkBuild(view: CellView, name: string, service: FilledService): void {
  const { build, image } = service
  if (build === undefined || isAtFault(view, name, 'image', 'build')) return
  const refuse = (key: 'build' | 'image', message: string, hint: string): void => {
    view.faults.add('build-refused', spotAt(view, 'services', name, key), message, hint)
  }
  if (image === undefined) {
    const hint = `add image: registry.example/${name}, where agents pull it from`
    return refuse('build', `\`${name}\` is built, and nothing says where its image goes`, hint)
  }
  const bare = repositoryOf(image)
  if (bare !== image) {
    const message = `the image of \`${name}\` is built, and its tag is the hash of what it is built from`
    refuse('image', message, `leave the tag out: image: ${bare}`)
  }
}

/** An image's name without its tag or digest. */
export function repositoryOf(image: string): string {
  const [named = ''] = image.split('@')
  // With `{version}` in it, it is no name yet; the registry's port is before the last slash.
  const bare = named.replace(/:[^/]*$/, '')
  return parseImageName(bare) === undefined ? image : bare
}
