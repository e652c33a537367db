import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as defaults from '../src/parts/apps/manifest/defaults.ts'
import { faultCodes } from '../src/parts/apps/manifest/faults.ts'
import { filledIn, placeholders } from '../src/parts/apps/manifest/placeholders.ts'
import { ManifestDocument } from '../src/parts/apps/manifest/schema-manifest.ts'
import { PlatformDocument } from '../src/parts/apps/manifest/schema-platform.ts'
import { DeployBlock, operations } from '../src/parts/apps/manifest/schema-operation.ts'
import { ReleaseBlock } from '../src/parts/apps/manifest/schema-release.ts'
import { Service } from '../src/parts/apps/manifest/schema-service.ts'
import { nameWords, shapeOf, type SchemaShape } from '../src/parts/apps/manifest/schema.ts'
import { unitWords } from '../src/parts/apps/manifest/units.ts'

/**
 * Writes docs/reference/manifest.md from the schema that checks manifests, so that the two cannot
 * disagree. With `--check` it writes nothing and fails where the file is out of date.
 */

const target = join(import.meta.dirname, '../docs/reference/manifest.md')

/** Defaults by the path of the block that they belong to. */
const defaultsOf: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'services.NAME': defaults.serviceDefaults,
  'services.NAME.spread': defaults.serviceDefaults.spread,
  'services.NAME.stop': defaults.serviceDefaults.stop,
  'services.NAME.health': defaults.healthDefaults,
  'services.NAME.route': defaults.routeDefaults,
  'services.NAME.scale': defaults.scaleDefaults,
  'services.NAME.warmup': defaults.warmupDefaults,
  'services.NAME.migrate': defaults.migrateDefaults,
  'services.NAME.assets': defaults.assetsDefaults,
  'jobs.NAME': defaults.jobDefaults,
  release: defaults.releaseDefaults,
  'release.steps[].maintenance': defaults.stepDefaults.maintenance,
  'release.steps[].test': defaults.stepDefaults.test,
  'release.steps[].remaining': defaults.stepDefaults.remaining,
}

function main(): void {
  const text = reference()
  if (!process.argv.includes('--check')) {
    writeFileSync(target, text)
    console.log(`wrote ${target}`)
    return
  }
  if (readFileSync(target, 'utf8') === text) return
  console.error(`${target} is out of date: run node scripts/generate-manifest-reference.ts`)
  process.exitCode = 1
}

