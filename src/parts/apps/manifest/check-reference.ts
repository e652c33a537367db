import { namesIn, spotAt, type CellView } from './cell-view.ts'
import { didYouMean } from './suggestion.ts'

/** A reference to a resource that the app defines. */
export function checkResource(view: CellView, resource: string, ...path: string[]): void {
  checkReference(view, 'resources', 'resource', resource, path)
}

/** A reference to something that a block of the app defines. */
export function checkReference(
  view: CellView,
  block: string,
  noun: string,
  referred: string,
  path: readonly string[],
): void {
  const names = namesIn(view, block)
  if (names.includes(referred)) return
  const hint = didYouMean(referred, names, `define it under \`${block}\``)
  const message = `there is no ${noun} \`${referred}\``
  view.faults.add('unknown-reference', spotAt(view, ...path), message, hint)
}
