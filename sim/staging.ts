import type { Staging } from '../src/drivers/instances/mock/mock-driver.ts'
import type { Launch } from '../src/parts/instances/driver.ts'
import type { Behaviour } from './apps.ts'
import { Chance } from './chance.ts'

/** How one run of an instance goes, by the behaviour of its version and by chance. */
export function stagingOf(seed: number, launch: Launch): Staging {
  const chance = new Chance(seed, `${launch.instanceId} ${launch.run}`)
  const readyAfterMs = chance.between(100, 1_500)
  const stopMs = chance.between(10, 500)
  if (launch.env['ROADSTEAD_JOB'] !== undefined) return stagingOfJob(chance)
  switch (launch.env['BEHAVIOUR'] as Behaviour | undefined) {
    case 'never-ready':
      // Of a worker without a check nobody can know that it does nothing: what runs is well.
      return launch.listen === null ? { readyAfterMs, stopMs } : { neverHealthy: true, stopMs }
    case 'crashes':
      return { readyAfterMs, endsAfterMs: chance.between(10, 1_000), exitCode: 1 }
    case 'dies-later':
      return { readyAfterMs, stopMs, endsAfterMs: chance.between(5_000, 60_000), exitCode: 1 }
    case 'falters': {
      const fromMs = chance.between(5_000, 40_000)
      const toMs = fromMs + chance.between(3_000, 25_000)
      return { readyAfterMs, stopMs, unhealthy: { fromMs, toMs } }
    }
    case 'slow':
      return { readyAfterMs: chance.between(5_000, 12_000), stopMs: chance.between(1_000, 4_000) }
    default:
      return { readyAfterMs, stopMs }
  }
}

/** Most jobs are done in seconds; some fail, some take longer than they may. */
function stagingOfJob(chance: Chance): Staging {
  const takesTooLong = chance.happens(0.1)
  const endsAfterMs = takesTooLong ? 50_000 : chance.between(50, 8_000)
  return { endsAfterMs, exitCode: chance.happens(0.15) ? 1 : 0 }
}
