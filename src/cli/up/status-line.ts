import { countText, rateText } from '../terminal/format.ts'
import { cutTo, type LiveStream } from '../terminal/live-block.ts'

/** One line at the bottom of a terminal that tells how it goes; elsewhere there is none. */
export class StatusLine {
  readonly #stream: LiveStream
  #isShown = false

  constructor(stream: LiveStream) {
    this.#stream = stream
  }

  get isLive(): boolean {
    return this.#stream.isTTY === true
  }

  show(line: string): void {
    if (!this.isLive) return
    this.#stream.write(`\r${cutTo(line, (this.#stream.columns ?? 80) - 1)}\x1b[K`)
    this.#isShown = true
  }

  /** Makes room for lines that stay. */
  clear(): void {
    if (this.#isShown) this.#stream.write('\r\x1b[K')
    this.#isShown = false
  }
}

/** What GET /v1/apps says of traffic and health, summed up in one line. */
export function statusText(answer: unknown): string {
  const items = (answer as { items?: AppSummary[] } | undefined)?.items
  if (items === undefined) return 'the server does not answer; the apps go on'
  const traffic = items.flatMap((app) => (app.traffic === null ? [] : [app.traffic]))
  const services = items.flatMap((app) => app.services)
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
  const rate = rateText(sum(traffic.map((each) => each.requestsPerSecond)))
  const sent = countText(sum(traffic.map((each) => each.sentTotal)))
  const failed = countText(sum(traffic.map((each) => each.failedTotal)))
  const ready = sum(services.map((service) => service.ready))
  const wanted = sum(services.map((service) => service.wanted))
  return `${rate} requests/s · ${failed} of ${sent} failed · ${ready} of ${wanted} instances ready`
}

/** The part of AppView that the line needs; the supervisor loads no schemas. */
interface AppSummary {
  readonly traffic: {
    readonly requestsPerSecond: number
    readonly sentTotal: number
    readonly failedTotal: number
  } | null
  readonly services: readonly { readonly ready: number; readonly wanted: number }[]
}
