import type { FaultList, Spot } from './faults.ts'
import { didYouMean } from './suggestion.ts'
import type { Entry, MapNode, Node, ScalarNode } from './tree.ts'

/** The closed list (rule 1). `{version}` is known at deploy only; it stays in images until then. */
export const placeholders = [
  '{service}',
  '{version}',
  '{env}',
  '{tenant}',
  '{cell.domain}',
] as const
type Placeholder = (typeof placeholders)[number]

/** What each placeholder means in a cell; `{cell.domain}` is undefined where there is none. */
export type Meanings = Readonly<Record<'{service}' | '{env}' | '{tenant}', string>> & {
  readonly '{cell.domain}': string | undefined
}

/** Where placeholders are filled in; everywhere else a text is taken as it stands. */
export const filledIn = 'image, route.host and the values of env'

const seemsPlaceholder = /\{[A-Za-z][A-Za-z0-9_.-]*\}/g

/** Fills in the placeholders of a service, and refuses those that nothing fills in. */
export function fillPlaceholders(
  service: MapNode,
  path: readonly string[],
  meanings: Meanings,
  faults: FaultList,
): MapNode {
  const visit = (node: Node, at: readonly string[]): Node => {
    if (node.kind === 'list') {
      return {
        ...node,
        items: node.items.map((item, index) => visit(item, [...at, String(index)])),
      }
    }
    if (node.kind === 'map') {
      const entries = [...node.entries].map(([key, entry]): [string, Entry] => [
        key,
        { ...entry, value: visit(entry.value, [...at, key]) },
      ])
      return { ...node, entries: new Map(entries) }
    }
    if (node.kind !== 'scalar' || typeof node.value !== 'string' || !node.value.includes('{'))
      return node
    return filled(node, { place: node.place, path: [...path, ...at] }, at, meanings, faults)
  }
  return visit(service, []) as MapNode
}

function filled(
  node: ScalarNode,
  spot: Spot,
  at: readonly string[],
  meanings: Meanings,
  faults: FaultList,
): Node {
  const place = placeKind(at)
  const text = String(node.value)
  let isBroken = false
  const value = text.replace(seemsPlaceholder, (word, offset: number) => {
    const fault = faultOf(word, place, text[offset - 1] === '$')
    if (fault !== undefined) {
      isBroken = true
      faults.add(fault.code, spot, fault.message, fault.hint)
      return word
    }
    if (place === 'elsewhere' || word === '{version}') return word
    const meaning = meanings[word as keyof Meanings]
    if (meaning !== undefined) return meaning
    isBroken = true
    const cell = `${meanings['{env}']}/${meanings['{tenant}']}`
    const domains = `{ domains: { ${meanings['{env}']}: … } }`
    const hint = `add it to platform.yaml: tenants: { ${meanings['{tenant}']}: ${domains} }`
    faults.add('domain-missing', spot, `${cell} has no domain for {cell.domain}`, hint)
    return word
  })
  return isBroken ? { kind: 'hole', place: node.place } : { ...node, value, text: value }
}

type PlaceKind = 'image' | 'host' | 'env' | 'elsewhere'

function placeKind(at: readonly string[]): PlaceKind {
  const path = at.join('.')
  if (path === 'image') return 'image'
  if (path === 'route.host') return 'host'
  return at[0] === 'env' && at.length === 2 ? 'env' : 'elsewhere'
}

interface PlaceholderFault {
  readonly code: 'placeholder-unknown' | 'placeholder-misplaced'
  readonly message: string
  readonly hint: string
}

function faultOf(
  word: string,
  place: PlaceKind,
  afterDollar: boolean,
): PlaceholderFault | undefined {
  const isKnown = placeholders.includes(word as Placeholder)
  if (place === 'elsewhere') {
    if (!isKnown) return undefined
    const message = `${word} is not filled in here, only in ${filledIn}`
    return { code: 'placeholder-misplaced', message, hint: 'give it to the program by `env`' }
  }
  if (afterDollar) {
    const message = `$${word} is not expanded: variables are not templates`
    return {
      code: 'placeholder-unknown',
      message,
      hint: `possible here: ${placeholders.join(' ')}`,
    }
  }
  if (!isKnown) {
    const hint = didYouMean(word, placeholders, '')
    return { code: 'placeholder-unknown', message: `there is no placeholder ${word}`, hint }
  }
  if (word === '{version}' && place !== 'image') {
    const message = '{version} is filled in in `image` only'
    const hint = 'the version is known at deploy; the program can read ROADSTEAD_RELEASE'
    return { code: 'placeholder-misplaced', message, hint }
  }
  return undefined
}
