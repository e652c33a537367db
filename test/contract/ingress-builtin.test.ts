import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { builtinIngress } from '../../src/drivers/ingress/builtin/builtin-ingress.ts'
import { describeIngressDriver } from './ingress.contract.ts'

describeIngressDriver('builtin', (patience) =>
  builtinIngress({ clock: systemClock, random: systemRandom, log: silentLog, patience }),
)
