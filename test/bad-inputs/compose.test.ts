import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FolderFiles } from '../../src/cli/compose/project-files.ts'
import { importText, told } from '../../src/compose/import.fixture.ts'

/**
 * Everything bad that a compose file may hold, one row each: a report that names the line, no
 * manifest, and no word of what lies outside of the file's folder.
 */

const service = (lines: string): string => `services:\n  web:\n    image: web\n${lines}\n`
const deep = (count: number): string => `a: ${'['.repeat(count)}${']'.repeat(count)}`
const bomb = `x-0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n${Array.from(
  { length: 9 },
  (_, index) => `x-${index + 1}: &a${index + 1} [${`*a${index}, `.repeat(9)}*a${index}]\n`,
).join('')}`

const rows: readonly (readonly [name: string, text: string, line: number, words: string])[] = [
  ['nothing', '', 1, 'the file is empty'],
  ['a list', '- a\n- b', 1, 'no map of keys and values'],
  ['no YAML', 'services:\n\tweb: {}', 2, 'indented with a tab'],
  ['an unknown key', service('    prots: [80]'), 4, 'has no key `prots`'],
  ['an unknown key of a block', service('    build: { contxt: . }'), 4, 'has no key `contxt`'],
  ['a block that is none', 'service:\n  web: {}', 1, 'a compose file has no key `service`'],
  ['a number for a text', service('    container_name: 5'), 4, 'takes a text'],
  ['a list for a map', 'services: []', 1, '`services` takes a map'],
  ['a bad name of a service', 'services:\n  "../x": { image: a }', 2, 'no name that compose'],
  ['names that become one', 'services:\n  a_b: { image: a }\n  a-b: { image: a }', 3, 'both be'],
  ['no image', 'services:\n  web: { restart: always }', 2, 'neither an image nor a build'],
  ['an image that is none', service('').replace('image: web', 'image: "a b"'), 3, 'no name of an'],
  ['a variable that has to be set', service('    command: ${A:?say it}'), 4, 'has to be set: say'],
  ['a variable that is none', service('    command: $1'), 4, '`$1` is no variable'],
  ['a variable without end', service('    command: ${A'), 4, 'never closed'],
  [
    'services that wait for each other',
    cycle('depends_on: [b]', 'depends_on: [a]'),
    3,
    'a → b → a',
  ],
  ['services that extend each other', cycle('extends: b', 'extends: a'), 2, 'a circle'],
  ['a service that extends itself', service('    extends: web'), 4, 'a circle'],
  ['files that include each other', 'include: [loop.yaml]\nservices: {}', 2, 'a circle'],
  ['a file that includes itself', 'include: [compose.yaml]', 1, 'a circle'],
  ['an include that is outside', 'include: ["../../all.yaml"]', 1, 'outside of the folder'],
  ['an include of the machine', 'include: [/etc/passwd]', 1, 'outside of the folder'],
  ['an include of a home', 'include: ["~/all.yaml"]', 1, 'outside of the folder'],
  ['an include that is missing', 'include: [none.yaml]', 1, 'is not there'],
  [
    'an extended file outside',
    service('    extends: { file: ../a.yaml, service: b }'),
    4,
    'outside',
  ],
  ['an unknown service to extend', service('    extends: wbe'), 4, 'no service `wbe`'],
  ['an env file outside', service('    env_file: ../../.env'), 4, 'outside of the folder'],
  ['an env file by a link', service('    env_file: link.env'), 4, 'outside of the folder'],
  ['an env file that is a folder', service('    env_file: folder'), 4, 'cannot be read'],
  ['an unknown service to wait for', service('    depends_on: [dbb]'), 4, 'no service `dbb`'],
  ['a volume that nothing declares', service('    volumes: ["data:/data"]'), 4, 'no volume `data`'],
  ['a port that is none', service('    ports: ["99999:99999"]'), 4, 'is no port'],
  ['a duration that is none', service('    stop_grace_period: soon'), 4, 'is no duration'],
  ['a policy that is none', service('    restart: sometimes'), 4, 'no policy of compose'],
  ['a size that is none', service('    mem_limit: much'), 4, 'is no size'],
  ['an alias bomb', `${bomb}services: {}`, 1, 'more than'],
  ['blocks 20,000 deep', deep(20_000), 1, 'nested more than'],
  ['a key of JavaScript', 'services:\n  __proto__: { image: a }', 2, 'cannot be a key'],
  ['a hidden character', service('    command: a\u202eb'), 4, 'hides in this line'],
  ['a document of 5 MB', `# ${'x'.repeat(5_000_000)}`, 1, '1 MiB is the most'],
  [
    'a merge of no map',
    'x-a: &a 5\nservices: { web: { <<: *a, image: a } }',
    2,
    '`<<` takes a map',
  ],
  [
    'only services that are left out',
    'services:\n  a: { image: a, profiles: [b] }',
    1,
    'no service',
  ],
  ['no services', 'services: {}', 1, 'no service is left to run'],
]

function cycle(a: string, b: string): string {
  return `services:\n  a: { image: a, ${a} }\n  b: { image: b, ${b} }\n`
}

describe('a bad compose file is refused with its line', () => {
  let folder = ''

  beforeEach(() => {
    const root = mkdtempSync(join(tmpdir(), 'roadstead-compose-'))
    folder = join(root, 'project')
    mkdirSync(join(folder, 'folder'), { recursive: true })
    writeFileSync(join(root, 'outside.env'), 'SECRET=never-told\n')
    symlinkSync(join(root, 'outside.env'), join(folder, 'link.env'))
    writeFileSync(join(folder, 'loop.yaml'), '\ninclude: [loop.yaml]\n')
  })

  afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }))

  test.each(rows)('%s', async (_name, text, line, words) => {
    writeFileSync(join(folder, 'compose.yaml'), text)
    const imported = await importText(text, { files: new FolderFiles(folder) })
    expect(imported.manifest).toBeUndefined()
    const faults = told(imported, 'fault')
    expect(faults.some((said) => said.startsWith(`${line} `) && said.includes(words))).toBe(true)
    expect(JSON.stringify(imported)).not.toContain('never-told')
  })
})
