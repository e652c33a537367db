import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

/** This program's version, such as `0.1.0`: that of the package that this file lies in. */
export const programVersion: string = readVersion()

function readVersion(): string {
  const file = findPackageJSON('..', import.meta.url)
  if (file === undefined) return 'unknown'
  const { version }: { version: string } = JSON.parse(readFileSync(file, 'utf8'))
  return version
}
