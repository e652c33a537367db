import { noSuggestion } from './suggestion.ts'
import type { Place } from './tree.ts'

/** What is wrong with a manifest, where, and what would be right. */
export interface ManifestFault {
  readonly file: string
  /** Counts from 1. */
  readonly line: number
  /** Counts from 1, in UTF-16 units. */
  readonly column: number
  /** The words at fault, as the file spells them; empty where they must not be repeated. */
  readonly words: string
  /** One sentence on what is wrong. */
  readonly message: string
  /** What would be right, in words a user can act on. */
  readonly hint: string
  /** A JSON pointer to the value. */
  readonly path: string
  readonly code: FaultCode
}

/** What came of reading: a value, or all that keeps it from being one. */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly faults: readonly ManifestFault[] }

/** Every kind of fault with one sentence on it; docs/reference/manifest.md lists them. */
export const faultCodes = {
  'too-large': 'The file is larger than 1 MiB.',
  'too-deep': 'Blocks are nested more deeply than any manifest needs.',
  'too-many-nodes':
    'With its aliases written out the file holds more values than any manifest needs.',
  'hidden-character': 'A control character, or one that changes the direction of the text.',
  'yaml-syntax': 'The text is not YAML 1.2.',
  'document-empty': 'The file has no content, or is no map.',
  'duplicate-key': 'A map has the same key twice.',
  'merge-key': '`<<` belongs to YAML 1.1 and is not read.',
  'forbidden-key': 'A key that is never allowed, such as `__proto__`.',
  'tag-refused': 'Tags such as `!!str`, and %YAML directives, are not read.',
  'bare-boolean': 'A bare no, yes, on, off, y or n, which other tools read as true or false.',
  'unknown-key': 'A key that the grammar does not have.',
  'missing-key': 'A block lacks a key that it cannot be without.',
  'wrong-kind': 'A map where a text should be, a text where a number should be, and so on.',
  'wrong-value': 'A value that is none of those that are possible.',
  'wrong-unit': 'A quantity without its unit, or with one that is not read.',
  'out-of-range': 'A number, a duration, a size or a list that is too small or too large.',
  'bad-name': 'A name that is no DNS label.',
  'bad-path': 'A path that leads out of the directory, or is absolute where it must not be.',
  'bad-host': 'A host that is no host name.',
  'bad-cron': 'A schedule that cannot be read, or never comes.',
  'bad-timezone': 'A time zone that does not exist.',
  'bad-version': 'A version or range that is not semver.',
  'bad-date': 'A day or a time that does not exist.',
  'bad-expression': "An alert's condition that cannot be read.",
  'removed-block': 'A layer adds part of a block that an earlier layer removed.',
  'unknown-layer': 'A delta for an environment, tenant or cell that the platform does not have.',
  'unknown-service': 'A service that the app does not have.',
  'unknown-reference': 'A resource, journey, flag, team or node group that nothing defines.',
  'needs-cycle': 'Services need each other in a circle, so none can be released first.',
  'needs-refused': 'A needed service that cannot be called.',
  'interface-missing': 'A needed interface that the service does not provide.',
  'interface-version': 'A provided interface that does not satisfy the range asked for.',
  'route-conflict': 'Two services claim one host and path in a cell.',
  'route-health': 'A routed service without a check of its own; a port alone is not readiness.',
  'worker-refused':
    'A worker has no port, so it has no route, http check, warm-up or request target.',
  'spread-refused': 'A spread that the number of instances or zones cannot keep.',
  'singleton-refused': 'A singleton with more than one instance.',
  'port-refused': 'A port of its own that the service cannot have.',
  'volume-refused': 'A volume that more than one instance would write to, or at a wrong place.',
  'mount-refused': 'A file that cannot be shown at that path, or cannot go along with a release.',
  'network-refused': 'A shared network for what is no container, or has to stand apart.',
  'container-refused': 'Something that only a container can have, for a process.',
  'build-refused': 'A build without a place for its image, or with a tag that is not its own.',
  'scale-refused': 'A scale whose bounds contradict each other.',
  'cannot-measure': 'A target that nothing measures.',
  'run-missing': 'A service or job that says nothing to run.',
  'run-twice': 'Two ways to say what runs; one of them would be ignored.',
  'run-refused': 'A command line that would not do what it seems to.',
  'step-order': 'Release steps in an order that makes no sense.',
  'weight-refused': 'A share of the customers that leaves none for the comparison.',
  'migrate-refused': 'A contract without an expand, or a step that nothing defines.',
  'secret-value': 'Something other than the reference of a secret.',
  'placeholder-unknown': 'A placeholder outside the closed list.',
  'placeholder-misplaced': 'A placeholder where none is filled in.',
  'domain-missing': '{cell.domain} in a cell for which platform.yaml names no domain.',
  'env-reserved': 'A variable that Roadstead sets itself.',
  'file-not-shipped': 'A file that a release needs and does not take along.',
  'variable-unset': 'A compose file insists on a variable that nothing sets.',
  'variable-refused': 'A variable of a compose file that cannot be filled in as it is written.',
  'file-unreadable': 'A file that a compose file names is not there or cannot be read.',
  'extends-cycle': 'Services or files of compose that extend or include each other in a circle.',
  'not-yet': 'Valid, but this version does not do it yet, so it is refused at deploy.',
} as const

export type FaultCode = keyof typeof faultCodes

/** Faults that are reported at once, at the most: more help nobody. */
export const faultsMax = 50

/** Faults that are collected before the rest is let go: bounds the work on hostile input. */
const collectedMax = 1_000

/** Where a fault lies: the place in the file, and the path to the value. */
export interface Spot {
  readonly place: Place
  readonly path: readonly string[]
}

/** Collects faults, each once. */
export class FaultList {
  readonly #faults = new Map<string, ManifestFault>()

  /** Adds a fault unless the same stands at the same place already. */
  add(code: FaultCode, { place, path }: Spot, message: string, hint = noSuggestion): void {
    if (this.#faults.size >= collectedMax) return
    const { file, line, column } = place
    const words = code === 'secret-value' ? '' : place.words
    const fault = { file, line, column, words, message, hint, path: pointerOf(path), code }
    const key = [file, line, column, code, message].join('\0')
    if (!this.#faults.has(key)) this.#faults.set(key, fault)
  }

  addAll(faults: Iterable<ManifestFault>): void {
    for (const fault of faults) {
      if (this.#faults.size >= collectedMax) return
      const key = [fault.file, fault.line, fault.column, fault.code, fault.message].join('\0')
      if (!this.#faults.has(key)) this.#faults.set(key, fault)
    }
  }

  get isEmpty(): boolean {
    return this.#faults.size === 0
  }

  /** All of them by file and line; callers cut to `faultsMax`. */
  sorted(): ManifestFault[] {
    return [...this.#faults.values()].toSorted(
      (a, b) =>
        (a.file < b.file ? 1 : a.file > b.file ? -1 : 0) || a.line - b.line || a.column - b.column,
    )
  }

  /** `value` when nothing was wrong, else the first `faultsMax` faults. */
  parsed<Value>(value: Value | undefined): Parsed<Value> {
    if (this.isEmpty && value !== undefined) return { ok: true, value }
    return { ok: false, faults: this.sorted().slice(0, faultsMax) }
  }
}

/** A JSON pointer (RFC 6901). */
export function pointerOf(path: readonly string[]): string {
  return path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
