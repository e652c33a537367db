import type { Resources } from '../nodes/model.ts'
import type { Home, NodeDriver, Obstacle, Remedy } from './model.ts'

/** The scheduler's reasons and remedies in words, with figures that a manifest can take. */

const units = [
  ['TiB', 2 ** 40],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
] as const

/** Bytes for people: `512 MiB`, `1.5 GiB`; cut, never rounded up, to one decimal. */
export function bytesText(bytes: number): string {
  for (const [unit, size] of units) {
    if (bytes >= size) return `${Math.floor((bytes / size) * 10 + 1e-9) / 10} ${unit}`
  }
  return `${bytes} B`
}

/** Bytes as a manifest writes them, exactly: `128MiB`. */
export function bytesExactly(bytes: number, space = ''): string {
  for (const [unit, size] of units) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${space}${unit}`
  }
  return `${bytes}${space}B`
}

/** Cores for people and manifests: `0.25`. */
export function coresText(cores: number): string {
  return String(Math.round(cores * 1_000) / 1_000)
}

function amountText(kind: 'cpu' | 'memory' | 'disk', amount: number): string {
  return kind === 'cpu' ? coresText(amount) : bytesText(amount)
}

/** An obstacle on one node: "memory: wants 512 MiB, 128 MiB free of 2 GiB". */
export function obstacleText(obstacle: Obstacle): string {
  switch (obstacle.kind) {
    case 'lost':
      return 'lost: its agent has fallen silent'
    case 'unknown':
      return 'not heard yet: the server has just begun to listen'
    case 'port':
      return `port: all of ${obstacle.from}-${obstacle.to} are in use`
    case 'zone':
      return `zone: ${zoneCountText(obstacle)} (zone: require)`
    case 'node':
      return 'node: another of it is on this node (node: require)'
    case 'home':
      return homeText(obstacle.home)
    case 'driver':
      return driverText[obstacle.driver]
    default: {
      const { kind, wants, free, of } = obstacle
      const text = (amount: number): string => amountText(kind, amount)
      return `${kind}: wants ${text(wants)}, ${text(free)} free of ${text(of)}`
    }
  }
}

const driverText: Readonly<Record<NodeDriver, string>> = {
  docker: 'image: no Docker Engine answers its agent',
  limits: 'limits: its agent cannot hold processes to them (bubblewrap, control groups)',
  builds: 'build: its agent builds no images (--builds, and a Docker Engine that answers)',
  ports: 'network: its agent can give a process no network of its own (bubblewrap, pasta)',
  'limited-ports':
    'limits, network: its agent lacks what one of them takes (bubblewrap, control groups, pasta)',
  mounts: 'mounts: its agent shows processes no files of their own (bubblewrap)',
}

const driverNeeded: Readonly<Record<NodeDriver, string>> = {
  docker: 'a Docker Engine',
  limits: 'bubblewrap and control groups',
  builds: 'a Docker Engine and --builds',
  ports: 'bubblewrap and pasta',
  'limited-ports': 'bubblewrap, control groups and pasta',
  mounts: 'bubblewrap',
}

/** Why it can stand on one node only, and what is not promised of it. */
export function homeText({ nodeId, because, name }: Home): string {
  return because === 'volume'
    ? `its volume ${name} is on ${nodeId}, and nowhere else`
    : `its app's shared network is on ${nodeId} (network: shared)`
}

/** "2 of it are in zone a, 1 in zone b". */
function zoneCountText({ here, emptiest }: Extract<Obstacle, { kind: 'zone' }>): string {
  const verb = here.holds === 1 ? 'is' : 'are'
  return `${here.holds} of it ${verb} in zone ${here.zone}, ${emptiest.holds} in ${emptiest.zone}`
}

