import type { AppCell } from '../tenants/model.ts'
import type { DeployInput, ReleaseContent } from './manifest/release-content.ts'

/** Who reads a manifest for a deploy: at once, or off the loop that serves requests. */
export interface ManifestReader {
  /**
   * What a deploy into a cell would release. Refusals as of `releaseContentOf`, and `manifest-busy`
   * (429) when too many wait, `manifest-too-slow` (422) when one takes beyond all measure.
   */
  read(input: DeployInput, at: AppCell): Promise<ReleaseContent>
}
