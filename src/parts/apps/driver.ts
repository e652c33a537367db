import type { Digest } from '../../base/digest.ts'
import type { AppCell, Cell } from '../tenants/model.ts'
import type { Explanation } from './manifest/print.ts'
import type { DeployInput, ManifestContent, ManifestTexts } from './manifest/release-content.ts'

/** Who reads a manifest for a deploy: at once, or off the loop that serves requests. */
export interface ManifestReader {
  /**
   * What a deploy into a cell would release. Refusals as of `releaseContentOf`, and `manifest-busy`
   * (429) when too many wait, `manifest-too-slow` (422) when one takes beyond all measure.
   */
  read(input: DeployInput, at: AppCell): Promise<ManifestContent>
  /** How a manifest reads in a cell, and where each line is from. Refusals as of `read`. */
  explain(texts: ManifestTexts, cell: Cell): Promise<Explanation>
}

/** Who knows what the name of an image means now. */
export interface ImageRegistry {
  /**
   * The digest of an image, or of its list of images for several machines. Refusals:
   * `image-invalid`, `image-unknown`, `registry-unauthorized`, `registry-silent`,
   * `registry-failed`, `registry-config-invalid`, `digest-mismatch`.
   */
  resolve(image: string): Promise<Digest>
}
