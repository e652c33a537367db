import { isDeepStrictEqual } from 'node:util'
import type { Key } from '../../src/base/key.ts'
import { recordKinds } from '../../src/cli/server-parts.ts'
import type { CommittedChange, Kind, Revision, Snapshot } from '../../src/store/port.ts'
import type { SimEvent, SimView, Violation } from '../view.ts'
import { Promised } from './checker.ts'
import type { RecordIndex } from './record-index.ts'

/** What is promised of the store: what it has acknowledged, who may write, and what the log says. */

/** S6: what was acknowledged stays. */
export class AcknowledgedStays extends Promised {
  readonly invariant = 'S6'
  readonly promise =
    'A write that was acknowledged is in the store at its revision, and stays until a later write replaces it; no revision is ever given twice.'
  readonly hears = ['commit', 'acknowledged'] as const
  readonly #index: RecordIndex
  /** The revision of the newest commit that wrote or deleted each key. */
  readonly #written = new Map<string, Revision>()
  #newest: Revision = 0

  constructor(index: RecordIndex) {
    super()
    this.#index = index
  }

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'commit') return this.#commit(event.change, view)
    if (event.is !== 'acknowledged') return undefined
    const { revision, keys } = event
    const missing = keys.find((key) => (this.#written.get(key) ?? 0) < revision)
    if (missing !== undefined) {
      return this.broken(
        view,
        `${missing} was acknowledged at revision ${revision} and is not in the store`,
      )
    }
    if (revision <= this.#newest) return undefined
    return this.broken(
      view,
      `revision ${revision} was acknowledged; the store is at ${this.#newest}`,
    )
  }

  #commit(change: CommittedChange, view: SimView): Violation | undefined {
    this.#index.take(change)
    const { revision, operations } = change
    for (const { key } of operations) this.#written.set(key, revision)
    const expected = this.#newest + 1
    this.#newest = Math.max(this.#newest, revision)
    if (revision === expected) return undefined
    return this.broken(
      view,
      `revision ${revision} follows ${expected - 1}: one was lost or given twice`,
    )
  }
}

/** S7: who no longer leads writes nothing. */
export class NoOldTerm extends Promised {
  readonly invariant = 'S7'
  readonly promise =
    'Once a leadership has committed, no commit of an earlier one is taken, and each epoch is of one server.'
  readonly hears = ['commit'] as const
  #newest = 0
  #leader: string | undefined

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is !== 'commit') return undefined
    const { epoch, by, change } = event
    if (epoch > this.#newest || this.#leader === undefined) {
      this.#newest = epoch
      this.#leader = by
      return undefined
    }
    if (epoch === this.#newest && by === this.#leader) return undefined
    return this.broken(
      view,
      `${by} committed revision ${change.revision} under epoch ${epoch}, while ${this.#leader ?? 'nobody'} leads under ${this.#newest}`,
    )
  }
}

/** S18: one line of the log for every change, saying who, what and why. */
export class EveryChangeAudited extends Promised {
  readonly invariant = 'S18'
  readonly promise =
    'Every commit says who did what and why, and is exactly one entry of the ordered log, with the keys that it wrote.'
  readonly hears = ['commit', 'end'] as const
  /** Keys by revision, of the newest commits. */
  readonly #commits = new Map<Revision, string>()

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'commit') return this.#commit(event.change, view)
    return event.is === 'end' ? this.#compare(view) : undefined
  }

  #commit(change: CommittedChange, view: SimView): Violation | undefined {
    const { revision, attribution, operations } = change
    const { who, what, why } = attribution
    this.#commits.set(revision, keysOf(operations.map(({ key }) => key)))
    if (this.#commits.size > loggedMax) {
      const [oldest] = this.#commits.keys()
      if (oldest !== undefined) this.#commits.delete(oldest)
    }
    if (who !== '' && what !== '' && why !== '') return undefined
    return this.broken(
      view,
      `revision ${revision} does not say who (${who}), what (${what}) and why (${why})`,
    )
  }

  #compare(view: SimView): Violation | undefined {
    const entries = view.log?.()
    if (entries === undefined) return undefined
    const seen = new Set<Revision>()
    for (const { revision, keys } of entries) {
      const committed = this.#commits.get(revision)
      if (seen.has(revision)) return this.broken(view, `the log has revision ${revision} twice`)
      seen.add(revision)
      if (committed === undefined || committed === keysOf(keys)) continue
      return this.broken(
        view,
        `the log tells revision ${revision} of ${keysOf(keys)}, not of ${committed}`,
      )
    }
    const first = Math.min(Infinity, ...seen)
    const missing = [...this.#commits.keys()].find((one) => one >= first && !seen.has(one))
    const isEmpty = seen.size === 0 && this.#commits.size > 0
    if (missing === undefined && !isEmpty) return undefined
    return this.broken(view, `the log has no entry for revision ${missing ?? 'any'}`)
  }
}

/** Commits that are compared with the log at the end. */
const loggedMax = 20_000

function keysOf(keys: readonly string[]): string {
  return keys.toSorted().join(' ')
}

/** Commits after which the log that is kept for the replay becomes a snapshot. */
const snapshotEvery = 1_000

/** D2: a snapshot and the log after it make the same state. */
export class ReplayIsSame extends Promised {
  readonly invariant = 'D2'
  readonly promise =
    'A snapshot of the records as JSON, with the log after it replayed, gives the records of the store and of the server that leads, each of them and no other.'
  readonly hears = ['commit', 'end'] as const
  readonly #snapshot = new Map<Key, string>()
  #log: CommittedChange[] = []
  #revision: Revision = 0

  check(event: SimEvent, view: SimView): Violation | undefined {
    if (event.is === 'commit') {
      this.#log.push(event.change)
      this.#revision = event.change.revision
      if (this.#log.length >= snapshotEvery) this.#replay()
      return undefined
    }
    if (event.is !== 'end') return undefined
    this.#replay()
    const { leader } = view
    const ofStore = this.#compare('the store', view.records, view)
    if (ofStore !== undefined || leader === undefined) return ofStore
    return this.#compare('the leading server', leader.snapshot, view)
  }

  #replay(): void {
    for (const operation of this.#log.flatMap(({ operations }) => operations)) {
      const { op, key } = operation
      if (op === 'delete') this.#snapshot.delete(key)
      else this.#snapshot.set(key, JSON.stringify(operation.value))
    }
    this.#log = []
  }

  #compare(whose: string, records: Snapshot, view: SimView): Violation | undefined {
    if (records.revision !== this.#revision) return undefined
    const seen = new Set<Key>()
    for (const kind of recordKinds) {
      for (const { key, value } of records.list(kind as unknown as Kind<unknown>)) {
        seen.add(key)
        const text = this.#snapshot.get(key)
        if (text === undefined) return this.broken(view, `${whose} has ${key}, the replay has not`)
        if (isDeepStrictEqual(JSON.parse(text), value)) continue
        return this.broken(view, `${key} of ${whose} is not what the replay makes of it`)
      }
    }
    const missing = [...this.#snapshot.keys()].find((key) => !seen.has(key))
    if (missing === undefined) return undefined
    return this.broken(view, `${whose} lacks ${missing}, the replay has it`)
  }
}
