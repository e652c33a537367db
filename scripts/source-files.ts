import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The repository's folder. */
export const root = join(import.meta.dirname, '..')

export interface SourceFile {
  /** From the root, with forward slashes. */
  readonly path: string
  readonly text: string
}

const skipped = new Set(['node_modules', 'dist', '.git', '.roadstead', 'fixtures'])

/** Reads every TypeScript file below the given folders of the repository, in order. */
export function sourceFiles(...folders: string[]): SourceFile[] {
  return folders
    .flatMap((folder) => filesBelow(join(root, folder)))
    .map((file) => ({
      path: relative(root, file).replaceAll('\\', '/'),
      text: readFileSync(file, 'utf8'),
    }))
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { withFileTypes: true, encoding: 'utf8' })
  return entries
    .filter((entry) => !skipped.has(entry.name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return filesBelow(path)
      return /\.(ts|tsx)$/.test(entry.name) ? [path] : []
    })
}

/** Prints what was found and ends the process with 1, or says that all is well. */
export function report(check: string, findings: readonly string[], files: number): void {
  for (const finding of findings) console.error(finding)
  console.log(`${check}: ${files} files, ${findings.length} findings`)
  if (findings.length > 0) process.exitCode = 1
}
