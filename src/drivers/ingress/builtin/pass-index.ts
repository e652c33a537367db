import { createHash } from 'node:crypto'
import type { Backend, TestPass } from '../../../parts/ingress/model.ts'

/**
 * The passes of the table, by the digests of their tokens.
 *
 * A browser sends its one token to every service of a host, and services hand it on to each other.
 * So a token is good as long as any backend knows it; which release it leads to is each backend's own.
 */
export class PassIndex {
  /** By digest, then by backend. */
  readonly #passes = new Map<string, Map<string, TestPass>>()
  readonly #digests = new Map<string, readonly string[]>()

  /** Takes in a backend's passes, in place of those that it had. */
  set(backendId: string, passes: Backend['passes']): void {
    this.remove(backendId)
    if (passes === undefined || passes.length === 0) return
    this.#digests.set(
      backendId,
      passes.map(({ digest }) => digest),
    )
    for (const pass of passes) {
      const known = this.#passes.get(pass.digest) ?? new Map<string, TestPass>()
      this.#passes.set(pass.digest, known.set(backendId, pass))
    }
  }

  remove(backendId: string): void {
    for (const digest of this.#digests.get(backendId) ?? []) {
      const known = this.#passes.get(digest)
      known?.delete(backendId)
      if (known?.size === 0) this.#passes.delete(digest)
    }
    this.#digests.delete(backendId)
  }

  /** What a token is good for at `now` (wall ms); undefined: unknown, or its time is over. */
  find(token: string, now: number): GoodToken | undefined {
    if (this.#passes.size === 0) return undefined
    const digest = createHash('sha256').update(token).digest('hex')
    const byBackend = this.#passes.get(digest)
    if (byBackend === undefined) return undefined
    const valid = [...byBackend].filter(([, { until }]) => now <= until)
    if (valid.length === 0) return undefined
    return {
      until: Math.max(...valid.map(([, { until }]) => until)),
      releaseOf: (backendId) => valid.find(([id]) => id === backendId)?.[1].releaseId,
    }
  }
}

export interface GoodToken {
  /** Wall ms until which it is good somewhere. */
  readonly until: number
  /** The release that it leads to at a backend; undefined: the backend has none for it. */
  releaseOf(backendId: string): string | undefined
}