function reference(): string {
  const blocks = [
    ...sectionsOf('services.NAME', shapeOf(Service)),
    ...sectionsOf('release', shapeOf(ReleaseBlock)),
    ...Object.entries(operations).flatMap(([name, schema]) => sectionsOf(name, shapeOf(schema))),
    ...sectionsOf('environments.NAME.deploy', shapeOf(DeployBlock)),
  ]
  return [
    introduction,
    '## roadstead.yaml\n',
    tableOf('', shapeOf(ManifestDocument)),
    ...blocks,
    '## platform.yaml\n',
    ...sectionsOf('', shapeOf(PlatformDocument)).map((section) => section.replace(/^## \n\n/, '')),
    unitsSection(),
    rules,
    faultsSection(),
  ].join('\n')
}

/** A table for a block, then one for each block inside it. */
function sectionsOf(path: string, shape: SchemaShape): string[] {
  const block = blockIn(shape)
  if (block === undefined) return []
  const named = Object.values(block.patternProperties ?? {})[0]
  if (named !== undefined) return sectionsOf(path === '' ? 'NAME' : `${path}.NAME`, named)
  const inner = Object.entries(block.properties ?? {}).flatMap(([key, member]) => {
    const at = path === '' ? key : `${path}.${key}`
    const item = listItem(member)
    return item === undefined ? sectionsOf(at, member) : sectionsOf(`${at}[]`, item)
  })
  const heading = path === '' ? '' : `### ${path}\n\n${block.description ?? ''}\n`
  return [heading, tableOf(path, block), ...inner]
}

/** The part of a schema that is a block: itself, or the block among its forms. */
function blockIn(shape: SchemaShape): SchemaShape | undefined {
  if (shape.anyOf !== undefined) return shape.anyOf.map(blockIn).find((part) => part !== undefined)
  return shape.type === 'object' ? shape : undefined
}

function listItem(shape: SchemaShape): SchemaShape | undefined {
  return shape.type === 'array' ? shape.items : undefined
}

function tableOf(path: string, shape: SchemaShape): string {
  const given = defaultsOf[path] ?? {}
  const rows = Object.entries(shape.properties ?? {}).map(([key, member]) => {
    const needed = shape.required?.includes(key) === true ? 'required' : defaultWords(given[key])
    const cells = [`\`${key}\``, formOf(member), needed, member.description ?? '']
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return ['| key | takes | default | meaning |', '|---|---|---|---|', ...rows, ''].join('\n')
}

function defaultWords(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'object' ? 'see below' : `\`${String(value)}\``
}

function formOf(shape: SchemaShape): string {
  const range = [shape['x-least'], shape['x-most']]
  const [least, most] = range
  const bounds = [
    ...(least === undefined ? [] : [`at least ${least}`]),
    ...(most === undefined ? [] : [`at most ${most}`]),
  ]
  return [kindOf(shape), ...bounds].join(', ')
}

function kindOf(shape: SchemaShape): string {
  if (shape['x-expects'] !== undefined) return shape['x-expects']
  if (shape.const !== undefined) return `\`${String(shape.const)}\``
  if (shape.anyOf !== undefined) {
    const others = shape.anyOf.filter((variant) => variant.const !== 'none')
    return [...new Set(others.map(kindOf))].join(', or ')
  }
  if (shape.type === 'array') return 'a list'
  return shape.patternProperties === undefined ? 'a block' : `a map by ${keysOf(shape)}`
}

function keysOf(shape: SchemaShape): string {
  const words = shape['x-keys']
  return words === undefined || words === nameWords ? 'name' : words
}

const introduction = `# The manifest

<!-- Written by scripts/generate-manifest-reference.ts from the schema; edit that instead. -->

\`roadstead.yaml\` describes one app of one or more services and belongs to its developers;
\`platform.yaml\` describes where apps run and belongs to the operators. \`roadstead validate\` checks
both for every cell, \`roadstead render CELL --explain\` shows what a cell gets and from which line.

The smallest manifest:

\`\`\`yaml
${readFileSync(join(import.meta.dirname, '../examples/hello/roadstead.yaml'), 'utf8').trim()}
\`\`\`

A long one is \`examples/webshop/roadstead.yaml\`. Any key may be \`none\` in a layer, which removes what
earlier layers said of it (but in \`spread\`, where \`none\` has a meaning of its own).
`

const rules = `## Rules

- **Layers**: \`defaults\` < the service < \`environments\` < \`tenants\` < \`cells\`; in each, \`"*"\` (every
  service) before a named one. Maps merge, lists and scalars replace, a plain \`none\` removes ("none" in
  quotes is a text). \`health\`, \`route\` and \`scale.target\` replace as a whole. A layer cannot add part
  of a block that an earlier one removed.
- **Placeholders**: ${placeholders.map((word) => `\`${word}\``).join(', ')}, in ${filledIn};
  \`{version}\` in \`image\` only.
- **run** is a list of arguments, or a line that is split at spaces and tabs; single and double quotes
  hold together what they enclose; nothing is expanded, and a backslash is a backslash. What only a
  shell would understand (\`&&\`, \`|\`, \`$NAME\`, \`NAME=value\` in front) is refused: say \`shell:\` instead
  of \`run:\`, and the line is given to \`/bin/sh -c\`.
- **Bare words**: a bare \`no\`, \`yes\`, \`on\`, \`off\`, \`y\` or \`n\` is refused as a key or a value.
- A service with a route needs a check of its own (\`health\`); one without a route is asked for its
  port; a worker without a check is ready when it has run for a second.
- Without platform.yaml there is one cell, \`local/default\`, and \`{cell.domain}\` is \`localhost\`.
`

function unitsSection(): string {
  const rows = Object.entries(unitWords).map(([unit, words]) => `| ${unit} | ${words} |`)
  return ['## Quantities', '', '| quantity | written as |', '|---|---|', ...rows, ''].join('\n')
}

function faultsSection(): string {
  const rows = Object.entries(faultCodes).map(([code, words]) => `| \`${code}\` | ${words} |`)
  const text = 'What `validate` and the Refusal `manifest-invalid` (in `details.faults`) can say.'
  return ['## Faults', '', text, '', '| code | meaning |', '|---|---|', ...rows, ''].join('\n')
}

main()
