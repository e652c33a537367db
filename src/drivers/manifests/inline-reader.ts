import type { ManifestReader } from '../../parts/apps/driver.ts'
import { explanationOf, releaseContentOf } from '../../parts/apps/manifest/release-content.ts'

/** Reads where it is asked, in one go: for manifests that are small, and worlds without threads. */
export const inlineManifestReader: ManifestReader = {
  async read(input, at) {
    return releaseContentOf(input, at)
  },
  async explain(texts, cell) {
    return explanationOf(texts, cell)
  },
}
