import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { systemRandom } from '../../src/base/random.ts'
import { builtinIngress } from '../../src/drivers/ingress/builtin/builtin-ingress.ts'
import { aBackend, anEndpoint, callRaw, countsOf } from './ingress-bed.ts'
import { describeIngressCounts } from './ingress-counts.contract.ts'
import { describeIngressEdge } from './ingress-edge.contract.ts'
import { describeIngressTrouble } from './ingress-trouble.contract.ts'
import { describeIngressHttp } from './ingress-http.contract.ts'
import { describeIngressHttp2 } from './ingress-http2.contract.ts'
import { ingressBed } from './ingress-open.ts'
import { describeIngressPasses } from './ingress-passes.contract.ts'
import { describeIngressShield } from './ingress-shield.contract.ts'
import { describeIngressSplit } from './ingress-split.contract.ts'
import { describeIngressTls } from './ingress-tls.contract.ts'
import { describeIngressDriver } from './ingress.contract.ts'
import { type DriverMaker } from './ingress-traits.ts'

const make: DriverMaker = (patience) =>
  builtinIngress({ clock: systemClock, random: systemRandom, log: silentLog, patience })

describeIngressDriver('builtin', make)
describeIngressTrouble('builtin', make)
describeIngressHttp('builtin', make)
describeIngressCounts('builtin', make)
describeIngressSplit('builtin', make)
describeIngressPasses('builtin', make)
describeIngressEdge('builtin', make)
describeIngressTls('builtin', make)
describeIngressHttp2('builtin', make)
describeIngressShield('builtin', make)

/** What cannot be told before it comes is counted as it comes; not every driver can do that. */
describe('builtin ingress, bodies of unknown length', () => {
  const bed = ingressBed(make)

  test('are refused as soon as they are larger than they may be', async () => {
    const online = [anEndpoint(await bed.app('i-web'))]
    const shield = { bodyBytesMax: 100_000 }
    const { port, driver } = await bed.open([aBackend({ online })], { shield })
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
    const head = 'POST / HTTP/1.1\r\nhost: shop.localhost\r\ntransfer-encoding: chunked\r\n\r\n'
    expect(await callRaw(port, head + chunk.repeat(7))).toMatch(/^HTTP\/1\.1 413 /)
    const fits = await callRaw(
      port,
      `${head.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n')}${chunk.repeat(6)}0\r\n\r\n`,
    )
    expect(fits).toMatch(/^HTTP\/1\.1 200 [\s\S]*"bytes":98304/)
    expect(await countsOf(driver)).toMatchObject({ sent: 2, answered: 1, clientAborted: 1 })
  })
})
