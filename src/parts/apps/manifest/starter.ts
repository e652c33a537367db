import { nameHint } from './schema-words.ts'
import { splitCommand } from './command.ts'

/** What lies in a directory, as far as a first manifest wants to know. */
export interface DirectoryFacts {
  /** The directory's own name. */
  readonly name: string
  /** Names of the files in it. */
  readonly files: readonly string[]
  /** `scripts.start` and `main` of package.json, where there is one. */
  readonly startScript?: string | undefined
  readonly main?: string | undefined
}

/** Files that start something, by habit, and the command for each. */
const habits: readonly (readonly [file: string, run: string])[] = [
  ['server.js', 'node server.js'],
  ['server.ts', 'node server.ts'],
  ['index.js', 'node index.js'],
  ['index.ts', 'node index.ts'],
  ['app.js', 'node app.js'],
  ['main.js', 'node main.js'],
  ['main.py', 'python3 main.py'],
  ['app.py', 'python3 app.py'],
]

/** The five lines of a first manifest, with what each is for (`roadstead init`). */
export function initManifest(facts: DirectoryFacts): string {
  const app = nameFrom(facts.name)
  const lines: readonly (readonly [line: string, comment: string])[] = [
    ['roadstead: v1', ''],
    [`app: ${app}`, ''],
    ['services:', ''],
    ['  web:', 'a name of your choice; add more services below it'],
    [`    run: ${quoted(commandFrom(facts))}`, 'it has to listen on the port in $PORT'],
    ['    health: /healthz', 'a path that answers 200 when it is ready to serve'],
    [`    route: ${app}.localhost`, 'where you will find it'],
  ]
  const width = Math.max(...lines.map(([line]) => line.length)) + 2
  const text = lines.map(([line, comment]) =>
    comment === '' ? line : `${line.padEnd(width)}# ${comment}`,
  )
  return [
    '# yaml-language-server: $schema=http://127.0.0.1:7070/v1/schema/manifest.json',
    ...text,
    '',
    '# Next: roadstead validate, then roadstead deploy.',
    '',
  ].join('\n')
}

function nameFrom(directory: string): string {
  const [, made] = /^did you mean `(.*)`\?$/.exec(nameHint(directory)) ?? []
  return made ?? (/^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$/.test(directory) ? directory : 'app')
}

/** What starts the app; a start script that needs a shell is left to npm. */
function commandFrom({ files, startScript, main }: DirectoryFacts): string {
  if (startScript !== undefined) return splitCommand(startScript).ok ? startScript : 'npm start'
  const found = habits.find(([file]) => files.includes(file))
  if (found !== undefined) return found[1]
  if (main !== undefined && files.includes(main)) return `node ${main}`
  return 'node server.js'
}

/** Quotes where YAML would read a plain text otherwise. */
function quoted(command: string): string {
  return /^[\w./][\w./ =@+-]*$/.test(command) && !command.endsWith(' ')
    ? command
    : JSON.stringify(command)
}
