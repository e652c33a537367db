import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Disk } from '../base/disk.ts'
import { messageOf } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { parseTable, printTable } from './parse-table.ts'
import type { RoutingTable } from './routing-table.ts'

/** Between two writes at least, in ms; a change after a pause is written at once. */
const gapMs = 100

/**
 * Printing may take one part in so many of the time: a table of 3 MB costs the data plane 20 ms. The
 * write itself costs it nothing, however long the disk takes: what is new is never kept back for it.
 */
const shareOfTime = 20

/**
 * Rules 8 and 12 of docs/reference/rules.md: the last known good table outlives the server.
 *
 * The last table on disk (`table.json`), so that an ingress that starts serves before the server
 * answers. It trails the table in use by one write and a short gap; the file is replaced whole, so
 * a crash leaves the one before. A disk that fails costs only this: serving goes on.
 */
export class TableFile {
  readonly #disk: Disk
  readonly #folder: string
  readonly #path: string
  readonly #clock: Clock
  readonly #log: Log
  #next: RoutingTable | undefined
  #writing: Promise<void> | undefined
  #isClosing = false

  constructor(
    folder: string,
    options: { readonly disk: Disk; readonly clock: Clock; readonly log: Log },
  ) {
    this.#disk = options.disk
    this.#folder = folder
    this.#path = join(folder, 'table.json')
    this.#clock = options.clock
    this.#log = options.log
  }

  /** The table of the last run; undefined when there is none that can be read. */
  async read(): Promise<RoutingTable | undefined> {
    let text: string | undefined
    try {
      text = await this.#disk.read(this.#path)
    } catch (error) {
      this.#log.warn('the last table cannot be read', { because: messageOf(error) })
    }
    if (text === undefined) return undefined
    const table = parseTable(text)
    if (table === undefined) this.#log.warn('the last table is damaged', { path: this.#path })
    return table
  }

  /** Writes the table soon; of several only the last. */
  save(table: RoutingTable): void {
    this.#next = table
    this.#writing ??= this.#writeAll()
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    this.#isClosing = true
    while (this.#writing !== undefined) await this.#writing
  }

  async #writeAll(): Promise<void> {
    while (this.#next !== undefined) {
      const startedAt = this.#clock.monotonic()
      const text = printTable(this.#next)
      this.#next = undefined
      const tookMs = this.#clock.monotonic() - startedAt
      await this.#write(text)
      if (!this.#isClosing) await this.#clock.sleep(Math.max(gapMs, tookMs * shareOfTime))
    }
    this.#writing = undefined
  }

  async #write(text: string): Promise<void> {
    try {
      await this.#disk.makeFolder(this.#folder)
      await this.#disk.replace(this.#path, text)
    } catch (error) {
      this.#log.warn('the table cannot be written', { because: messageOf(error) })
    }
  }
}
