import { describe, expect, test } from 'vitest'
import type { Plan } from '../base/control-loop.ts'
import { Fault, Refusal } from '../base/errors.ts'
import { silentLog, type Log } from '../base/log.ts'
import { seededRandom } from '../base/random.ts'
import { VirtualClock } from '../base/virtual-clock.ts'
import type { Change, Snapshot, State } from '../store/port.ts'
import { ControllerHost, type AnyController } from './controllers.ts'

/** A world of named numbers that a toy controller brings to their wanted values, one at a time. */
class Toy {
  readonly clock = new VirtualClock()
  readonly wanted = new Map<string, number>()
  readonly actual = new Map<string, number>()
  readonly passes: string[] = []
  readonly applied: string[] = []
  readonly lines: string[] = []
  /** Called in the middle of each `apply`. */
  onApply: (key: string) => Promise<void> | void = () => {}
  onObserve: (key: string) => void = () => {}
  wakeAt: number | undefined
  /** Steps that one plan takes together. */
  atOnce = 1
  #listener: (change: Change) => void = () => {}
  readonly host: ControllerHost

  constructor() {
    const snapshot = {} as Snapshot
    const state = {
      snapshot,
      subscribe: (listener: (change: Change) => void) => {
        this.#listener = listener
        return () => {
          this.#listener = () => {}
        }
      },
    } as unknown as State
    this.host = new ControllerHost({
      state,
      controllers: [this.#controller()],
      clock: this.clock,
      random: seededRandom(1),
      log: this.#log(),
    })
  }

  want(key: string, value: number): void {
    this.wanted.set(key, value)
    this.notify(key)
  }

  notify(key: string): void {
    this.#listener({ of: 'node', nodeId: key })
  }

  settle(ms = 0): Promise<void> {
    return this.clock.advance(ms)
  }

  passesOf(key: string): number {
    return this.passes.filter((passed) => passed === key).length
  }

  #controller(): AnyController {
    return {
      name: 'toy',
      keysOf: (change) => (change.of === 'node' ? [change.nodeId] : []),
      allKeys: () => this.wanted.keys(),
      observe: (key) => {
        this.passes.push(key)
        this.onObserve(key)
        const wanted = this.wanted.get(key)
        return wanted === undefined ? undefined : { key, wanted, actual: this.actual.get(key) ?? 0 }
      },
      plan: (view): Plan<unknown> => {
        const { key, wanted, actual } = view as { key: string; wanted: number; actual: number }
        const because = `${actual} of ${wanted}`
        const count = Math.min(this.atOnce, Math.max(0, wanted - actual))
        const actions = Array.from({ length: count }, (_, index) => ({
          key,
          to: actual + 1 + index,
        }))
        return { actions, because, wakeAt: this.wakeAt }
      },
      apply: async (action) => {
        const { key, to } = action as { key: string; to: number }
        await this.onApply(key)
        this.actual.set(key, to)
        this.applied.push(`${key}=${to}`)
        this.notify(key)
      },
    }
  }

  #log(): Log {
    const line = (level: string) => (message: string) => void this.lines.push(`${level} ${message}`)
    return {
      ...silentLog,
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      with: () => this.#log(),
    }
  }
}

