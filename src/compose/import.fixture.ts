import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { importCompose, type Imported } from './import.ts'
import type { Outcome } from './report.ts'
import type { ComposeSource, ProjectFiles } from './source.ts'

/** A project of texts, for tests. */
export function textFiles(texts: Readonly<Record<string, string>>): ProjectFiles {
  return {
    read: (path) => {
      const text = Object.hasOwn(texts, path) ? texts[path] : undefined
      return Promise.resolve(text === undefined ? { problem: 'missing' } : { text })
    },
    look: (path) => {
      const names = Object.keys(texts)
      const within = names.filter((name) => path === '.' || name.startsWith(`${path}/`))
      if (names.includes(path)) return Promise.resolve({ is: 'file' })
      if (within.length === 0) return Promise.resolve({ is: 'nothing' })
      return Promise.resolve({ is: 'folder', isEmpty: within.every((name) => name.endsWith('/')) })
    },
  }
}

/** Imports a text, with other files beside it. */
export function importText(
  text: string,
  members: Partial<ComposeSource> = {},
  texts: Readonly<Record<string, string>> = {},
): Promise<Imported> {
  const source = { file: 'compose.yaml', text, folder: 'shop', environment: new Map() }
  return importCompose({ ...source, files: textFiles(texts), ...members })
}

/** Imports a project of test/fixtures/compose. */
export function importFixture(
  name: string,
  members: Partial<ComposeSource> = {},
): Promise<Imported> {
  const folder = join(import.meta.dirname, '../../test/fixtures/compose', name)
  const text = readFileSync(join(folder, 'compose.yaml'), 'utf8')
  const files: ProjectFiles = {
    read: async (path) => {
      try {
        return await Promise.resolve({ text: readFileSync(join(folder, path), 'utf8') })
      } catch {
        return { problem: 'missing' }
      }
    },
    look: async (path) => {
      const found = statSync(join(folder, path), { throwIfNoEntry: false })
      if (found === undefined) return await Promise.resolve({ is: 'nothing' })
      return found.isFile() ? { is: 'file' } : { is: 'folder', isEmpty: false }
    },
  }
  return importText(text, { folder: name, files, ...members })
}

/** The sentences of an outcome, as `12 services.db.image: postgres`. */
export function told({ lines }: Imported, ...outcomes: Outcome[]): string[] {
  return lines
    .filter(({ outcome }) => outcomes.includes(outcome))
    .map(({ line, path, said }) => `${line} ${path}: ${said}`)
}
