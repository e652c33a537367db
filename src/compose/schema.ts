import { Ajv, type ErrorObject } from 'ajv'
import type { FaultList } from '../parts/apps/manifest/faults.ts'
import { nameOf, shown } from '../parts/apps/manifest/schema-words.ts'
import { closest, didYouMean } from '../parts/apps/manifest/suggestion.ts'
import { dataOf, nodeAt, placeAt, type MapNode, type Place } from '../parts/apps/manifest/tree.ts'
import specification from '../../node_modules/dclint/schemas/compose.schema.json' with { type: 'json' }

/**
 * What a compose file may hold: compose-spec's own JSON Schema decides, this says it in words. The
 * schema is that of a linter's package, which carries it and exports it not; the build takes it in.
 */

/** It names its dialect by an address that nobody has registered; it is ajv's own. */
const { $schema: _dialect, ...schema } = specification
const validate = new Ajv({ allErrors: true, strict: false, verbose: true }).compile(schema)

/** Faults that are told of one file: beyond them the first ones help more than the others. */
const faultsMax = 50

/** Keys of a service, as compose-spec has them. */
export const serviceKeys: readonly string[] = Object.keys(
  specification.definitions.service.properties,
)

/** Keys of a service's `build`. */
export const buildKeys: readonly string[] = Object.keys(
  specification.definitions.service.properties.build.oneOf[1]?.properties ?? {},
)

/** Adds a fault for each place that compose-spec does not allow; true where there is none. */
export function checkCompose(root: MapNode, faults: FaultList): boolean {
  if (validate(dataOf(root))) return true
  const errors = deepest((validate.errors ?? []).filter(({ keyword }) => !isChoice(keyword)))
  for (const [path, found] of byPath(errors).slice(0, faultsMax)) {
    for (const error of found) {
      if (error.keyword === 'additionalProperties') addUnknownKey(root, path, error, faults)
    }
    const others = found.filter(({ keyword }) => keyword !== 'additionalProperties')
    if (others.length > 0) addWrongValue(root, path, others, faults)
  }
  return false
}

function isChoice(keyword: string): boolean {
  return ['oneOf', 'anyOf', 'if', 'allOf'].includes(keyword)
}

function pathOf({ instancePath }: ErrorObject): string[] {
  const parts = instancePath.split('/').slice(1)
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/**
 * Of the alternatives that were tried the one that got furthest is what was meant: a branch that
 * already failed at the kind of value says nothing where another one got into it.
 */
function deepest(errors: readonly ErrorObject[]): ErrorObject[] {
  return errors.filter((error) => {
    if (error.keyword !== 'type') return true
    return !errors.some(
      (other) =>
        other !== error &&
        (other.instancePath.startsWith(`${error.instancePath}/`) ||
          (other.instancePath === error.instancePath && other.keyword !== 'type')),
    )
  })
}

function byPath(errors: readonly ErrorObject[]): [path: string[], errors: ErrorObject[]][] {
  const groups = new Map<string, ErrorObject[]>()
  for (const error of errors) {
    groups.set(error.instancePath, [...(groups.get(error.instancePath) ?? []), error])
  }
  return [...groups.values()].map((group) => [pathOf(group[0]!), group])
}

function addUnknownKey(
  root: MapNode,
  path: readonly string[],
  error: ErrorObject,
  faults: FaultList,
): void {
  const key = String(error.params['additionalProperty'])
  const parent = error.parentSchema as { properties?: object; patternProperties?: object }
  const known = Object.keys(parent.properties ?? {})
  const spot = { place: keyPlace(root, path, key), path: [...path, key] }
  const where = path.length === 0 ? 'a compose file' : nameOf({ path })
  if (known.length === 0) {
    const hint = 'letters, digits, dots, hyphens and underscores make a name'
    faults.add('bad-name', spot, `\`${shown(key)}\` is no name that compose allows`, hint)
    return
  }
  const given = nodeAt(root, path)
  const lineOf = (name: string): number | undefined =>
    given?.kind === 'map' ? given.entries.get(name)?.key.line : undefined
  const near = closest(key, known)
  const line = near === undefined ? undefined : lineOf(near)
  const free = known.filter((name) => lineOf(name) === undefined)
  const hint =
    line === undefined
      ? didYouMean(key, free, 'delete it, or begin its name with x-')
      : `did you mean \`${near}\`? it stands in line ${line} already`
  faults.add('unknown-key', spot, `${where} has no key \`${shown(key)}\``, hint)
}

function keyPlace(root: MapNode, path: readonly string[], key: string): Place {
  const node = nodeAt(root, path)
  return (node?.kind === 'map' ? node.entries.get(key)?.key : undefined) ?? placeAt(root, path)
}

const kindWords: Readonly<Record<string, string>> = {
  string: 'a text',
  object: 'a map',
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  null: 'nothing',
}

function addWrongValue(
  root: MapNode,
  path: readonly string[],
  errors: readonly ErrorObject[],
  faults: FaultList,
): void {
  const spot = { place: placeAt(root, path), path }
  const name = nameOf({ path })
  const [first] = errors
  const missing = errors.filter(({ keyword }) => keyword === 'required')
  if (missing.length > 0) {
    const keys = [
      ...new Set(missing.map(({ params }) => `\`${String(params['missingProperty'])}\``)),
    ]
    faults.add('missing-key', spot, `${name} has no ${keys.join(' or ')}`, `add ${keys[0]}`)
    return
  }
  const kinds = errors
    .filter(({ keyword }) => keyword === 'type')
    .flatMap(({ params }) => [params['type'] as string | string[]].flat())
    .filter((kind) => kind !== 'null')
  if (kinds.length > 0) {
    const words = [...new Set(kinds)].map((kind) => kindWords[kind] ?? kind)
    faults.add('wrong-kind', spot, `${name} takes ${words.join(' or ')}`, 'mend the line')
    return
  }
  const allowed = errors.flatMap(({ params }) => (params['allowedValues'] as unknown[]) ?? [])
  if (allowed.length > 0) {
    const words = allowed.map(String)
    const hint = didYouMean(spot.place.words, words, '')
    faults.add('wrong-value', spot, `${name} is none of ${words.join(', ')}`, hint)
    return
  }
  faults.add('wrong-value', spot, `${name} ${first?.message ?? 'is not right'}`, 'mend the line')
}
