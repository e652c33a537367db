import { messageOf } from '../../../base/errors.ts'
import type { ListenerTrouble } from '../../../parts/ingress/driver.ts'
import { bounds } from './bounds.ts'
import { ephemeralFrom, probe } from './machine.ts'

/** Listeners are for callers on the same node only. */
const listenerHost = '127.0.0.1'

/**
 * The local ports that HAProxy listens at. A port that is new to it takes a reload, so the next ones are
 * opened ahead: apps get theirs in order. A port that leads nowhere yet closes its connections.
 */
export class PortPlan {
  readonly #open = new Set<number>()
  readonly #taken = new Map<number, string>()
  readonly #ahead: number = ephemeralFrom()

  /** In order. */
  get open(): number[] {
    return [...this.#open].toSorted((a, b) => a - b)
  }

  get hasTrouble(): boolean {
    return this.#taken.size > 0
  }

  /** What was to be opened is open. */
  noteOpened(): void {
    for (const port of this.#taken.keys()) if (this.#open.has(port)) this.#taken.delete(port)
  }

  troubles(): ListenerTrouble[] {
    return [...this.#taken].map(([port, because]) => ({ port, because }))
  }

  /** Finds what can be opened of the ports that are wanted; true when that takes a reload. */
  async review(wanted: readonly number[]): Promise<boolean> {
    for (const port of this.#taken.keys()) if (!wanted.includes(port)) this.#taken.delete(port)
    let isNew = false
    for (const port of wanted) {
      if (this.#open.has(port)) continue
      const because = await whyTaken(port)
      if (because === undefined) {
        this.#open.add(port)
        isNew = true
      } else {
        this.#taken.set(port, because)
      }
    }
    if (isNew) await this.#openAhead(wanted)
    return isNew
  }

  /** Never among the ports that the system gives to anybody who asks for one. */
  async #openAhead(wanted: readonly number[]): Promise<void> {
    const last = Math.max(...wanted)
    for (let port = last + 1; port <= last + bounds.portsAhead && port < this.#ahead; port++) {
      if (!this.#open.has(port) && (await whyTaken(port)) === undefined) this.#open.add(port)
    }
  }
}

async function whyTaken(port: number): Promise<string | undefined> {
  try {
    await probe({ host: listenerHost, port })
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
