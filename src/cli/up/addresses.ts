import { Refusal } from '../../base/errors.ts'
import type { PortRange, UpFile } from '../api/settings.ts'
import {
  anyPort,
  choosePort,
  chooseRanges,
  claimRange,
  probePort,
  type ChosenPort,
} from './ports.ts'

/** Where the roles of one `up` listen. */
export interface Addresses {
  readonly serverPort: number
  readonly ingressPort: number
  /** Of the routes that are for the company, and of those for operators. */
  readonly privatePort: number
  readonly adminPort: number
  readonly listenerPorts: PortRange
  readonly instancePorts: PortRange
  /** What is not as usual, in sentences. */
  readonly remarks: readonly string[]
}

/** The ports that a user named; undefined for the usual ones. */
export interface WantedPorts {
  readonly port?: number | undefined
  readonly ingressPort?: number | undefined
}

const usual = {
  server: 7_070,
  ingress: 8_080,
  private: 8_081,
  admin: 8_082,
  ranges: 20_000,
} as const

/**
 * Chooses them: those named, those of the last start here, or the usual ones; a busy one gives way
 * to the next free one. Ranges are kept for ever once chosen, since records name ports in them.
 */
export async function chooseAddresses(
  wanted: WantedPorts,
  previous: UpFile | undefined,
): Promise<Addresses> {
  const server =
    wanted.port === undefined
      ? await choosePort(previous?.serverPort ?? usual.server, probePort)
      : await namedPort(wanted.port, '--port')
  const taken = new Set([server.port])
  const ingress =
    wanted.ingressPort === undefined
      ? await choosePort(previous?.ingressPort ?? usual.ingress, probePort, taken)
      : await namedPort(wanted.ingressPort, '--ingress-port')
  const inner = await innerPorts(wanted, previous, taken.add(ingress.port))
  const ranges = await rangesOf(previous)
  return {
    serverPort: server.port,
    ingressPort: ingress.port,
    ...inner,
    ...ranges,
    remarks: [
      ...remarkOn('the console and the API', server),
      ...remarkOn('the apps', ingress),
      ...(ranges.listenerPorts.from === usual.ranges
        ? []
        : [`services listen from port ${ranges.listenerPorts.from} on`]),
    ],
  }
}

/** Nobody has to know them by heart, so they give way without a remark: the banner names them. */
async function innerPorts(
  wanted: WantedPorts,
  previous: UpFile | undefined,
  taken: ReadonlySet<number>,
): Promise<Pick<Addresses, 'privatePort' | 'adminPort'>> {
  if (wanted.ingressPort === 0) return { privatePort: await anyPort(), adminPort: await anyPort() }
  const first = await choosePort(previous?.privatePort ?? usual.private, probePort, taken)
  const others = new Set([...taken, first.port])
  const second = await choosePort(previous?.adminPort ?? usual.admin, probePort, others)
  return { privatePort: first.port, adminPort: second.port }
}

async function rangesOf(
  previous: UpFile | undefined,
): Promise<Pick<Addresses, 'listenerPorts' | 'instancePorts'>> {
  if (previous !== undefined) {
    const { listenerPorts, instancePorts } = previous
    await claimRange({ from: listenerPorts.from, to: listenerPorts.to + 1 })
    await claimRange({ from: instancePorts.from, to: instancePorts.to + 1 })
    return { listenerPorts, instancePorts }
  }
  const { listeners, instances } = await chooseRanges(usual.ranges, probePort)
  return {
    listenerPorts: await claimRange(listeners),
    instancePorts: await claimRange(instances),
  }
}

/** A port that somebody asked for by number is that one or none; 0 is any. */
async function namedPort(port: number, option: string): Promise<ChosenPort> {
  if (port === 0) return { port: await anyPort(), insteadOf: undefined }
  if (await probePort(port)) return { port, insteadOf: undefined }
  throw new Refusal('port-taken', `port ${port} is held by another process`, {
    status: 409,
    hint: 'name another, or leave the option out to take the next free one',
    path: option,
  })
}

function remarkOn(what: string, chosen: ChosenPort): string[] {
  if (chosen.insteadOf === undefined) return []
  return [`port ${chosen.insteadOf} is taken: ${what} are at ${chosen.port}`]
}
