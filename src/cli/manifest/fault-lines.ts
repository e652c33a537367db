import { styleText } from 'node:util'
import type { ManifestFault } from '../../parts/apps/manifest/faults.ts'
import { formatFaults } from '../../parts/apps/manifest/format.ts'
import { Refusal } from '../../base/errors.ts'
import { Exit, errorLine, exitCodes, hintLine } from '../terminal/failure.ts'
import { pluralText } from '../terminal/format.ts'
import { printJson, remark } from '../terminal/output.ts'
import type { ManifestFiles } from './source-files.ts'

/** The texts that faults point into. */
type FaultFiles = Pick<ManifestFiles, 'manifest' | 'platform'>

/** Faults of a manifest as they are shown: each with its line, carets and what would be right. */
export function faultLines(faults: readonly ManifestFault[], files: FaultFiles): string[] {
  const texts = formatFaults(faults, (file) => sourceOf(file, files))
  return texts.flatMap((text) => [...colouredLines(text), ''])
}

function colouredLines(text: string): string[] {
  const [head = '', ...rest] = text.split('\n')
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
  files: FaultFiles,
  json: boolean,
): never {
  if (json) {
    printJson({ valid: false, faults })
    throw new Exit(exitCodes.refused)
  }
  for (const line of faultLines(faults, files)) remark(line)
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

/** The text of a fault's file; the server knows the files by their plain names. */
function sourceOf(file: string, { manifest, platform }: FaultFiles): string {
  const isPlatform = platform !== undefined && file.endsWith('platform.yaml')
  return isPlatform ? platform.text : manifest.text
}
