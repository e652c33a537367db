/** The levels of ARCHITECTURE.md, as data: a file may import downwards only. */

/** Parts in the order in which their models may build on each other. */
export const partsInOrder = [
  'audit',
  'access',
  'tenants',
  'nodes',
  'artifacts',
  'apps',
  'volumes',
  'instances',
  'scheduling',
  'discovery',
  'ingress',
  'jobs',
  'rollouts',
  'backups',
  'execs',
] as const

interface Level {
  readonly level: number
  readonly name: string
  readonly files: RegExp
}

const levels: readonly Level[] = [
  { level: 0, name: 'base', files: /^src\/base\// },
  {
    level: 1,
    name: 'model',
    files: /^src\/parts\/[^/]+\/((judge-)?model\.ts|builders\.ts|manifest\/)/,
  },
  { level: 2, name: 'wire', files: /^src\/wire\// },
  { level: 3, name: 'plan', files: /^src\/parts\/[^/]+\/plan[^/]*\.ts$/ },
  { level: 3, name: 'port', files: /^src\/parts\/[^/]+\/driver\.ts$/ },
  {
    level: 3,
    name: 'store port',
    files: /^src\/(store\/(port|observations)|telemetry\/[^/]+\/port)\.ts$/,
  },
  {
    level: 4,
    name: 'records',
    files: /^src\/parts\/[^/]+\/([a-z-]*view|records|usage|leases|traffic|new-run|relay)\.ts$/,
  },
  { level: 5, name: 'controller', files: /^src\/parts\/[^/]+\/controller\.ts$/ },
  { level: 5, name: 'routes', files: /^src\/(parts|telemetry)\/[^/]+\/routes[^/]*\.ts$/ },
  { level: 6, name: 'driver', files: /^src\/(drivers|store|telemetry)\// },
  { level: 7, name: 'server', files: /^src\/server\// },
  { level: 7, name: 'agent', files: /^src\/agent\// },
  { level: 7, name: 'ingress', files: /^src\/ingress\// },
  // Read by the command line alone: no role loads it.
  { level: 7, name: 'compose', files: /^src\/compose\// },
  { level: 8, name: 'cli', files: /^src\/cli\// },
]

/** The level that a file of src/ stands on; undefined: it fits none. */
export function levelOf(path: string): Level | undefined {
  return levels.find((level) => level.files.test(path))
}

/** Why `path` may not import `target`, with what to do instead; undefined: it may. */
export function mayImport(path: string, target: string): string | undefined {
  if (path.startsWith('console/')) {
    return target.startsWith('console/') || target.startsWith('src/wire/')
      ? undefined
      : 'the console imports src/wire/ only; put the shape that it needs there'
  }
  // Data of a package that it does not export.
  if (/^node_modules\/[^:]+\.json$/.test(target)) return undefined
  if (!target.startsWith('src/')) return 'nothing in src/ imports what lies outside of it'
  const from = levelOf(path)
  const to = levelOf(target)
  if (from === undefined || to === undefined) return undefined
  if (from.level === 8) return undefined
  if (from.level === 6) return mayDriverImport(path, target, to)
  if (from.name === 'model' && to.name === 'model') return mayModelImport(path, target)
  if (to.level > from.level) {
    return `${from.name} (level ${from.level}) may not import ${to.name} (level ${to.level})`
  }
  if (to.level === 6) return 'drivers are passed in by cli/; import the port that they implement'
  if (to.level === 7 && to.name !== from.name) return 'roles never import each other: use the wire'
  if (from.level === 5 && to.level === 5 && !isSamePart(path, target) && to.name !== 'routes') {
    return 'parts cooperate through the store, never by calling each other: use its records'
  }
  return undefined
}

function mayModelImport(path: string, target: string): string | undefined {
  if (isSamePart(path, target)) return undefined
  const order: readonly string[] = partsInOrder
  return order.indexOf(partOf(target)) < order.indexOf(partOf(path))
    ? undefined
    : `the model of ${partOf(path)} may build on earlier parts only: ${order.join(' ')}`
}

function mayDriverImport(path: string, target: string, to: Level): string | undefined {
  if (to.level <= 4) return undefined
  if (to.level > 6) return `a driver knows nothing of ${to.name}`
  const family = (file: string): string => file.split('/').slice(0, 3).join('/')
  const isSameFamily =
    family(path) === family(target) || path.split('/')[1] === target.split('/')[1]
  return isSameFamily ? undefined : 'drivers do not import each other: share through base or a port'
}

function isSamePart(path: string, target: string): boolean {
  return partOf(path) === partOf(target)
}

function partOf(path: string): string {
  return path.split('/')[2] ?? ''
}
