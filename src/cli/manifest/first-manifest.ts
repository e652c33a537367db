import { readFile, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Refusal, systemCodeOf } from '../../base/errors.ts'

/** A manifest's name, beside the sources. */
export const manifestName = 'roadstead.yaml'

/** Names that the manifest takes, without loading its grammar: see namePattern. */
const namePattern = /^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/

/** Files that usually start a server, and with what. */
const usualEntries: readonly (readonly [file: string, run: string])[] = [
  ['server.js', 'node server.js'],
  ['index.js', 'node index.js'],
  ['app.js', 'node app.js'],
  ['main.js', 'node main.js'],
  ['server.ts', 'node server.ts'],
  ['index.ts', 'node index.ts'],
  ['main.py', 'python3 main.py'],
  ['app.py', 'python3 app.py'],
]

/** Writes the manifest; refused where there is one. */
export async function writeFirstManifest(
  folder: string,
  name: string | undefined,
  server: string,
): Promise<{ readonly file: string; readonly guesses: readonly string[] }> {
  const app = name ?? nameFrom(basename(folder))
  if (!namePattern.test(app)) {
    throw new Refusal('name-invalid', `"${app}" cannot be an app's name`, {
      hint: 'small letters, digits and dashes, beginning with a letter, up to 40 characters',
    })
  }
  const { run, guess } = await guessRun(folder)
  try {
    await writeFile(join(folder, manifestName), textOf(app, run, server), { flag: 'wx' })
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error
    throw new Refusal('manifest-exists', `there is a ${manifestName} here already`, {
      hint: 'check it with `roadstead validate`',
    })
  }
  return { file: manifestName, guesses: [guess, 'it must listen on the port in $PORT'] }
}

/** The smallest manifest, with what each line is for. */
function textOf(app: string, run: string, server: string): string {
  return `# yaml-language-server: $schema=${server}/v1/schema/manifest.json
roadstead: v1
app: ${app}
services:
  web:
    run: ${run}
    health: /                      # answers 200 once it can serve; /healthz is usual
    route: ${app}.localhost
    instances: 2
`
}

async function guessRun(folder: string): Promise<{ run: string; guess: string }> {
  const start = await startScript(folder)
  if (start !== undefined) return { run: start, guess: `run: from package.json: ${start}` }
  const found = usualEntries.find(([file]) => existsSync(join(folder, file)))
  if (found !== undefined) return { run: found[1], guess: `run: since there is ${found[0]}` }
  return { run: 'node server.js', guess: 'run: is a guess: write what starts your service' }
}

/** package.json's start script, where it is one plain command that needs no shell. */
async function startScript(folder: string): Promise<string | undefined> {
  try {
    const content: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    const script = (content as { scripts?: { start?: unknown } }).scripts?.start
    return typeof script === 'string' && /^[\w./ =-]+$/.test(script) ? script : undefined
  } catch {
    return undefined
  }
}

function nameFrom(folder: string): string {
  const name = folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
  return name.slice(0, 40).replace(/-+$/, '') || 'app'
}
