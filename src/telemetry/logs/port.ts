import type { AppCell } from '../../parts/tenants/model.ts'
import type { LogBatch, LogLine } from '../../wire/agent.ts'

/** A line as it is stored. */
export interface StoredLine extends LogLine {
  readonly at: number
  readonly instanceId: string
  readonly service: string
  readonly releaseId: string
}

export interface LogSearch {
  readonly cell: AppCell
  readonly service?: string | undefined
  readonly instanceId?: string | undefined
  /** The newest `limit` lines, oldest first. */
  readonly limit: number
}

/** What instances printed, kept after their death within a bound on disk. */
export interface LogStore {
  /**
   * Appends; a batch whose lines are stored already (by instance and offset) is skipped, a partly
   * stored one is completed. Resolves once the lines are in the operating system's hands.
   */
  append(batch: LogBatch): Promise<void>
  search(search: LogSearch): Promise<readonly StoredLine[]>
  /** Lines as they come in, until the signal aborts; a slow reader is told how many it missed. */
  follow(search: Omit<LogSearch, 'limit'>, signal: AbortSignal): AsyncIterable<StoredLine>
  /** How many lines of an instance are stored: where its agent goes on. */
  offset(instanceId: string): number
  close(): Promise<void>
}
