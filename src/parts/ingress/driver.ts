import type { Backend, CounterSeries } from './model.ts'

/**
 * How an ingress carries requests: the port that each driver implements (`builtin` and
 * `haproxy`: a change is what HAProxy's runtime socket takes, an observation what it tells).
 *
 * A driver moves bytes and counts. It decides nothing about who stands in which pool, and it goes on
 * with the last table for as long as nobody gives it another.
 */
export interface IngressDriver {
  /** The glossary's word for it: `builtin`, `haproxy`. */
  readonly name: string
  /** Begins to serve the public address. Refusal `address-taken` when another process listens there. */
  open(settings: IngressSettings): Promise<OpenPorts>
  /**
   * Takes over a change of the table. Once it resolves, no instance that the change took out of its
   * pool is sent another request, not even one that had been chosen before; requests under way go
   * on to their end, and no connection of a client is closed. A listener that cannot be opened does
   * not fail it: that is tried again, and told as a trouble meanwhile.
   */
  apply(change: TableChange): Promise<void>
  /** What it counted and sees now. */
  observe(): Promise<IngressObservation>
  /** Calls back when a leaving instance has become idle, or troubles came or went. */
  onNews(listener: () => void): void
  /** Accepts nothing new, lets requests under way end for at most `graceMs`, then cuts the rest. */
  close(graceMs: number): Promise<void>
}

export interface IngressSettings {
  readonly publicAddress: Address
  /** The host whose routes serve requests for a host that no route names. */
  readonly defaultHost?: string | undefined
  /** Where routes that are `expose: private` are served; undefined: nowhere. */
  readonly privateAddress?: Address | undefined
  /** Where routes that are `expose: admin` are served; undefined: nowhere. */
  readonly adminAddress?: Address | undefined
  readonly tls?: TlsSettings | undefined
  readonly shield?: Shield | undefined
}

/** What certificates are for, and what plain HTTP is answered. */
export interface TlsSettings {
  readonly address: Address
  /**
   * A folder of PEM files, each a certificate with its chain and its key; which one a client gets is
   * found by the name that it asks for (SNI). Refusals: `certificate-mismatch`, `certificate-unreadable`.
   */
  readonly certificates: string
  /** Whether the public address answers 308 to the same place by HTTPS instead of serving. */
  readonly redirect: boolean
  /** `max-age` of Strict-Transport-Security, in s; 0: the header is not sent. */
  readonly hstsSeconds: number
}

/**
 * What one client of the public address may do, so that the others do not notice; undefined:
 * unbounded. Whoever reaches a private or admin address is of the company: only `bodyBytesMax` is his.
 */
export interface Shield {
  /** Requests of one address that are let through per second, on average over 10 s; others: 429. */
  readonly requestsPerSecond?: number | undefined
  /** Connections of one address at a time; further ones are closed at once. */
  readonly connectionsPerClient?: number | undefined
  /** Addresses and networks (CIDR) that are answered 403. Refusal `deny-invalid`. */
  readonly deny?: readonly string[] | undefined
  /** Bytes of one request's body, whoever sends it; larger ones: 413. `bodyBytesUsual` if undefined. */
  readonly bodyBytesMax?: number | undefined
}

/** Larger than what people upload in one request, and no disk is full of it at once: 1 GiB. */
export const bodyBytesUsual = 1_073_741_824

export interface OpenPorts {
  readonly publicPort: number
  readonly tlsPort?: number | undefined
  readonly privatePort?: number | undefined
  readonly adminPort?: number | undefined
}

export interface Address {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

/** Backends that are new or differ, and the ids of those that are no more. */
export interface TableChange {
  /** True: `backends` is all there is; any other is to be forgotten. */
  readonly full: boolean
  readonly backends: readonly Backend[]
  readonly removed: readonly string[]
}

export interface IngressObservation {
  /** Cumulative; a series of an instance that left is dropped after `leftSeriesKeptMs`. */
  readonly series: readonly CounterSeries[]
  /** Requests under way of instances that are in no pool any more; none of them is zero. */
  readonly leaving: Readonly<Record<string, number>>
  readonly troubles: readonly ListenerTrouble[]
}

/** A local port that cannot be opened now, with the reason. */
export interface ListenerTrouble {
  readonly port: number
  readonly because: string
}

/** How long the counts of an instance are told after it left, in ms: 10 min, five rollouts. */
export const leftSeriesKeptMs = 600_000
