import { readFileSync } from 'node:fs'
import type { Cloud } from '../../test/e2e/cloud.ts'

/** User and system time of server, agent and ingress, in ms; Linux counts it in hundredths of a second. */
export function cpuMsOfRoles(cloud: Cloud): number {
  return Object.values(cloud.file.roles).reduce((sum, { pid }) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [user = '0', system = '0'] = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14)
    return sum + (Number(user) + Number(system)) * 10
  }, 0)
}
