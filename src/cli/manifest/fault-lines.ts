import { styleText } from 'node:util'
import type { ManifestFault } from '../../parts/apps/manifest/faults.ts'
import { formatFault } from '../../parts/apps/manifest/format.ts'
import { Refusal } from '../../base/errors.ts'
import { Exit, errorLine, exitCodes, hintLine } from '../terminal/failure.ts'
import { pluralText } from '../terminal/format.ts'
import { printJson, remark } from '../terminal/output.ts'
import type { ManifestFiles } from './source-files.ts'

/** Faults of a manifest as they are shown: the sentence, the line with carets, what would be right. */
function faultLines(fault: ManifestFault, files: ManifestFiles): string[] {
  const [head = '', ...rest] = formatFault(fault, sourceOf(fault, files)).split('\n')
  const tail = rest.map((line) => {
    if (line.startsWith('  = ')) return hintLine(line.slice(4))
    const isCarets = /^ *\^+$/.test(line)
    return styleText(isCarets ? 'red' : 'dim', line, { stream: process.stderr })
  })
  return [errorLine(head), ...tail]
}

/** Prints all faults and ends the command: the manifest is refused. */
export function refuseFaults(
  faults: readonly ManifestFault[],
  files: ManifestFiles,
  json: boolean,
): never {
  if (json) {
    printJson({ valid: false, faults })
    throw new Exit(exitCodes.refused)
  }
  for (const fault of faults) {
    for (const line of faultLines(fault, files)) remark(line)
    remark('')
  }
  remark(`${pluralText(faults.length, 'fault')} in ${files.manifest.file}`)
  throw new Exit(exitCodes.refused)
}

/** The faults that a Refusal of this program or of the server carries; empty for others. */
export function faultsOf(error: unknown): readonly ManifestFault[] {
  const faults = error instanceof Refusal ? error.details?.['faults'] : undefined
  return Array.isArray(faults) ? faults.filter(isFault) : []
}

function isFault(value: unknown): value is ManifestFault {
  if (typeof value !== 'object' || value === null) return false
  const { file, line, column, message, hint, words } = value as Partial<ManifestFault>
  return (
    [file, message, hint, words].every((text) => typeof text === 'string') &&
    [line, column].every((count) => typeof count === 'number')
  )
}

/** The text that a fault's line counts in; the server knows the files by their plain names. */
function sourceOf(fault: ManifestFault, { manifest, platform }: ManifestFiles): string {
  const isPlatform = platform !== undefined && fault.file.endsWith('platform.yaml')
  return isPlatform ? platform.text : manifest.text
}
