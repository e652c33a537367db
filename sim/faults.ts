import { Chance } from './chance.ts'
import type { Plot } from './plot.ts'

/**
 * What goes wrong in a world: data made from the seed, so that a failing list can be cut down to the
 * few that matter. Every fault ends: a fault that nobody mends proves nothing about what follows it.
 */
export type Fault = {
  /** True ms. */
  readonly at: number
  /** How long it lasts, in ms. */
  readonly forMs: number
} & (
  | {
      readonly what:
        /** The process dies at once; its supervisor starts it again. */
        | 'crash-server'
        /** Its machine has no power. */
        | 'power-off-server'
        /** It stands still, longer than any lease, and goes on where it was. */
        | 'pause-server'
        | 'crash-agent'
        | 'pause-agent'
        | 'crash-ingress'
        | 'power-off-ingress'
        /** Its instances die with it, and what was not synced is lost. */
        | 'reboot-node'
        /** The whole host stands still, its clocks with it. */
        | 'freeze-node'
        /** One of the instances that run there is killed. */
        | 'kill-instance'
        /** One of the instances that run there answers nobody any more. */
        | 'hang-instance'
        | 'full-disk'
        | 'failing-disk'
      readonly host: string
    }
  /** Each operation of its disk takes longer. */
  | { readonly what: 'slow-disk'; readonly host: string; readonly ms: number }
  /** The disk of the store that the servers share. */
  | { readonly what: 'full-store' | 'failing-store' }
  | { readonly what: 'slow-store'; readonly ms: number }
  /** Its clocks run too fast or too slow by this share. */
  | { readonly what: 'drift'; readonly host: string; readonly rate: number }
  /** Its wall clock jumps. */
  | { readonly what: 'jump'; readonly host: string; readonly ms: number }
  /** No message gets through: in both directions, or in one only. */
  | {
      readonly what: 'partition'
      readonly hosts: readonly string[]
      readonly direction: 'both' | 'out' | 'in'
      /** From whom; undefined: from everybody else. */
      readonly others?: readonly string[]
    }
  /** Every message is late by chance, up to more than any lease. */
  | { readonly what: 'delay'; readonly hosts: readonly string[]; readonly ms: number }
  | { readonly what: 'loss'; readonly hosts: readonly string[]; readonly share: number }
  /** Messages come twice, the second time up to `ms` later: from an older boot by then. */
  | {
      readonly what: 'duplicates'
      readonly hosts: readonly string[]
      readonly share: number
      readonly ms: number
    }
)

/** Wishes and nodes settle before the first fault, in ms. */
const firstFaultAt = 5_000
/** The share of seeds without any fault: there everything is promised that quiet times promise. */
const quietShare = 0.1

/** What the faults of a world may strike. */
interface Hosts {
  readonly servers: readonly string[]
  readonly nodes: readonly string[]
  readonly ingresses: readonly string[]
  readonly zones: ReadonlyMap<string, readonly string[]>
}

/** Makes the faults of a seed. */
export function planFaults(plot: Plot): Fault[] {
  const chance = new Chance(plot.seed, 'faults')
  if (chance.happens(quietShare)) return []
  const hosts = hostsOf(plot)
  const count = chance.integer(1, 8)
  const faults: Fault[] = []
  for (let made = 0; made < count; made++) {
    const own = new Chance(plot.seed, `fault ${made}`)
    const at = own.between(firstFaultAt, plot.actOneMs - 1_000)
    const forMs = Math.min(own.between(500, 45_000), plot.actOneMs - at)
    faults.push({ at, forMs, ...planFault(own, hosts) })
  }
  return faults.toSorted((a, b) => a.at - b.at)
}

type What = Fault extends infer One
  ? One extends Fault
    ? Omit<One, 'at' | 'forMs'>
    : never
  : never

function planFault(chance: Chance, hosts: Hosts): What {
  const { servers, nodes, ingresses } = hosts
  const all = [...servers, ...nodes, ...ingresses]
  const makers: readonly (() => What)[] = [
    () => ({ what: 'crash-server', host: chance.pick(servers) }),
    () => ({ what: 'power-off-server', host: chance.pick(servers) }),
    () => ({ what: 'pause-server', host: chance.pick(servers) }),
    () => ({ what: 'crash-agent', host: chance.pick(nodes) }),
    () => ({ what: 'pause-agent', host: chance.pick(nodes) }),
    () => ({ what: 'crash-ingress', host: chance.pick(ingresses) }),
    () => ({ what: 'power-off-ingress', host: chance.pick(ingresses) }),
    () => ({ what: 'reboot-node', host: chance.pick(nodes) }),
    () => ({ what: 'freeze-node', host: chance.pick(nodes) }),
    () => ({ what: 'kill-instance', host: chance.pick(nodes) }),
    () => ({ what: 'hang-instance', host: chance.pick(nodes) }),
    () => ({ what: 'full-disk', host: chance.pick([...nodes, ...ingresses]) }),
    () => ({ what: 'failing-disk', host: chance.pick([...nodes, ...ingresses]) }),
    () => ({ what: 'slow-disk', host: chance.pick(nodes), ms: chance.between(50, 5_000) }),
    () => ({ what: 'full-store' }),
    () => ({ what: 'failing-store' }),
    () => ({ what: 'slow-store', ms: chance.between(50, 3_000) }),
    () => ({ what: 'drift', host: chance.pick(all), rate: chance.between(0.93, 1.07) }),
    () => ({ what: 'jump', host: chance.pick(all), ms: chance.between(-3.6e6, 3.6e6) }),
    () => planPartition(chance, hosts),
    () => planPartition(chance, hosts),
    () => ({ what: 'delay', hosts: some(chance, all), ms: chance.between(200, 20_000) }),
    () => ({ what: 'loss', hosts: some(chance, all), share: chance.between(0.05, 0.6) }),
    () => ({
      what: 'duplicates',
      hosts: some(chance, all),
      share: chance.between(0.1, 0.9),
      ms: chance.between(100, 30_000),
    }),
  ]
  return chance.pick(makers)()
}

