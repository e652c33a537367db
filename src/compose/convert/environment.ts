import { volumeVariableOf } from '../../base/variables.ts'
import { FaultList } from '../../parts/apps/manifest/faults.ts'
import {
  childOf,
  entriesOf,
  itemsOf,
  type Node,
  type Place,
} from '../../parts/apps/manifest/tree.ts'
import { readEnvFile } from '../env-file.ts'
import type { Variables } from '../interpolate.ts'
import { mapOf } from '../merge.ts'
import { addUnreadable } from '../unreadable.ts'
import type { Report } from '../report.ts'
import { folderOf, joined, leavesProject, type ProjectFiles } from '../source.ts'
import { textIn, within } from '../values.ts'
import { secretSaid } from './mounts.ts'
import type { ComposeService, Draft, Say } from './scene.ts'
import { sayerOf } from './scene.ts'

/** Variables of a service: its env files, and over them what stands in the file. */

interface EnvironmentSource {
  readonly files: ProjectFiles
  readonly variables: Variables
  readonly report: Report
}

/** All variables that a service gets; the report says where they are from. */
export async function environmentOf(
  service: ComposeService,
  { files, variables, report }: EnvironmentSource,
): Promise<Map<string, string>> {
  const say = sayerOf(service, report)
  const found = new Map<string, string>()
  const given = within(service.node, 'env_file')
  const items = given?.kind === 'list' ? given.items : given === undefined ? [] : [given]
  for (const [index, item] of items.entries()) {
    const where = { key: items.length > 1 ? `env_file.${index}` : 'env_file', place: item.place }
    await readInto(found, item, where, { files, variables, report }, say)
  }
  const own = within(service.node, 'environment')
  for (const [name, { key, value }] of entriesOf(own === undefined ? undefined : mapOf(own))) {
    const text = textIn(value)
    const outer = text ?? variables.get(name)?.value
    const where = { key: `environment.${name}`, place: key }
    if (outer === undefined) {
      const said = `nothing sets \`${name}\`, which the file takes from outside`
      say('open', where, said, `set ${name} in .env, or give it a value`)
      continue
    }
    if (text === undefined) {
      const said = `\`${name}\` has the value that ${variables.get(name)?.from} gives it`
      say('changed', where, said)
    }
    found.set(name, outer)
  }
  return found
}

function seemsSecret(name: string, value: string): boolean {
  if (value === '' || value.startsWith('/')) return false
  return /PASS|SECRET|TOKEN|API_?KEY|PRIVATE_KEY/i.test(name) && !name.endsWith('_FILE')
}

async function readInto(
  found: Map<string, string>,
  item: Node,
  where: { key: string; place: Place },
  { files, variables, report }: EnvironmentSource,
  say: Say,
): Promise<void> {
  const path = textIn(item) ?? textIn(childOf(item, 'path')) ?? ''
  const isNeeded = textIn(childOf(item, 'required'))?.toLowerCase() !== 'false'
  const isRaw = textIn(childOf(item, 'format')) === 'raw'
  const target = joined(folderOf(item.place.file), path)
  const isOutside = target === undefined || leavesProject(target)
  const file = isOutside ? ({ problem: 'outside' } as const) : await files.read(target)
  const faults = new FaultList()
  if ('problem' in file) {
    if (file.problem === 'missing' && !isNeeded) {
      say('dropped', where, `${path} is not there, and does not have to be`)
      return
    }
    addUnreadable(faults, { place: where.place, path: [] }, path, file.problem)
    const [fault] = faults.sorted()
    say('fault', where, fault?.message ?? '', fault?.hint)
    return
  }
  const options = { file: target ?? path, outer: variables, isRaw }
  const read = readEnvFile(file.text, options, faults)
  report.addFaults(faults.sorted())
  for (const [name, { value }] of read) found.set(name, value)
  const said = `\`env\` holds ${countText(read.size, 'variable')} of ${path}`
  say('changed', where, said, 'the file itself is not read again: import anew when it changes')
}

