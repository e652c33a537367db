import { entriesOf, type Node, type Place } from '../../parts/apps/manifest/tree.ts'
import { placeholders } from '../../parts/apps/manifest/placeholders.ts'
import { mapOf } from '../merge.ts'
import type { Report } from '../report.ts'
import { textIn, textsIn, within } from '../values.ts'
import type { Caller, ComposeService } from './scene.ts'

/** Names: what the manifest calls a thing, and who finds a service by its name. */

/** A name of the manifest's grammar; undefined where nothing is left of it. */
export function manifestName(name: string): string | undefined {
  const made = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '')
  return made === '' ? undefined : made
}

/** Gives each service its name; a fault where two would have the same, or one none. */
export function nameServices(
  active: readonly (readonly [name: string, node: Node, place: Place])[],
  report: Report,
): Map<string, ComposeService> {
  const services = new Map<string, ComposeService>()
  const taken = new Map<string, string>()
  for (const [name, node, place] of active) {
    if (node.kind !== 'map') continue
    const key = manifestName(name)
    const path = `services.${name}`
    if (key === undefined || taken.has(key)) {
      const said =
        key === undefined
          ? `nothing of \`${name}\` can be a name in a manifest`
          : `\`${name}\` and \`${taken.get(key)}\` would both be called ${key}`
      report.add('fault', path, place, said, 'rename it: small letters, digits and hyphens')
      continue
    }
    taken.set(key, name)
    services.set(name, { name, key, node, place })
  }
  return services
}

/** Variables that hold the name of another machine, by habit. */
const hostVariable =
  /(?:^|_|\.)(?:HOST|HOSTS|HOSTNAME|SERVER|SERVERS|ADDR|ADDRESS|ENDPOINT|UPSTREAM|BACKEND|NODE|URL|URI|DSN)$/i

/** Who finds whom by name: by links, by what it waits for, and by what its settings say. */
export function findCallers(
  services: ReadonlyMap<string, ComposeService>,
  environments: ReadonlyMap<string, ReadonlyMap<string, string>>,
): Map<string, Caller[]> {
  const names = namesOf(services)
  const callers = new Map<string, Caller[]>()
  const note = (by: string, caller: string, port?: number): void => {
    const called = names.get(by)
    if (called === undefined || called === caller) return
    callers.set(called, [...(callers.get(called) ?? []), { name: caller, by, port }])
  }
  for (const [name, { node }] of services) {
    const waitsFor = within(node, 'depends_on')
    for (const [called] of entriesOf(waitsFor === undefined ? undefined : mapOf(waitsFor))) {
      note(called, name)
    }
    for (const link of textsIn(within(node, 'links'))) note(link.split(':')[0] ?? '', name)
    for (const { by, port } of mentions(node, environments.get(name), names)) note(by, name, port)
  }
  return callers
}

/** What a service is found by in compose, and which service that is. */
function namesOf(services: ReadonlyMap<string, ComposeService>): Map<string, string> {
  const names = new Map<string, string>()
  for (const [name, { node }] of services) {
    for (const key of ['container_name', 'hostname']) {
      const other = textIn(within(node, key))
      if (other !== undefined) names.set(other, name)
    }
  }
  for (const name of services.keys()) names.set(name, name)
  return names
}

interface Mention {
  readonly by: string
  readonly port: number | undefined
}

/** Names of services in settings: `db:5432`, `http://api/`, `user@db`, or DB_HOST=db. */
function mentions(
  node: Node,
  environment: ReadonlyMap<string, string> | undefined,
  names: ReadonlyMap<string, string>,
): Mention[] {
  const found: Mention[] = []
  const search = (text: string): void => {
    const pattern =
      /(^|[\s,;="'@[(]|:\/\/)([A-Za-z0-9][A-Za-z0-9._-]{0,200})(?::(\d{1,5}))?(?![A-Za-z0-9._-])/g
    for (const [, before = '', by = '', port] of text.slice(0, 20_000).matchAll(pattern)) {
      const isHost = port !== undefined || before === '://' || before === '@'
      if (isHost && names.has(by)) {
        found.push({ by, port: port === undefined ? undefined : Number(port) })
      }
    }
  }
  for (const [variable, value] of environment ?? []) {
    search(value)
    if (hostVariable.test(variable) && names.has(value)) {
      found.push({ by: value, port: portBeside(variable, environment) })
    }
  }
  if (node.kind === 'map') {
    for (const key of ['command', 'entrypoint']) {
      for (const text of textsIn(node.entries.get(key)?.value)) search(text)
    }
  }
  return found
}

/** DB_PORT beside DB_HOST. */
function portBeside(
  variable: string,
  environment: ReadonlyMap<string, string> | undefined,
): number | undefined {
  const text = environment?.get(variable.replace(/[A-Z]+$/i, 'PORT'))
  return text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : undefined
}

/** The first word that a manifest would take for something to be filled in. */
export function placeholderIn(words: readonly string[]): string | undefined {
  return placeholders.find((placeholder) => words.some((word) => word.includes(placeholder)))
}