function planPartition(chance: Chance, { servers, nodes, ingresses, zones }: Hosts): What {
  const direction = chance.pick(['both', 'both', 'out', 'in'] as const)
  const hosts = chance.pick([
    [chance.pick(nodes)],
    [chance.pick(nodes)],
    zones.get(chance.pick([...zones.keys()])) ?? [],
    [chance.pick(servers)],
    [chance.pick(ingresses)],
    nodes,
  ])
  // Cut off from the servers only, an instance goes on to serve; from everybody, it does not.
  const others = chance.happens(0.6) ? { others: ['store', ...servers] } : {}
  return { what: 'partition', hosts, direction, ...others }
}

function some(chance: Chance, all: readonly string[]): string[] {
  if (chance.happens(0.3)) return [...all]
  return all.filter(() => chance.happens(0.35))
}

function hostsOf(plot: Plot): Hosts {
  const zones = new Map<string, string[]>()
  for (const { nodeId, zone } of plot.nodes) zones.set(zone, [...(zones.get(zone) ?? []), nodeId])
  return {
    servers: plot.servers,
    nodes: plot.nodes.map(({ nodeId }) => nodeId),
    ingresses: plot.ingresses,
    zones,
  }
}

/** A fault as a person tells of it. */
export function wordsOfFault(fault: Fault): string {
  const seconds = `${(fault.forMs / 1_000).toFixed(1)} s`
  switch (fault.what) {
    case 'crash-server':
    case 'crash-ingress':
      return `${fault.host} is killed`
    case 'crash-agent':
      return `the agent of ${fault.host} is killed`
    case 'power-off-server':
    case 'power-off-ingress':
      return `${fault.host} has no power for ${seconds}`
    case 'pause-server':
      return `${fault.host} stands still for ${seconds}`
    case 'pause-agent':
      return `the agent of ${fault.host} stands still for ${seconds}`
    case 'reboot-node':
      return `${fault.host} has no power for ${seconds}, and boots again`
    case 'freeze-node':
      return `${fault.host} is frozen with its clocks for ${seconds}`
    case 'kill-instance':
      return `an instance on ${fault.host} is killed`
    case 'hang-instance':
      return `an instance on ${fault.host} answers nobody for ${seconds}`
    case 'full-disk':
      return `the disk of ${fault.host} is full for ${seconds}`
    case 'failing-disk':
      return `the disk of ${fault.host} fails to sync for ${seconds}`
    case 'slow-disk':
      return `the disk of ${fault.host} needs ${Math.round(fault.ms)} ms more for ${seconds}`
    case 'full-store':
      return `the store is full for ${seconds}`
    case 'failing-store':
      return `the store fails to sync for ${seconds}`
    case 'slow-store':
      return `the store needs ${Math.round(fault.ms)} ms more for ${seconds}`
    case 'drift': {
      const percent = ((fault.rate - 1) * 100).toFixed(1)
      return `the clocks of ${fault.host} run ${percent} % off for ${seconds}`
    }
    case 'jump':
      return `the wall clock of ${fault.host} is ${Math.round(fault.ms / 1e3)} s off for ${seconds}`
    case 'partition':
    case 'delay':
    case 'loss':
    case 'duplicates':
      return wordsOfNetwork(fault, seconds)
  }
}

function wordsOfNetwork(
  fault: Extract<Fault, { hosts: readonly string[] }>,
  seconds: string,
): string {
  const hosts = fault.hosts.length === 0 ? 'nobody' : fault.hosts.join(', ')
  switch (fault.what) {
    case 'partition': {
      const { direction, others } = fault
      const way = { both: 'between', out: 'from', in: 'towards' }[direction]
      const rest = others === undefined ? 'everybody else' : others.join(', ')
      return `nothing gets through ${way} ${hosts} and ${rest} for ${seconds}`
    }
    case 'delay':
      return `messages of ${hosts} are up to ${Math.round(fault.ms)} ms late for ${seconds}`
    case 'loss':
      return `${Math.round(fault.share * 100)} % of the messages of ${hosts} are lost for ${seconds}`
    case 'duplicates': {
      const share = `${Math.round(fault.share * 100)} %`
      const late = Math.round(fault.ms)
      return `${share} of the messages of ${hosts} come again up to ${late} ms later for ${seconds}`
    }
  }
}