/** What a manifest cannot have among its variables is told; the others are set. */
export function convertEnvironment(
  service: ComposeService,
  environment: ReadonlyMap<string, string>,
  draft: Draft,
  say: Say,
): void {
  const env: Record<string, string> = {}
  for (const [name, value] of environment) {
    const problem = problemOf(name, value, draft)
    if (problem === undefined) env[name] = value
    else say(problem.outcome, `environment.${name}`, problem.said, problem.advice)
  }
  if (Object.keys(env).length > 0) draft.env = env
  const given = within(service.node, 'environment')
  const own = entriesOf(given === undefined ? undefined : mapOf(given))
    .map(([name]) => name)
    .filter((name) => Object.hasOwn(env, name))
  if (own.length > 0) {
    const isSecret = own.some((name) => seemsSecret(name, env[name] ?? ''))
    const remark = isSecret ? '; a password among them stands in the manifest as it is' : ''
    say('carried', 'environment', `${countText(own.length, 'variable')} of \`env\`${remark}`)
  }
  tellSecrets(service, environment, say)
}

/** Secrets are files in a container, and there is no place yet that holds them. */
function tellSecrets(
  service: ComposeService,
  environment: ReadonlyMap<string, string>,
  say: Say,
): void {
  for (const [index, item] of itemsOf(within(service.node, 'secrets')).entries()) {
    const name = textIn(item) ?? textIn(childOf(item, 'source')) ?? ''
    const reader = [...environment].find(([, value]) => value.endsWith(`/${name}`))?.[0]
    const read = reader === undefined ? '' : `, and \`${reader}\` names it`
    const said = `\`${name}\` is a secret that is put in as a file${read}: ${secretSaid}`
    const plain = reader?.endsWith('_FILE') === true ? ` (${reader.slice(0, -5)})` : ''
    const advice = `give the value as a variable${plain}, or build an image that finds it elsewhere`
    say('open', { key: `secrets.${index}`, place: item.place }, said, advice)
  }
}

interface Problem {
  readonly outcome: 'changed' | 'open'
  readonly said: string
  readonly advice?: string
}

function problemOf(name: string, value: string, draft: Draft): Problem | undefined {
  if (name === 'PORT') {
    const said =
      draft.port === undefined
        ? '`PORT` is what Roadstead assigns'
        : `\`PORT\` is what \`port\` says: ${draft.port}`
    return { outcome: 'changed', said }
  }
  if (name === 'HOST') return { outcome: 'changed', said: '`HOST` is 0.0.0.0 in every container' }
  const volume = Object.keys(draft.volumes ?? {}).find((one) => volumeVariableOf(one) === name)
  if (volume !== undefined) {
    const said = `\`${name}\` is set by Roadstead: it says where the volume \`${volume}\` is`
    return { outcome: 'open', said, advice: 'rename the volume, or the variable' }
  }
  if (name.startsWith('ROADSTEAD_')) {
    return { outcome: 'open', said: `\`${name}\` is for Roadstead to set`, advice: 'rename it' }
  }
  const isReserved = name === '__proto__' || name === 'constructor'
  if (isReserved || !/^[A-Za-z_][A-Za-z0-9_.]{0,127}$/.test(name)) {
    const said = `\`${name}\` cannot name a variable of a manifest`
    return { outcome: 'open', said, advice: 'use letters, digits, dots and underscores' }
  }
  if (/\{[A-Za-z][A-Za-z0-9_.-]*\}/.test(value)) {
    const said = `the value of \`${name}\` has a word in braces, which a manifest fills in`
    return { outcome: 'open', said, advice: 'give the program the value another way' }
  }
  if (value.length > 16_384) {
    const said = `the value of \`${name}\` is longer than 16,384 characters`
    return { outcome: 'open', said, advice: 'build an image that holds it' }
  }
  return undefined
}

/** `1 variable`, `3 variables`. */
export function countText(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`
}
