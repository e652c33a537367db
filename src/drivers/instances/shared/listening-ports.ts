import { readProc } from './proc.ts'

/** TCP_LISTEN as /proc/net/tcp writes it. */
const listenState = '0A'

/** Ports of the range on which a socket listens, on any address, in the network of a process. */
export function listeningPorts(from: number, to: number, of: number | 'self' = 'self'): number[] {
  const ports = new Set<number>()
  for (const file of ['tcp', 'tcp6']) {
    for (const line of (readProc(`${of}/net/${file}`) ?? '').split('\n')) {
      const [, local, , state] = line.trim().split(/\s+/)
      const port = Number.parseInt(local?.slice(local.lastIndexOf(':') + 1) ?? '', 16)
      if (state === listenState && port >= from && port <= to) ports.add(port)
    }
  }
  return [...ports].toSorted((a, b) => a - b)
}
