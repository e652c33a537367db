import { createServer, type Server } from 'node:net'
import { Refusal } from '../../base/errors.ts'
import type { PortRange } from '../api/settings.ts'

/** Which ports `up` takes: the usual ones, those of its last start, or the next free ones. */

/** Whether nobody listens on a port of 127.0.0.1. */
export type PortProbe = (port: number) => Promise<boolean>

/** A port, and whether it is another one than asked for, so that it can be said. */
export interface ChosenPort {
  readonly port: number
  readonly insteadOf: number | undefined
}

/** Ports that are tried above the wanted one before giving up. */
const triesMax = 100

/** Ranges are this long, and shifted by twice as much: listeners and instances never meet. */
const rangeLength = 1_000
const rangeShift = 2_000

/** Ports asked about at a time: each takes a descriptor, of which there may be as few as 256. */
const probedAtOnce = 50

/** Ranges stay below the ports that Linux gives to outgoing connections (32,768 and up). */
const rangeTopMax = 32_767

/** The first free port from `wanted` upwards that is not in `taken`. */
export async function choosePort(
  wanted: number,
  isFree: PortProbe,
  taken: ReadonlySet<number> = new Set(),
): Promise<ChosenPort> {
  const last = Math.min(wanted + triesMax, 65_535)
  for (let port = wanted; port <= last; port++) {
    if (taken.has(port) || !(await isFree(port))) continue
    return { port, insteadOf: port === wanted ? undefined : wanted }
  }
  throw new Refusal('ports-taken', `all ports from ${wanted} to ${last} are taken`, {
    status: 409,
    hint: 'name a free one with --port or --ingress-port',
  })
}

/**
 * Two ranges side by side, for listeners and for instances, in which nobody listens yet; where
 * every candidate has somebody, the one with the fewest.
 */
export async function chooseRanges(
  firstFrom: number,
  isFree: PortProbe,
): Promise<{ readonly listeners: PortRange; readonly instances: PortRange }> {
  let best = { from: firstFrom, busy: Number.POSITIVE_INFINITY }
  for (let from = firstFrom; from + rangeShift - 1 <= rangeTopMax; from += rangeShift) {
    const busy = await busyPorts({ from, to: from + rangeShift - 1 }, isFree)
    if (busy < best.busy) best = { from, busy }
    if (busy === 0) break
  }
  const middle = best.from + rangeLength
  return {
    listeners: { from: best.from, to: middle - 1 },
    instances: { from: middle, to: middle + rangeLength - 1 },
  }
}

async function busyPorts(range: PortRange, isFree: PortProbe): Promise<number> {
  let busy = 0
  for (let from = range.from; from <= range.to; from += probedAtOnce) {
    const length = Math.min(probedAtOnce, range.to - from + 1)
    const free = await Promise.all(Array.from({ length }, (_, index) => isFree(from + index)))
    busy += free.filter((isPortFree) => !isPortFree).length
  }
  return busy
}

/** Asks the system, by listening for an instant. */
export async function probePort(port: number): Promise<boolean> {
  const server = await listenOn(port)
  if (server === undefined) return false
  await new Promise((resolve) => server.close(resolve))
  return true
}

/** Any free port, for `--port 0`. */
export async function anyPort(): Promise<number> {
  const server = await listenOn(0)
  const address = server?.address()
  if (server === undefined || typeof address !== 'object' || address === null) {
    throw new Refusal('ports-taken', 'the system has no free port left', { status: 409 })
  }
  await new Promise((resolve) => server.close(resolve))
  return address.port
}

/**
 * Holds the last port of a range for as long as this process lives, so that another `up` on this
 * machine finds the range taken even while no instance runs in it.
 */
export async function claimRange(range: PortRange): Promise<PortRange> {
  const claim = await listenOn(range.to)
  claim?.unref()
  return { from: range.from, to: range.to - 1 }
}

/** A server on the port, or undefined where somebody has it, or we may not. */
function listenOn(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server))
  })
}