describe('the controller host', () => {
  test('a change leads to passes until nothing is left to do', async () => {
    const toy = new Toy()
    toy.host.start()
    toy.want('a', 3)
    await toy.settle(50)
    await toy.settle(50)
    expect(toy.applied).toEqual(['a=1', 'a=2', 'a=3'])
    expect([...toy.host.plans()][0]).toMatchObject({ key: 'a', because: '3 of 3', actions: 0 })
  })

  test('what exists at the start is passed over without any change', async () => {
    const toy = new Toy()
    toy.wanted.set('a', 1)
    toy.host.start()
    await toy.settle()
    expect(toy.actual.get('a')).toBe(1)
  })

  test('a lost wake-up is made good by the resync after a minute', async () => {
    const toy = new Toy()
    toy.host.start()
    await toy.settle()
    toy.wanted.set('a', 1)
    await toy.settle(59_000)
    expect(toy.actual.get('a')).toBeUndefined()
    await toy.settle(1_500)
    expect(toy.actual.get('a')).toBe(1)
  })

  test('many changes of one key at once cost one pass', async () => {
    const toy = new Toy()
    toy.host.start()
    await toy.settle()
    toy.wanted.set('a', 0)
    for (let time = 0; time < 100; time++) toy.notify('a')
    await toy.settle()
    expect(toy.passesOf('a')).toBe(1)
  })

  test('no two passes of one key overlap, and a wake-up meanwhile is not lost', async () => {
    const toy = new Toy()
    let running = 0
    let most = 0
    toy.onApply = async () => {
      most = Math.max(most, ++running)
      await toy.clock.sleep(10)
      running--
    }
    toy.host.start()
    toy.want('a', 2)
    await toy.settle(5)
    toy.want('a', 3)
    await toy.settle(100)
    expect(most).toBe(1)
    expect(toy.actual.get('a')).toBe(3)
  })

  test('what is left of a plan after a second is planned anew', async () => {
    const toy = new Toy()
    toy.atOnce = 5
    toy.onApply = () => toy.clock.sleep(600)
    toy.host.start()
    toy.want('a', 5)
    await toy.settle(1_100)
    // Nobody wants more than three by the time that the store has taken two.
    toy.wanted.set('a', 3)
    await toy.settle(10_000)
    expect(toy.applied).toEqual(['a=1', 'a=2', 'a=3'])
  })

  test('keys do not wait for each other', async () => {
    const toy = new Toy()
    toy.onApply = (key) => (key === 'slow' ? toy.clock.sleep(1_000) : undefined)
    toy.host.start()
    toy.want('slow', 1)
    toy.want('quick', 1)
    await toy.settle(10)
    expect(toy.applied).toEqual(['quick=1'])
  })

  test('a refused stale plan is made anew within a moment', async () => {
    const toy = new Toy()
    let refusals = 0
    toy.onApply = () => {
      if (refusals++ === 0) throw new Refusal('conflict', 'stale', { status: 409 })
    }
    toy.host.start()
    toy.want('a', 1)
    await toy.settle(20)
    expect(toy.actual.get('a')).toBe(1)
    expect(toy.lines.filter((line) => !line.startsWith('info'))).toEqual([])
  })

  test('a Fault is retried with growing waits, and becomes loud', async () => {
    const toy = new Toy()
    const times: number[] = []
    toy.onApply = () => {
      times.push(toy.clock.monotonic())
      throw new Fault('disk-full', 'no room')
    }
    toy.host.start()
    toy.want('a', 1)
    await toy.settle(50_000)
    const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0))
    expect(waits.length).toBeGreaterThan(5)
    expect(waits[4]).toBeGreaterThan((waits[0] ?? 0) * 10)
    expect(toy.lines).toContain('warn pass failed')
    expect(toy.lines).toContain('error pass failed')
    expect([...toy.host.plans()][0]).toMatchObject({ error: 'no room' })
  })

  test('a key whose record cannot be read does not stop the others', async () => {
    const toy = new Toy()
    toy.onObserve = (key) => {
      if (key === 'bad') throw new TypeError('undefined is not a record')
    }
    toy.host.start()
    toy.want('bad', 1)
    toy.want('good', 1)
    await toy.settle(1_000)
    expect(toy.actual.get('good')).toBe(1)
    expect(toy.lines).toContain('error pass failed')
  })

  test('a plan is looked at again at the time it asks for, and never in a busy loop', async () => {
    const toy = new Toy()
    toy.wanted.set('a', 0)
    toy.wakeAt = toy.clock.now() + 5_000
    toy.host.start()
    await toy.settle(4_900)
    expect(toy.passesOf('a')).toBe(1)
    toy.onObserve = () => {
      toy.wakeAt = 0
    }
    await toy.settle(200)
    expect(toy.passesOf('a')).toBeGreaterThan(1)
    expect(toy.passesOf('a')).toBeLessThanOrEqual(12)
  })

  test('after a stop nothing is passed over, and what was under way has ended', async () => {
    const toy = new Toy()
    toy.onApply = () => toy.clock.sleep(50)
    toy.host.start()
    toy.want('a', 5)
    await toy.settle(10)
    const stopped = toy.host.stop()
    await toy.settle(1_000)
    await stopped
    expect(toy.applied).toEqual(['a=1'])
    toy.want('b', 1)
    await toy.settle(100_000)
    expect(toy.passesOf('b')).toBe(0)
  })

  test('plans that repeat themselves are kept once', async () => {
    const toy = new Toy()
    toy.host.start()
    toy.want('a', 1)
    await toy.settle(300_000)
    expect(toy.passesOf('a')).toBeGreaterThan(4)
    const because = [...toy.host.plans()].map((plan) => plan.because)
    expect(because).toEqual(['1 of 1', '0 of 1'])
  })
})
