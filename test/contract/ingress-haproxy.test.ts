import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { haproxyIngress } from '../../src/drivers/ingress/haproxy/haproxy-ingress.ts'
import { whyUnusable } from '../../src/drivers/ingress/haproxy/machine.ts'
import { describeIngressCounts } from './ingress-counts.contract.ts'
import { describeIngressEdge } from './ingress-edge.contract.ts'
import { describeIngressTrouble } from './ingress-trouble.contract.ts'
import { describeIngressHttp } from './ingress-http.contract.ts'
import { describeIngressHttp2 } from './ingress-http2.contract.ts'
import { describeIngressPasses } from './ingress-passes.contract.ts'
import { describeIngressShield } from './ingress-shield.contract.ts'
import { describeIngressSplit } from './ingress-split.contract.ts'
import { describeIngressTls } from './ingress-tls.contract.ts'
import { describeIngressDriver } from './ingress.contract.ts'
import { type DriverMaker, type DriverTraits } from './ingress-traits.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const make: DriverMaker = (patience) => {
  const folder = mkdtempSync(join(tmpdir(), 'roadstead-haproxy-'))
  folders.push(folder)
  const world = { clock: systemClock, random: systemRandom, log: silentLog }
  return haproxyIngress({ ...world, folder, patience })
}

const traits: DriverTraits = {
  attempts: 6,
  movesUnsent: false,
  reusesWhenTold: false,
  unevenBy: 2,
  isStrictOnTargets: true,
  mendsFraming: true,
  closesAtOnce: false,
  answersLargeHeaders: false,
}

const because = process.env['CI'] === undefined ? whyUnusable() : undefined

// Under CI a missing HAProxy is a failure.
describe.skipIf(because !== undefined)(`with HAProxy${because ?? ''}`, () => {
  describeIngressDriver('haproxy', make, traits)
  describeIngressTrouble('haproxy', make, traits)
  describeIngressHttp('haproxy', make, traits)
  describeIngressCounts('haproxy', make)
  describeIngressSplit('haproxy', make)
  describeIngressPasses('haproxy', make)
  describeIngressEdge('haproxy', make)
  describeIngressTls('haproxy', make)
  describeIngressHttp2('haproxy', make, traits)
  describeIngressShield('haproxy', make)
})
