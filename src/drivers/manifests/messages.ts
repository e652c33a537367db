import type { RefusalOptions } from '../../base/errors.ts'
import type { DeployInput, ManifestContent } from '../../parts/apps/manifest/release-content.ts'
import type { AppCell } from '../../parts/tenants/model.ts'

/** What goes to the thread that reads manifests, and what comes back: one answer per question. */

export interface ReadQuestion {
  readonly input: DeployInput
  readonly at: AppCell
}

export type ReadAnswer =
  | { readonly is: 'content'; readonly content: ManifestContent }
  /** An error does not keep its class on its way between threads. */
  | {
      readonly is: 'refused'
      readonly code: string
      readonly message: string
      readonly options: RefusalOptions
    }
  | { readonly is: 'failed'; readonly message: string }
