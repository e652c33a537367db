import type { archiveLimits } from '../../parts/artifacts/driver.ts'

/** Bounds of one archive, of the form of `archiveLimits`: tests take smaller ones. */
export type ArchiveLimits = { readonly [Name in keyof typeof archiveLimits]: number }
