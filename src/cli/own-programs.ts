import { fileURLToPath } from 'node:url'
import { dirname, join } from 'node:path'
import { buildVariables } from '../wire/builds.ts'
import { journeysProgram } from '../wire/journeys.ts'

/** Entries lie as this one does: beside it as a bundle, or in the source. */
const isSource = import.meta.url.endsWith('.ts')

/** A script of an app need not say in a package.json that it is a module. */
const nodeOptions = ['--disable-warning=MODULE_TYPELESS_PACKAGE_JSON']

interface OwnProgram {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** What it consists of, for whoever sees nothing else; a build sees the machine. */
  readonly reads: readonly string[]
}

/** What the agent runs of Roadstead itself, by the name that a run's command has for it. */
export function ownPrograms(): ReadonlyMap<string, OwnProgram> {
  const entry = new URL(isSource ? './roles/journeys.ts' : './journeys.js', import.meta.url)
  const chromium = process.env['ROADSTEAD_CHROMIUM']
  const journeys = {
    file: process.execPath,
    args: [...nodeOptions, fileURLToPath(entry)],
    reads: placesOf(dirname(fileURLToPath(entry))),
    env: chromium === undefined ? {} : { ROADSTEAD_CHROMIUM: chromium },
  }
  return new Map([[journeysProgram, journeys]])
}

/** What builds images on a node, with the engine and the credentials that its agent uses itself. */
export function builderProgram(
  socketPath: string,
  notes: string,
  registryConfig: string | undefined,
): OwnProgram {
  const entry = new URL(isSource ? './roles/builder.ts' : './builder.js', import.meta.url)
  const { engine, credentials, notes: folder } = buildVariables
  return {
    file: process.execPath,
    args: [fileURLToPath(entry)],
    reads: [],
    env: {
      [engine]: socketPath,
      [folder]: notes,
      ...(registryConfig === undefined ? {} : { [credentials]: registryConfig }),
    },
  }
}

/** The program's own folder of code, and the packages beside it; never the data that may lie there too. */
function placesOf(folder: string): string[] {
  const root = isSource ? join(folder, '../../..') : join(folder, '..')
  return [isSource ? 'src' : 'dist', 'node_modules', 'package.json'].map((name) => join(root, name))
}
