/**
 * A control loop in five names: `keysOf`, `observe`, `plan`, `apply`, and the loop that runs them
 * (server/controllers.ts).
 *
 * `observe` has no clock, `plan` has no store, `apply` has no snapshot, so reading, deciding and
 * doing cannot be mixed. Level-based: a pass never learns what woke it, so lost, repeated and
 * reordered wake-ups are harmless.
 */
export interface Controller<Change, Snapshot, View, Action> {
  /** The glossary's name of what it controls, such as `instances`. */
  readonly name: string
  /** The keys that a change concerns; each is passed over once, however many changes named it. */
  keysOf(change: Change, snapshot: Snapshot): Iterable<string>
  /** Every key that exists, for the passes at start and every 60 s. */
  allKeys(snapshot: Snapshot): Iterable<string>
  /** Copies what the plan needs; undefined when nothing of that key is left. Synchronous. */
  observe(key: string, snapshot: Snapshot): View | undefined
  /** Decides. Pure: no clock, no store, no await. */
  plan(view: View, now: number): Plan<Action>
  /** Carries out one action, idempotent, guarded by the revision that it was decided on. */
  apply(action: Action, signal: AbortSignal): Promise<void>
}

/** What a control loop decided, with one sentence why. */
export interface Plan<Action> {
  readonly actions: readonly Action[]
  /** One sentence for people; read in the CLI, the console and the log. */
  readonly because: string
  /** Wall time in ms at which the key is passed over again even if nothing changes. */
  readonly wakeAt?: number | undefined
}
