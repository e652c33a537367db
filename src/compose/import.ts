import { validateManifest } from '../parts/apps/manifest/manifest.ts'
import { convertProject } from './convert/project.ts'
import { readProject } from './project.ts'
import { Report, type Outcome, type ReportLine } from './report.ts'
import type { ComposeSource } from './source.ts'

/** What came of a compose file. */
export interface Imported {
  /** The text of roadstead.yaml; undefined where a line of the report is a fault. */
  readonly manifest: string | undefined
  /** What became of each line of the compose files. */
  readonly lines: readonly ReportLine[]
}

/**
 * Makes a manifest of a compose file, and says of each line what became of it.
 *
 * Never throws for what stands in the files: either there is a manifest, which validates, or a line
 * of the report is a fault.
 */
export async function importCompose(source: ComposeSource): Promise<Imported> {
  const report = new Report(source.file)
  const project = await readProject(source, report)
  const text = project === undefined ? undefined : await convertProject(project, source, report)
  if (text !== undefined && project !== undefined && countOf(report.lines(), 'fault') === 0) {
    const valid = validateManifest({ text, file: 'roadstead.yaml' }, undefined)
    if (!valid.ok) {
      for (const { path, message, hint } of valid.faults) {
        const said = `the manifest made of it would be refused at ${path}: ${message}`
        report.add('fault', '', project.root.place, said, hint)
      }
    }
  }
  const lines = report.lines()
  return { manifest: countOf(lines, 'fault') === 0 ? text : undefined, lines }
}

/** How many lines of a report have an outcome. */
export function countOf(lines: readonly ReportLine[], outcome: Outcome): number {
  return lines.filter((line) => line.outcome === outcome).length
}
