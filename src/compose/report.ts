import type { ManifestFault } from '../parts/apps/manifest/faults.ts'
import type { Place } from '../parts/apps/manifest/tree.ts'

/** What became of a line of a compose file. */
export type Outcome =
  /** It means the same in the manifest. */
  | 'carried'
  /** The manifest has it in another form, or with a difference that the sentence names. */
  | 'changed'
  /** The manifest does not have it, and the app does not miss it. */
  | 'dropped'
  /** The manifest does not have it, and the app may miss it: somebody has to decide. */
  | 'open'
  /** The file is wrong there, or leads where it may not: nothing is written. */
  | 'fault'

/** One line of the report. */
export interface ReportLine {
  /** Relative to the project's folder. */
  readonly file: string
  /** From 1. */
  readonly line: number
  /** `services.db.ports`; empty for a fault of the text itself. */
  readonly path: string
  readonly outcome: Outcome
  /** One sentence on what became of it, and why. */
  readonly said: string
  /** What to do about it; empty where nothing has to be done. */
  readonly advice: string
}

/** Lines of a report at the most: a file of 1 MiB could make many more than anybody reads. */
const linesMax = 5_000

/** Collects what became of each line, each sentence once. */
export class Report {
  readonly #first: string
  readonly #lines = new Map<string, ReportLine>()

  /** `first` is the compose file itself: its lines come before those of others. */
  constructor(first: string) {
    this.#first = first
  }

  /** Adds a sentence on what stands at `place`. */
  add(outcome: Outcome, path: string, place: Place, said: string, advice = ''): void {
    const { file, line } = place
    this.#keep({ file, line, path, outcome, said, advice })
  }

  addFaults(faults: readonly ManifestFault[]): void {
    for (const { file, line, path, message, hint } of faults) {
      const shown = path.slice(1).replaceAll('/', '.')
      this.#keep({ file, line, path: shown, outcome: 'fault', said: message, advice: hint })
    }
  }

  /** By file, the compose file first and others as they were met, then by line. */
  lines(): ReportLine[] {
    const all = [...this.#lines.values()]
    const files = [...new Set([this.#first, ...all.map(({ file }) => file)])]
    return all.toSorted((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line)
  }

  #keep(line: ReportLine): void {
    const key = [line.file, line.line, line.path, line.said].join('\0')
    if (this.#lines.size < linesMax) this.#lines.set(key, line)
  }
}
