import type { Readable } from 'node:stream'
import type { ArtifactRef } from './model.ts'

/**
 * Bounds of one archive; whatever passes one of them is refused whole. They stand here and not in
 * the model, for an agent that unpacks needs no schemas: loading those costs it some 10 MB.
 */
export const archiveLimits = {
  /** Bytes as packed. */
  packedBytesMax: 512 * 1024 * 1024,
  /** Bytes as unpacked: stops a bomb before the disk is full. */
  unpackedBytesMax: 2 * 1024 * 1024 * 1024,
  entriesMax: 100_000,
  pathBytesMax: 1_024,
} as const

/** Bounds of what one service mounts: configuration and pages, not data, fetched beside its image. */
export const mountLimits = {
  ...archiveLimits,
  packedBytesMax: 64 * 1024 * 1024,
  unpackedBytesMax: 64 * 1024 * 1024,
  entriesMax: 10_000,
} as const

/** Something that is packed at a place of its own. */
export interface PlacedSource {
  /** In the archive, absolute as it is seen: `/etc/nginx/nginx.conf`. */
  readonly path: string
  /** A file or folder below the directory that is packed, or what the file holds. */
  readonly from: { readonly file: string } | { readonly content: string }
}

/** Where the server keeps artifacts, content-addressed. */
export interface BlobStore {
  /**
   * Stores a stream under its digest; nothing is kept unless all of it came and the digest is
   * right. Refusals: `digest-mismatch` (422), `upload-incomplete` (400), `artifact-too-large`
   * (413). Fault `disk-full`. Storing what is there already succeeds.
   */
  put(digest: string, content: Readable, signal: AbortSignal): Promise<ArtifactRef>
  /** The content, or undefined when there is none. */
  get(
    digest: string,
  ): Promise<{ readonly content: Readable; readonly sizeBytes: number } | undefined>
  has(digest: string): Promise<boolean>
  list(): Promise<readonly ArtifactRef[]>
  remove(digest: string): Promise<void>
}

/** Packs a directory, and unpacks what somebody packed. */
export interface Archiver {
  /**
   * Packs `directory` into the file `target`, deterministically: the same files give the same
   * digest anywhere. Honours .gitignore, leaves out .git; Refusal `secret-file` for a .env.
   */
  pack(directory: string, target: string, only?: readonly string[]): Promise<ArtifactRef>
  /**
   * Unpacks the file `archive` into `directory`, which must not exist yet and exists only when all
   * went well. Refusal `archive-unsafe` (`../`, absolute paths, links that leave, devices, setuid,
   * more than `archiveLimits`), `digest-mismatch`, `archive-truncated`: nothing is kept.
   */
  unpack(archive: string, digest: string, directory: string): Promise<void>
}
