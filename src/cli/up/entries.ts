import { fileURLToPath } from 'node:url'

/**
 * What a child process is started with: the bundle beside this one when this is a bundle, the
 * source when this is the source.
 */
const isSource = import.meta.url.endsWith('.ts')

/** The entry of a role. */
export function roleEntry(role: 'server' | 'agent' | 'ingress'): string {
  return pathOf(isSource ? `../roles/${role}.ts` : `./${role}.js`)
}

/** The entry of the CLI. */
export function cliEntry(): string {
  return pathOf(isSource ? '../main.ts' : './roadstead.js')
}

/** The folder of the sample shop. */
export function shopFolder(): string {
  return pathOf(isSource ? '../../../examples/shop/' : '../examples/shop/')
}

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url))
}
