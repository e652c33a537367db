import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { newId } from '../base/ids.ts'
import type { InstanceDriver, Stray } from '../parts/instances/driver.ts'
import type { Finding } from '../parts/nodes/model.ts'
import { bounded } from './sentences.ts'

/**
 * Looks now and then whether the node is as the agent left it: its records, the unpacked artifacts,
 * and that nothing else runs or lies in its area. What differs is undone and told to the server.
 */
export interface DriftWatchOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly driver: Pick<InstanceDriver, 'strays' | 'endStray'>
  /** Ids of the instances that the agent knows, ended ones whose output is kept included. */
  readonly known: () => ReadonlySet<string>
  /** Writes again the records that somebody removed; answers whose they are. */
  readonly restoreRecords: () => Promise<readonly string[]>
  /** Unpacks anew what somebody changed; answers what it was, and whose. */
  readonly restoreArtifacts: () => Promise<readonly { digest: string; instanceIds: string[] }[]>
}

/** Findings that wait for the server at the most; the oldest go first. */
const pendingMax = 100

/** The same is told again after this long at the soonest: what dies all the time is no news, in ms. */
const toldAgainMs = 60_000

/** Different findings whose last telling is remembered. */
const rememberedMax = 1_000

export class DriftWatch {
  readonly #options: DriftWatchOptions
  readonly #pending = new Map<string, Finding>()
  /** When a finding was told last, by what it is about; monotonic ms. */
  readonly #told = new Map<string, number>()
  /** Seen in the look before: what is just being made or ended is gone by the next one. */
  #suspects: ReadonlySet<string> = new Set()
  #dropped = 0

  constructor(options: DriftWatchOptions) {
    this.#options = options
  }

  /** What is still to be told, oldest first. */
  get pending(): readonly Finding[] {
    return [...this.#pending.values()]
  }

  /** Findings that the bound has cost. */
  get dropped(): number {
    return this.#dropped
  }

  /** The server keeps these now. */
  acknowledge(ids: readonly string[]): void {
    for (const id of ids) this.#pending.delete(id)
  }

  /** Notes a finding; the same about the same thing is no news for a while. */
  note(kind: Finding['kind'], about: string, what: string): void {
    const { clock, random, log } = this.#options
    const subject = `${kind} ${about}`
    const now = clock.monotonic()
    const last = this.#told.get(subject)
    if (last !== undefined && now - last < toldAgainMs) return
    this.#told.delete(subject)
    this.#told.set(subject, now)
    dropOldest(this.#told, rememberedMax)
    log.warn('found what nobody asked for', { kind, what })
    const finding = {
      id: newId('find', random),
      kind,
      what: bounded(what, whatMax),
      at: clock.now(),
    }
    this.#pending.set(finding.id, finding)
    this.#dropped += dropOldest(this.#pending, pendingMax)
  }

  /** One look at everything. */
  async look(): Promise<void> {
    for (const id of await this.#options.restoreRecords()) {
      this.note('record-removed', id, `the record of ${id} was removed by hand; written again`)
    }
    for (const { digest, instanceIds } of await this.#options.restoreArtifacts()) {
      const whose = instanceIds.length === 0 ? 'nothing runs it' : instanceIds.join(', ')
      const fate = `unpacked anew; others take the place of what ran it: ${whose}`
      this.note('altered', digest, `artifact ${digest.slice(0, 19)} was altered by hand; ${fate}`)
    }
    await this.#lookForStrays()
  }

  async #lookForStrays(): Promise<void> {
    const { driver, known } = this.#options
    const strays = await driver.strays(known())
    const sure = strays.filter((stray) => this.#suspects.has(nameOf(stray)))
    this.#suspects = new Set(strays.map(nameOf))
    for (const stray of sure) {
      await driver.endStray(stray)
      if (stray.is === 'process') {
        const what = `process ${stray.pid} (${stray.command}) belongs to no instance; ended`
        this.note('stray-process', String(stray.pid), what)
      } else if (stray.is === 'container') {
        const what = `container ${stray.id.slice(0, 12)} of ${stray.name} belongs to no instance`
        this.note('stray-process', stray.id, `${what}; removed`)
      } else {
        this.note(
          'stray-folder',
          stray.name,
          `folder ${stray.name} belongs to no instance; removed`,
        )
      }
    }
  }
}

/** Characters of a finding's sentence. */
const whatMax = 512

function nameOf(stray: Stray): string {
  if (stray.is === 'container') return stray.id
  return stray.is === 'process' ? `${stray.pid} ${stray.started}` : stray.name
}

function dropOldest(map: Map<string, unknown>, most: number): number {
  let dropped = 0
  for (const key of map.keys()) {
    if (map.size <= most) break
    map.delete(key)
    dropped++
  }
  return dropped
}
