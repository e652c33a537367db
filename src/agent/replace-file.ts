import { rename, writeFile } from 'node:fs/promises'

/** Writes a file so that a reader finds the old or the new content whole, whenever a crash comes. */
export async function replaceFile(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 })
  await rename(`${path}.new`, path)
}
