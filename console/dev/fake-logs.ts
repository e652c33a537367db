import type { ServerResponse } from 'node:http'
import type { LogAnswer, LogHistogram, LogLineView } from '../../src/wire/logs.ts'
import type { FakeApp } from './fake-scenes.ts'

/** A million lines that nobody has printed: each is made when somebody looks at it. */

/** One line in so many ms, over the last hours. */
const everyMs = 20
const linesInAll = 1_000_000

/** Lines that one search looks at, as the server's bound would have it. */
const lookedMax = 300_000

const words = ['GET /basket 200', 'POST /checkout 201', 'GET /catalogue?page=3 200', 'cache miss']

export class FakeLogs {
  readonly #services: readonly { readonly cell: FakeApp['at']; readonly service: string }[]
  readonly #begin: number
  readonly #isHostile: boolean
  #count = linesInAll

  constructor(apps: readonly FakeApp[], now: number, isHostile: boolean) {
    this.#services = apps.flatMap(({ at, services }) =>
      services.map(({ name }) => ({ cell: at, service: name })),
    )
    this.#begin = now - linesInAll * everyMs
    this.#isHostile = isHostile
  }

  page(query: URLSearchParams): LogAnswer {
    if (this.#services.length === 0) return { items: [] }
    const limit = Number(query.get('limit') ?? 200)
    const isForward = query.has('after')
    const [from, to] = this.#range(query)
    const items: LogLineView[] = []
    let looked = 0
    for (let step = 0; step < to - from; step++) {
      const index = isForward ? from + step : to - 1 - step
      if (items.length === limit) break
      if (++looked > lookedMax) return { items: items.toReversed(), reachedAt: this.#timeOf(index) }
      const line = this.#lineAt(index)
      if (isWanted(line, query)) items.push(line)
    }
    return { items: isForward ? items : items.toReversed() }
  }

  histogram(query: URLSearchParams): LogHistogram {
    const [since, until] = [Number(query.get('since')), Number(query.get('until'))]
    const buckets = Number(query.get('buckets') ?? 60)
    const bucketMs = Math.ceil((until - since) / buckets)
    const items = Array.from({ length: buckets }, (_none, index) => {
      const at = since + index * bucketMs
      const inside = at > this.#begin && at < this.#timeOf(this.#count)
      const swell = 1 + Math.sin(at / 900_000) * 0.4 + Math.sin(at / 190_000) * 0.25
      const lines =
        inside && this.#services.length > 0 ? Math.round((bucketMs / everyMs) * swell) : 0
      const share = query.has('text') ? 0.04 : 1
      return {
        at,
        lines: Math.round(lines * share),
        warnings: Math.round((lines * share) / 31),
        errors: Math.round((lines * share * (Math.sin(at / 400_000) > 0.9 ? 4 : 1)) / 97),
      }
    })
    return { since, until, bucketMs, items }
  }

  /** Prints a line each tenth of a second for who follows; returns the way to stop. */
  follow(query: URLSearchParams, response: ServerResponse): () => void {
    const timer = setInterval(() => {
      if (this.#services.length === 0) return
      const made = this.#lineAt(this.#count++)
      // One instance that is followed prints them all.
      const line = {
        ...made,
        instanceId: query.get('instance') ?? made.instanceId,
        at: Date.now(),
      }
      if (isWanted(line, query)) response.write(`event: line\ndata: ${JSON.stringify(line)}\n\n`)
    }, 100)
    return () => clearInterval(timer)
  }

  #range(query: URLSearchParams): [number, number] {
    const indexOf = (name: string): number | undefined => {
      const position = query.get(name)
      return position === null ? undefined : Number(position.split('.').at(-2))
    }
    const timed = (name: string): number | undefined => {
      const at = query.get(name)
      return at === null ? undefined : Math.ceil((Number(at) - this.#begin) / everyMs)
    }
    const from = Math.max(0, timed('since') ?? 0, (indexOf('after') ?? -1) + 1)
    const to = Math.min(
      this.#count,
      timed('until') ?? this.#count,
      indexOf('before') ?? this.#count,
    )
    return [from, to]
  }

  #timeOf(index: number): number {
    return this.#begin + index * everyMs
  }

  #lineAt(index: number): LogLineView {
    const of = this.#services[(index * 7) % this.#services.length] ?? this.#services[0]
    if (of === undefined) throw new Error('nobody prints here')
    const at = this.#timeOf(index)
    const instanceId = `i-${(index % 9).toString(36)}${of.service.slice(0, 3)}`
    const text = this.#isHostile && index % 50 === 7 ? hostile(index) : textOf(index)
    const position = `${at}.${index}.${instanceId}`
    return { at, instanceId, ...of, releaseId: 'rel-41', stream: 'stdout', text, position }
  }
}

function textOf(index: number): string {
  if (index % 97 === 5)
    return `\u001b[31mERROR\u001b[0m checkout ${index}: upstream timed out after 2000 ms`
  if (index % 31 === 3) return `{"level":"warn","msg":"slow query","ms":${200 + (index % 700)}}`
  return `${words[index % words.length]} ${(index % 90) + 3} ms, request ${index}`
}

function hostile(index: number): string {
  if (index % 100 === 7)
    return `<img src=x onerror="document.title='taken'"> \u202egnp.exe \u001b[2J`
  return `long ${'x'.repeat(16_000)} end ${index}`
}

function isWanted(line: LogLineView, query: URLSearchParams): boolean {
  const { cell, service, instanceId, text } = line
  const fits = (name: string, value: string): boolean => (query.get(name) ?? value) === value
  const level = query.get('level')
  return (
    fits('environment', cell.environment) &&
    fits('tenant', cell.tenant) &&
    fits('app', cell.app) &&
    fits('service', service) &&
    fits('instance', instanceId) &&
    text.toLowerCase().includes((query.get('text') ?? '').toLowerCase()) &&
    (level !== 'error' || text.includes('ERROR')) &&
    (level !== 'warning' || text.includes('ERROR') || text.includes('"warn"'))
  )
}
