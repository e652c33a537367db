import { Refusal } from '../../base/errors.ts'
import type { ReportLine } from '../../compose/report.ts'
import { readPlatformBeside, type ManifestFiles } from '../manifest/source-files.ts'
import { pluralText } from '../terminal/format.ts'
import { remark } from '../terminal/output.ts'
import { importFile, type ComposeOptions } from './compose-file.ts'
import { countsOf, reportLines, reportSummary } from './report-lines.ts'

/**
 * A compose file as the files of a deploy, its report shown before anything is done. Refused where
 * it is wrong, and where something is not carried that may be missed, unless that is accepted.
 */
export async function readComposeFiles(
  json: boolean,
  file: string,
  options: ComposeOptions & { readonly accept?: boolean },
): Promise<ManifestFiles> {
  const { manifest, lines, name, directory } = await importFile(file, options)
  if (!json) {
    for (const line of reportLines(lines)) remark(line)
    remark(reportSummary(lines))
  }
  if (manifest === undefined) throw wrong(name, lines)
  const { open } = countsOf(lines)
  if (open > 0 && options.accept !== true) throw undecided(name, open, lines)
  const platform = await readPlatformBeside(directory)
  return { directory, manifest: { text: manifest, file: `the manifest of ${name}` }, platform }
}

function wrong(name: string, lines: readonly ReportLine[]): Refusal {
  const faults = lines.filter(({ outcome }) => outcome === 'fault')
  const [first] = faults
  const at = `${first?.file}:${first?.line}`
  const rest = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  const hint = first?.advice ?? ''
  return new Refusal('compose-invalid', `${at}: ${first?.said ?? `${name} is wrong`}${rest}`, {
    status: 422,
    ...(hint === '' ? {} : { hint }),
    details: { lines: faults },
  })
}

function undecided(name: string, open: number, lines: readonly ReportLine[]): Refusal {
  const message = `${pluralText(open, 'line')} of ${name} cannot be carried, and may be missed`
  return new Refusal('compose-undecided', message, {
    status: 422,
    hint: `--accept goes on without them; \`roadstead import ${name}\` gives a manifest to complete`,
    details: { lines: lines.filter(({ outcome }) => outcome === 'open') },
  })
}
