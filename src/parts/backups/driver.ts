import type { Readable } from 'node:stream'
import type { Moment } from '../../store/port.ts'

/** A backup that is ready to be sent: everything in it is known, down to the last byte. */
export interface PreparedBackup {
  /** The newest commit that is in it. */
  readonly moment: Moment
  readonly sizeBytes: number
  /** The archive; what was prepared for it is removed when it ends or is destroyed. */
  content(): Readable
  /** Removes what was prepared, when the content is not wanted after all. */
  discard(): Promise<void>
}

/** Makes backups of the control plane while it works. */
export interface BackupDriver {
  /**
   * Copies the store as it is at one commit, and looks over all that goes with it. Fault
   * `store-full` or `disk-full` where the copy does not fit: a backup needs the store's size.
   */
  prepare(signal: AbortSignal): Promise<PreparedBackup>
}
