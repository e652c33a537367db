import type { IngressDriver } from '../../src/parts/ingress/driver.ts'

/** What the suite needs of a driver: short waits, so that the tests of them are short. */
export interface DriverMaker {
  (patience: { answerMs: number; holdMs: number }): IngressDriver
}

/**
 * Where drivers differ by their nature, each with its reason in docs/decisions/0014-haproxy.md. What
 * concerns the count, the customers' requests or who is believed is never among them.
 */
export interface DriverTraits {
  /** Attempts of a request that each time broke before the answer. */
  readonly attempts: number
  /** A request that waits for its connection moves when its instance leaves. */
  readonly movesUnsent: boolean
  /** What may not be repeated goes over a used connection where the instance says how long it lives. */
  readonly reusesWhenTold: boolean
  /** Of 20 requests for two instances, so many more than 10 may come to one. */
  readonly unevenBy: number
  /**
   * Targets with a `#`, and those with another host than the Host header, are refused; in HTTP/2, a Host
   * header beside `:authority` is dropped.
   */
  readonly isStrictOnTargets: boolean
  /** Content-Length beside chunked is dropped and the connection closed, where others refuse. */
  readonly mendsFraming: boolean
  /** Once `close` is called nothing is accepted; false: a moment later. */
  readonly closesAtOnce: boolean
  /** Headers that are too large are answered; false: 400, and in HTTP/2 the connection is closed. */
  readonly answersLargeHeaders: boolean
}

/** The built-in driver's, to which every other is compared. */
export const exactTraits: DriverTraits = {
  attempts: 3,
  movesUnsent: true,
  reusesWhenTold: true,
  unevenBy: 0,
  isStrictOnTargets: false,
  mendsFraming: false,
  closesAtOnce: true,
  answersLargeHeaders: true,
}
