import { canonicalHost, canonicalPath } from '../builtin/canonical.ts'
import type { Backend } from '../../../parts/ingress/model.ts'
import { emptyMaps, type Mapping } from './maps.ts'
import type { Pools } from './pools.ts'

type Entry = readonly [mapping: Mapping, key: string, value: string]

/** Shares are drawn in millionths. */
const shareUnit = 1_000_000

const entrances = new Set(['public', 'private', 'admin'])

/** Which ways lead to a backend's pools, as entries of HAProxy's maps. */
export function waysTo(backend: Backend, pools: Pools): readonly Entry[] {
  const nameOf = (side: string): string | undefined => pools.find(backend.id, side)?.name
  const online = nameOf('online') ?? ''
  const entries: Entry[] = []
  const { route, listener, split, passes = [] } = backend
  if (route !== null && entrances.has(route.expose)) {
    const host = canonicalHost(route.host)
    const path = canonicalPath(route.path)
    const expose = route.expose as 'public' | 'private' | 'admin'
    if (isWord(host) && isWord(path)) {
      entries.push([`${expose}-routes`, `${host}${path.endsWith('/') ? path : `${path}/`}`, online])
      entries.push([`${expose}-hosts`, host, '1'])
    }
  }
  if (listener !== null) {
    entries.push(['ports', String(listener.port), online])
    entries.push(['ports', String(listener.maintenancePort), nameOf('maintenance') ?? ''])
  }
  if (split !== undefined) entries.push(...sidesOf(split, online, nameOf))
  for (const { digest, releaseId, until } of passes) {
    if (!/^[0-9a-f]{64}$/.test(digest)) continue
    entries.push(['tokens', digest, String(Math.floor(until))])
    const to = nameOf(`pass-maintenance ${releaseId}`)
    const isBehind = backend.maintenance.some((endpoint) => endpoint.releaseId === releaseId)
    const isOnline = backend.online.some((endpoint) => endpoint.releaseId === releaseId)
    const pool = isBehind ? to : isOnline ? nameOf(`pass-online ${releaseId}`) : undefined
    if (pool !== undefined) entries.push(['passes', `${online}/${digest}`, pool])
  }
  return entries
}

function sidesOf(
  { groups, sticky }: NonNullable<Backend['split']>,
  online: string,
  nameOf: (side: string) => string | undefined,
): Entry[] {
  const share = (name: string): number =>
    Math.round((groups.find((group) => group.name === name)?.share ?? 0) * shareUnit)
  const canary = share('canary')
  const both = canary + share('baseline')
  const entries: Entry[] = [['shares', online, `${canary}:${both}:${sticky ? 1 : 0}`]]
  for (const { name } of groups) {
    if (share(name) > 0) entries.push(['sides', `${online}/${name}`, nameOf(name) ?? online])
  }
  if (both < shareUnit) entries.push(['sides', `${online}/rest`, online])
  return entries
}

/** All maps; of two backends that claim one key, the first id has it. */
export function mapsOf(
  ways: ReadonlyMap<string, readonly Entry[]>,
): Map<Mapping, Map<string, string>> {
  const maps = emptyMaps()
  for (const id of [...ways.keys()].toSorted()) {
    for (const [mapping, key, value] of ways.get(id) ?? []) {
      const map = maps.get(mapping)
      const known = map?.get(key)
      if (known === undefined) map?.set(key, value)
      // A token that several services know is good for as long as the one that knows it longest.
      else if (mapping === 'tokens' && Number(value) > Number(known)) map?.set(key, value)
    }
  }
  return maps
}

/** What can be a key of a map: it is written into a line between blanks. */
function isWord(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text) && !/[;#\\"']/.test(text)
}
