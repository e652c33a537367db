import { createHash } from 'node:crypto'
import type { SimEvent } from './view.ts'

/** Characters that are hashed in one go. */
const chunkChars = 32_768

/** The hash over everything that happened, with its time: the same seed gives the same hash. */
export class Trace {
  readonly #hash = createHash('sha256')
  #text = ''
  events = 0

  note(at: number, event: SimEvent): void {
    this.events++
    this.#text += `${at} ${lineOf(event)}\n`
    if (this.#text.length >= chunkChars) this.#flush()
  }

  digest(): string {
    this.#flush()
    return this.#hash.copy().digest('hex')
  }

  #flush(): void {
    this.#hash.update(this.#text)
    this.#text = ''
  }
}

/** All of an event in one line; of processes what names them, the rest follows from earlier lines. */
function lineOf(event: SimEvent): string {
  switch (event.is) {
    case 'request':
      return `request ${event.backendId} ${event.failed ?? ''}`
    case 'process-started':
    case 'process-ended':
    case 'process-health': {
      const { instanceId, nodeId, boot, run, isHealthy } = event.process
      const because = event.is === 'process-ended' ? `${event.because} ${event.by}` : ''
      return `${event.is} ${instanceId} ${nodeId} ${boot} ${run} ${isHealthy} ${because}`
    }
    default:
      return JSON.stringify(event)
  }
}
