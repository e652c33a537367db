import type { RefusalOptions } from '../../base/errors.ts'
import type { Explanation } from '../../parts/apps/manifest/print.ts'
import type {
  DeployInput,
  ManifestContent,
  ManifestTexts,
} from '../../parts/apps/manifest/release-content.ts'
import type { AppCell, Cell } from '../../parts/tenants/model.ts'

/** What goes to the thread that reads manifests, and what comes back: one answer per question. */

export type ReadQuestion =
  | { readonly asks: 'content'; readonly input: DeployInput; readonly at: AppCell }
  | { readonly asks: 'explanation'; readonly texts: ManifestTexts; readonly cell: Cell }

export type ReadAnswer =
  | { readonly is: 'content'; readonly content: ManifestContent }
  | { readonly is: 'explanation'; readonly explanation: Explanation }
  /** An error does not keep its class on its way between threads. */
  | {
      readonly is: 'refused'
      readonly code: string
      readonly message: string
      readonly options: RefusalOptions
    }
  | { readonly is: 'failed'; readonly message: string }
