import type { BoundView } from '../../wire/bounds.ts'
import type { JobView } from '../../wire/jobs.ts'
import type { NodeView, RolloutView } from '../../wire/api.ts'

/** All that the doctor looks at, gathered first: each check is then a small pure function. */
export interface Facts {
  /** Wall ms. */
  readonly now: number
  /** Of this command. */
  readonly version: string
  readonly nodeVersion: string
  readonly server: ServerFacts
  readonly data: DataFacts | undefined
  readonly openFilesMax: number | undefined
  /** Whether this program knows the time zones that schedules name. */
  readonly knowsZones: boolean
}

export type ServerFacts =
  | { readonly is: 'unreachable'; readonly because: string; readonly url: string }
  | { readonly is: 'refused'; readonly because: string; readonly url: string }
  | {
      readonly is: 'there'
      readonly url: string
      readonly version: string
      /** The server's wall clock less ours, in ms, as exact as the answer was quick. */
      readonly skewMs: number
      readonly answeredInMs: number
      readonly nodes: readonly NodeView[]
      readonly bounds: readonly BoundView[]
      readonly rollouts: readonly RolloutView[]
      readonly jobs: readonly JobView[]
    }

/** The data folder, where it is on this machine. */
export interface DataFacts {
  readonly folder: string
  readonly exists: boolean
  /** Permission bits, such as 0o700. */
  readonly mode: number
  readonly freeBytes: number
  readonly freeInodes: number
  /** Token files with their permission bits; undefined: it cannot be read. */
  readonly tokens: readonly { readonly name: string; readonly mode: number | undefined }[]
}
