import type { Revision } from '../../store/port.ts'
import type { ChainTip, Checkpoint, SealedRecord } from './model.ts'

/** A file of the chain. */
export interface Segment {
  readonly name: string
  /** The first revision in it, as its name says. */
  readonly first: Revision
}

/** Where sealed records are kept, by one writer. */
export interface AuditChain {
  /** The first and the last record that are kept; undefined before the first seal. */
  readonly first: Revision | undefined
  readonly tip: ChainTip | undefined
  /** Bytes that all segments take. */
  readonly sizeBytes: number
  /** Where the chain has to begin to be within its bound; undefined while it is. */
  readonly surplusBefore: Revision | undefined
  /** Segments that were dropped since the start. */
  readonly dropped: number
  /**
   * Adds records behind the tip; durable when it resolves. After a Fault (`audit-failed`) the tip
   * is where it was, whatever was written, and the same records may be added again.
   */
  append(records: readonly SealedRecord[]): Promise<void>
  /** The segments, oldest first. */
  segments(): readonly Segment[]
  /** The lines of a segment as they are: what was tampered with is for the reader to find. */
  lines(segment: Segment): Promise<readonly string[]>
  /** Drops the segments before a revision; a checkpoint has said before that it begins there. */
  dropBefore(revision: Revision): Promise<void>
  close(): Promise<void>
}

/** Signs where the chain stands, and keeps it apart from the chain. */
export interface Checkpoints {
  readonly newest: Checkpoint | undefined
  /** The public keys of all checkpoints that lie there, as PEM. */
  readonly publicKey: string
  /** Durable when it resolves; Fault `audit-failed`. */
  make(statement: Omit<Checkpoint, 'key' | 'signature' | 'format'>): Promise<Checkpoint>
}
