import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { availableParallelism } from 'node:os'
import type { Address } from '../../../parts/ingress/driver.ts'
import { listen } from '../builtin/listeners.ts'
import { limits } from '../builtin/limits.ts'

/** What HAProxy and this machine can do. */

/** Before 2.6 a named `defaults` section could hold no rules for requests. */
const versionMin = [2, 6] as const

/** Why this HAProxy cannot be used, with what to do; undefined: it can. */
export function whyUnusable(binary = 'haproxy'): string | undefined {
  const asked = spawnSync(binary, ['-vv'], { encoding: 'utf8', timeout: 10_000 })
  if (asked.error !== undefined || asked.status !== 0) {
    return 'HAProxy is not installed (Debian and Ubuntu: apt-get install haproxy)'
  }
  const found = /version (\d+)\.(\d+)/.exec(asked.stdout)
  const [major, minor] = [Number(found?.[1]), Number(found?.[2])]
  if (!(major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1]))) {
    return `this HAProxy is ${major}.${minor}; install 2.6 or newer`
  }
  if (!/\+LUA\b|USE_LUA=1/.test(asked.stdout)) {
    return 'this HAProxy was built without Lua; install one with it, as Debian and Ubuntu have'
  }
  if (!/\+OPENSSL\b|USE_OPENSSL|\+QUICTLS/.test(asked.stdout)) {
    return 'this HAProxy was built without OpenSSL; install one with it, as Debian and Ubuntu have'
  }
  return undefined
}

/** When a process started, in the kernel's ticks; undefined: there is none, or no /proc. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

/** Connections that the descriptors of this process allow, beside what the servers' checks need. */
export function connectionsMax(servers: number, ports: number): number {
  const reserve = 500 + servers + ports
  const spare = Math.floor((descriptorsMax() - reserve) / 2)
  return Math.max(100, Math.min(limits.connectionsMax, spare))
}

function descriptorsMax(): number {
  try {
    const found = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return Number(found?.[1] ?? 4_096)
  } catch {
    return 4_096
  }
}

export function threadsUsual(): number {
  return Math.min(64, availableParallelism())
}

/** The first port that the system gives out by itself: below it ports may be opened ahead. */
export function ephemeralFrom(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/)[0])
  } catch {
    return 0
  }
}

/** Makes sure that an address can be listened on; gives its port. Refusals as `listen` has them. */
export async function probe(address: Address): Promise<number> {
  const server = createServer()
  const port = await listen(server, address)
  await new Promise((resolve) => server.close(resolve))
  return port
}
