import { Bug } from '../base/errors.ts'
import { kindOf, type Key } from '../base/key.ts'
import type { Observations } from './observations.ts'
import type { Entry, Kind, Revision, Snapshot } from './port.ts'
import { RecordTable } from './record-table.ts'

/** The tables of all kinds, as they are now: whoever reads without a pause reads one revision. */
export class LiveSnapshot implements Snapshot {
  readonly observations: Observations
  /** Written by the state alone, once all of a commit is in its tables. */
  revision: Revision
  readonly #tables = new Map<string, RecordTable>()

  constructor(kinds: readonly Kind<unknown>[], observations: Observations, revision: Revision) {
    for (const kind of kinds) this.#tables.set(kind.name, new RecordTable(kind))
    this.observations = observations
    this.revision = revision
  }

  get<T>(kind: Kind<T>, key: Key): Entry<T> | undefined {
    return this.#known(kind.name).get(key) as Entry<T> | undefined
  }

  list<T>(kind: Kind<T>): Entry<T>[] {
    return this.#known(kind.name).list() as Entry<T>[]
  }

  find<T>(kind: Kind<T>, index: string, value: string): Entry<T>[] {
    return this.#known(kind.name).find(index, value) as Entry<T>[]
  }

  /** The table that `key` belongs into; undefined for a kind of another version. */
  tableOf(key: Key): RecordTable | undefined {
    return this.#tables.get(kindOf(key))
  }

  tables(): Iterable<RecordTable> {
    return this.#tables.values()
  }

  #known(kind: string): RecordTable {
    const table = this.#tables.get(kind)
    if (table === undefined) throw new Bug(`the state was opened without the kind ${kind}`)
    return table
  }
}
