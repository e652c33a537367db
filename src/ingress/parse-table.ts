import type { Backend, Endpoint, TableDelta } from '../parts/ingress/model.ts'
import type { RoutingTable } from './routing-table.ts'

/**
 * Reads tables from outside: the server's answer, and the file of the last run. Whatever does not
 * have the shape of the model is refused whole, so that the last good table stays in use (rule 8 of
 * docs/reference/rules.md). Written out
 * by hand because a schema library would cost every node 12 MB; a test holds it to the schema.
 */

/** The delta in `data`, or undefined when it is none. */
export function parseDelta(data: unknown): TableDelta | undefined {
  if (!isObject(data)) return undefined
  const { version, revision, full, removed } = data
  const backends = parseBackends(data['backends'])
  if (!isInteger(version) || !isInteger(revision) || typeof full !== 'boolean') return undefined
  if (backends === undefined || !Array.isArray(removed) || !removed.every(isText)) return undefined
  return { version, revision, full, backends, removed }
}

/** The table that `printTable` wrote, or undefined when it is none. */
export function parseTable(text: string): RoutingTable | undefined {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(data) || data['schema'] !== 1 || !isInteger(data['revision'])) return undefined
  const backends = parseBackends(data['backends'])
  if (backends === undefined) return undefined
  return {
    revision: data['revision'],
    backends: new Map(backends.map((backend) => [backend.id, backend])),
  }
}

export function printTable(table: RoutingTable): string {
  const { revision, backends } = table
  return JSON.stringify({ schema: 1, revision, backends: [...backends.values()] })
}

function parseBackends(data: unknown): Backend[] | undefined {
  return Array.isArray(data) && data.every(isBackend) ? data : undefined
}

function isBackend(data: unknown): data is Backend {
  if (!isObject(data) || !isText(data['id'])) return false
  const { online, maintenance, route, listener } = data
  if (!Array.isArray(online) || !online.every(isEndpoint)) return false
  if (!Array.isArray(maintenance) || !maintenance.every(isEndpoint)) return false
  const { split, passes } = data
  if (split !== undefined && !isSplit(split)) return false
  if (passes !== undefined && !(Array.isArray(passes) && passes.every(isPass))) return false
  return (route === null || isRoute(route)) && (listener === null || isListener(listener))
}

function isSplit(data: unknown): boolean {
  if (!isObject(data) || typeof data['sticky'] !== 'boolean') return false
  return Array.isArray(data['groups']) && data['groups'].every(isGroup)
}

function isGroup(data: unknown): boolean {
  if (!isObject(data) || !isNumber(data['share'])) return false
  const { name, instanceIds } = data
  return (
    (name === 'canary' || name === 'baseline') &&
    Array.isArray(instanceIds) &&
    instanceIds.every(isText)
  )
}

function isPass(data: unknown): boolean {
  return (
    isObject(data) && isText(data['digest']) && isText(data['releaseId']) && isNumber(data['until'])
  )
}

function isEndpoint(data: unknown): data is Endpoint {
  return (
    isObject(data) &&
    isText(data['instanceId']) &&
    isText(data['releaseId']) &&
    isText(data['address']) &&
    isPort(data['port']) &&
    typeof data['ready'] === 'boolean'
  )
}

function isRoute(data: unknown): boolean {
  return isObject(data) && isText(data['host']) && isText(data['path']) && isText(data['expose'])
}

function isListener(data: unknown): boolean {
  return isObject(data) && isPort(data['port']) && isPort(data['maintenancePort'])
}

function isObject(data: unknown): data is Record<string, unknown> {
  return typeof data === 'object' && data !== null && !Array.isArray(data)
}

function isText(data: unknown): data is string {
  return typeof data === 'string'
}

function isInteger(data: unknown): data is number {
  return Number.isInteger(data)
}

function isNumber(data: unknown): data is number {
  return Number.isFinite(data)
}

function isPort(data: unknown): data is number {
  return isInteger(data) && data >= 1 && data <= 65_535
}