/** One kind of obstacle over several nodes: "memory on 3 of 4 nodes (…)". */
export function obstaclesText(obstacles: readonly Obstacle[], nodes: number): string {
  const [first] = obstacles
  if (first === undefined) return ''
  const where = nodes === 1 ? 'the only node' : `${obstacles.length} of ${nodes} nodes`
  switch (first.kind) {
    case 'lost':
      return `${where} ${obstacles.length === 1 ? 'is' : 'are'} lost`
    case 'unknown':
      return `${where} ${obstacles.length === 1 ? 'is' : 'are'} not heard yet`
    case 'port':
      return `no port is free on ${where}`
    case 'zone': {
      const whose = nodes === 1 ? 'in the zone of the only node' : `in the zone of ${where}`
      return `more of it stand ${whose} than in zone ${first.emptiest.zone} (zone: require)`
    }
    case 'node':
      return `another of it is on ${where} (node: require)`
    case 'home':
      return homeText(first.home)
    case 'driver':
      return driverMissing[first.driver](where)
    default: {
      const { kind, wants } = first
      const most = obstacles.reduce((so, next) => Math.max(so, 'free' in next ? next.free : 0), 0)
      const figures = `wants ${amountText(kind, wants)}, at most ${amountText(kind, most)} free`
      return `too little ${kind} on ${where} (${figures})`
    }
  }
}

const driverMissing: Readonly<Record<NodeDriver, (where: string) => string>> = {
  docker: (where) => `no Docker Engine answers on ${where}, and it is an image`,
  limits: (where) => `processes are not held to their limits on ${where}, and it requires that`,
  builds: (where) => `no images are built on ${where}, and it builds one`,
  ports: (where) => `processes get no network of their own on ${where}, and it insists on its port`,
  'limited-ports': (where) =>
    `processes are not held to their limits, or get no network of their own, on ${where}: ` +
    'it requires both',
  mounts: (where) => `processes see the whole machine on ${where}, and it mounts files`,
}

/** A remedy as an instruction: "lower memory to 128MiB". */
export function remedyText(remedy: Remedy): string {
  switch (remedy.type) {
    case 'lower':
      return `lower ${listText(loweredTexts(remedy.to))}`
    case 'free':
      return `free ${listText(freedTexts(remedy.resources, remedy.port))} on ${remedy.nodeId}`
    case 'add-node':
      return addNodeText(remedy)
    case 'relax':
      return `let spread.${remedy.rule} be prefer`
    case 'untie':
      return untieText(remedy)
    case 'return':
      return `start the agent on ${remedy.nodeId} again`
    case 'wait':
      return `wait until ${remedy.nodeId} is heard`
  }
}

function loweredTexts(resources: Partial<Resources>): string[] {
  const texts: string[] = []
  if (resources.cpu !== undefined) texts.push(`cpu to ${coresText(resources.cpu)}`)
  if (resources.memoryBytes !== undefined) {
    texts.push(`memory to ${bytesExactly(resources.memoryBytes)}`)
  }
  if (resources.diskBytes !== undefined) texts.push(`disk to ${bytesExactly(resources.diskBytes)}`)
  return texts
}

function freedTexts(resources: Partial<Resources>, port: boolean): string[] {
  const texts: string[] = []
  const { cpu = 0, memoryBytes = 0, diskBytes = 0 } = resources
  if (cpu > 0) texts.push(`${coresText(cpu)} ${cpu === 1 ? 'core' : 'cores'}`)
  if (memoryBytes > 0) texts.push(`${bytesExactly(memoryBytes, ' ')} of memory`)
  if (diskBytes > 0) texts.push(`${bytesExactly(diskBytes, ' ')} of disk`)
  if (port) texts.push('a port')
  return texts
}

type AddNode = Extract<Remedy, { type: 'add-node' }>

function addNodeText({ zone, resources, port, driver }: AddNode): string {
  const engine = driver === null ? '' : ` with ${driverNeeded[driver]}`
  const room = freedTexts(resources, port)
  const withRoom =
    room.length === 0 ? '' : ` ${driver === null ? 'with' : 'and'} ${listText(room)} free`
  const where = zone === null ? '' : ` in zone ${zone} (zone: require)`
  return `add a node${where}${engine}${withRoom}`
}

/** A volume is never copied: elsewhere it begins with nothing in it. */
function untieText({ from, resources, port, driver }: Extract<Remedy, { type: 'untie' }>): string {
  const how =
    from.because === 'volume'
      ? `give the volume ${from.name} another name, under which it begins empty`
      : 'remove `network: shared`'
  return `${how}, and ${addNodeText({ type: 'add-node', zone: null, resources, port, driver })}`
}

/** "a", "a and b", "a, b and c". */
export function listText(parts: readonly string[]): string {
  if (parts.length < 2) return parts.join('')
  return `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}
