import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** `epoch` of the newest leadership; `folded`, the records' revision; `keep`, the log's floor. */
export type MetaName = 'epoch' | 'folded' | 'keep'

/** Numbers that the store remembers. */
export class Meta {
  readonly #get: StatementSync
  readonly #set: StatementSync

  constructor(database: DatabaseSync) {
    this.#get = database.prepare('SELECT value FROM meta WHERE name = ?')
    this.#set = database.prepare('UPDATE meta SET value = ? WHERE name = ?')
  }

  get(name: MetaName): number {
    return Number(this.#get.get(name)?.['value'] ?? 0)
  }

  set(name: MetaName, value: number): void {
    this.#set.run(value, name)
  }
}
