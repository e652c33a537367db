/** An ingress with apps behind it for one test, all of which end with the test. */
import { Agent } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach } from 'vitest'
import type { IngressDriver, IngressSettings, OpenPorts } from '../../src/parts/ingress/driver.ts'
import type { Backend } from '../../src/parts/ingress/model.ts'
import { anApp, aRawApp, type App } from './ingress-bed.ts'
import type { DriverMaker } from './ingress-traits.ts'

/** How long requests are waited with, in ms: an answer may take long where all the machine is busy. */
interface Patience {
  readonly answerMs: number
  readonly holdMs: number
}

export interface OpenIngress {
  readonly driver: IngressDriver
  /** The public one. */
  readonly port: number
  readonly ports: OpenPorts
  /** Takes over backends that are new or differ. */
  change(...backends: Backend[]): Promise<void>
}

export interface IngressBed {
  open(
    backends: readonly Backend[],
    settings?: Partial<IngressSettings> & Partial<Patience>,
  ): Promise<OpenIngress>
  app(id: string): Promise<App>
  /** One that does with each connection what it is told to. */
  rawApp(id: string, act: (socket: Socket, count: number) => void): Promise<App>
  /** One connection of a client, kept between its requests. */
  keepAlive(): Agent
  /** Does this when the test has ended, before what was there earlier is ended. */
  atEnd(end: () => Promise<unknown>): void
}

/** A port of loopback that the system chooses. */
export const anyPort = { host: '127.0.0.1', port: 0 } as const

/** To be called within `describe`: what a test opened is closed after it. */
export function ingressBed(makeDriver: DriverMaker): IngressBed {
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end()
  })
  return {
    async open(backends, { answerMs = 20_000, holdMs = 1_500, ...settings } = {}) {
      const driver = makeDriver({ answerMs, holdMs })
      await driver.apply({ full: true, backends, removed: [] })
      const ports = await driver.open({ publicAddress: anyPort, ...settings })
      ends.push(() => driver.close(0))
      return {
        driver,
        ports,
        port: ports.publicPort,
        change: (...changed) => driver.apply({ full: false, backends: changed, removed: [] }),
      }
    },
    async app(id) {
      const made = await anApp(id)
      ends.push(() => made.kill())
      return made
    },
    async rawApp(id, act) {
      const made = await aRawApp(id, act)
      ends.push(() => made.kill())
      return made
    },
    keepAlive() {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      ends.push(async () => agent.destroy())
      return agent
    },
    atEnd: (end) => void ends.push(end),
  }
}
