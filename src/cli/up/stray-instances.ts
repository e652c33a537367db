import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Ends what an agent would have ended, when nobody has the patience to wait for it. Each process of
 * an instance's tree carries its instance's id in its environment; the agent's folder says which
 * ids are this cloud's.
 */
export function killInstances(dataFolder: string): number {
  const ours = new Set(namesIn(join(dataFolder, 'agent', 'instances')))
  let killed = 0
  for (const name of namesIn('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || !ours.has(instanceOf(pid) ?? '')) continue
    try {
      process.kill(pid, 'SIGKILL')
      killed++
    } catch {
      // It has just ended by itself.
    }
  }
  return killed
}

/** The instance that a process belongs to; undefined for others, and for other users' processes. */
function instanceOf(pid: number): string | undefined {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    const mark = environment.find((entry) => entry.startsWith('ROADSTEAD_INSTANCE='))
    return mark?.slice('ROADSTEAD_INSTANCE='.length)
  } catch {
    return undefined
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
