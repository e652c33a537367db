import type { Engine } from './engine.ts'
import { labels } from './labels.ts'

/**
 * The network of one agent's containers: a bridge of their own, on which none reaches another.
 * They are reached through their published port, and reach out through the host.
 */
export async function ensureNetwork(engine: Engine, owner: string): Promise<string> {
  const name = nameFor(owner)
  const found = await engine.demand({ method: 'GET', path: `/networks/${name}` }, [404])
  if (found.status !== 404) return name
  const body = {
    Name: name,
    CheckDuplicate: true,
    Driver: 'bridge',
    Options: { 'com.docker.network.bridge.enable_icc': 'false' },
    Labels: { [labels.owner]: owner },
  }
  // 409: another start was quicker.
  await engine.demand({ method: 'POST', path: '/networks/create', body }, [409])
  return name
}

/** Takes it away again; one that is in use stays. An engine has room for some thirty. */
export async function removeNetwork(engine: Engine, owner: string): Promise<void> {
  await engine.demand({ method: 'DELETE', path: `/networks/${nameFor(owner)}` }, [403, 404, 409])
}

function nameFor(owner: string): string {
  return `roadstead-${owner}`
}
