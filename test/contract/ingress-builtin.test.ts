import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { builtinIngress } from '../../src/drivers/ingress/builtin/builtin-ingress.ts'
import { describeIngressCounts } from './ingress-counts.contract.ts'
import { describeIngressEdge } from './ingress-edge.contract.ts'
import { describeIngressHttp } from './ingress-http.contract.ts'
import { describeIngressPasses } from './ingress-passes.contract.ts'
import { describeIngressSplit } from './ingress-split.contract.ts'
import { describeIngressDriver, type DriverMaker } from './ingress.contract.ts'

const make: DriverMaker = (patience) =>
  builtinIngress({ clock: systemClock, random: systemRandom, log: silentLog, patience })

describeIngressDriver('builtin', make)
describeIngressHttp('builtin', make)
describeIngressCounts('builtin', make)
describeIngressSplit('builtin', make)
describeIngressPasses('builtin', make)
describeIngressEdge('builtin', make)
