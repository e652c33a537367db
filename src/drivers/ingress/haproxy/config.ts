import {
  bodyBytesUsual,
  type Address,
  type IngressSettings,
} from '../../../parts/ingress/driver.ts'
import type { Patience } from '../builtin/limits.ts'
import { limits } from '../builtin/limits.ts'
import { bounds } from './bounds.ts'
import type { Files } from './maps.ts'
import { bodyRule, clientsTable, redirectRule, secureRules, shieldRules } from './edge-rules.ts'
import { ringName } from './request-log.ts'
import { marks, passRules, sideCookie, sideRules, testPage, testPageRules } from './rules.ts'

/** One pool as a HAProxy backend; its servers are written as lines. */
export interface PoolText {
  readonly name: string
  readonly isHeld: boolean
  readonly servers: readonly string[]
}

export interface ConfigParts {
  /** The count of starts, told with each log line. */
  readonly process: number
  readonly files: Files
  readonly settings: IngressSettings
  readonly patience: Patience
  readonly pools: readonly PoolText[]
  /** The list of certificates; needed with TLS only. */
  readonly certificates: string | undefined
  /** Local ports to open; which of them lead anywhere is told by a map. */
  readonly ports: readonly number[]
  readonly threads: number
  readonly connectionsMax: number
  /** The beginning of the ids that requests are given. */
  readonly requestIdPrefix: string
}

/** Methods that may be sent twice (RFC 9110, 9.2.2). */
const idempotent = 'GET HEAD OPTIONS TRACE PUT DELETE'

/** Header names and texts of answers that are the ingress's own. */
const text = 'content-type "text/plain; charset=utf-8"'

const unclear = `status 400 ${text} hdr connection close string "400 Bad Request: two readers could read this differently (roadstead ingress)\\n"`

/** The configuration of one process: all that cannot be changed by its runtime socket. */
export function configText(parts: ConfigParts): string {
  const { settings } = parts
  const { publicAddress, privateAddress, adminAddress, tls, shield } = settings
  const clients = clientsTable(shield)
  const entrances = [
    ...(clients === undefined ? [] : [clients]),
    frontend(parts, 'public', publicAddress),
    ...(tls === undefined ? [] : [frontend(parts, 'secure', tls.address)]),
    ...(privateAddress === undefined ? [] : [frontend(parts, 'private', privateAddress)]),
    ...(adminAddress === undefined ? [] : [frontend(parts, 'admin', adminAddress)]),
    ...(parts.ports.length === 0 ? [] : [listeners(parts)]),
  ]
  const sections = [global(parts), ring, front(), poolDefaults(parts, true)]
  sections.push(poolDefaults(parts, false), ...entrances, ...parts.pools.map(pool))
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`
}

function global(parts: ConfigParts): string[] {
  return [
    'global',
    `  nbthread ${parts.threads}`,
    `  maxconn ${parts.connectionsMax}`,
    `  stats socket ${parts.files.runtimeSocket} mode 600 level admin expose-fd listeners`,
    `  lua-load ${parts.files.lua}`,
    // Ours would be closed while there is nothing to tell.
    '  stats timeout 20d',
    `  log ring@${ringName} len ${bounds.logLineBytes} format raw local0`,
    // A request's headers have to fit; and each that may be repeated is kept whole meanwhile.
    `  tune.bufsize ${limits.headerBytesMax}`,
    '  tune.http.maxhdr 256',
    '  hard-stop-after 6h',
  ]
}

/** Where log lines wait for us (request-log.ts). */
const ring = [
  `ring ${ringName}`,
  '  format raw',
  `  maxlen ${bounds.logLineBytes}`,
  `  size ${bounds.ringBytes}`,
]

const common = [
  '  mode http',
  '  option idle-close-on-response',
  '  option http-ignore-probes',
  '  option http-no-delay',
  '  option abortonclose',
  `  timeout client ${limits.clientIdleMs}ms`,
]

function front(): string[] {
  return [
    'defaults entrances',
    ...common,
    '  log global',
    `  timeout http-request ${limits.headersTimeoutMs}ms`,
    `  timeout http-keep-alive ${limits.clientIdleMs}ms`,
    `  timeout tunnel ${limits.silenceMsMax}ms`,
    ...errors(),
  ]
}

function errors(): string[] {
  const failure = (status: number, says: string, headers: string): string =>
    `  http-error status ${status} ${text} string "${says} (roadstead ingress)\\n"${headers}`
  return [
    failure(400, '400 Bad Request: two readers could read this differently', ''),
    failure(408, '408 Request Timeout: the rest of the request did not come', ''),
    failure(
      502,
      '502 Bad Gateway: the connection to the instance broke before its answer was whole',
      ' hdr roadstead-failure reset',
    ),
    failure(
      503,
      '503 Service Unavailable: no instance of this service can be reached at the moment',
      ' hdr roadstead-failure refused hdr retry-after 1',
    ),
    failure(
      504,
      '504 Gateway Timeout: the instance did not answer in time',
      ' hdr roadstead-failure timedOut',
    ),
  ]
}

/** What all pools have in common; one kind lets requests wait for its first server. */
function poolDefaults({ patience, files }: ConfigParts, isHeld: boolean): string[] {
  const mayRepeat = `{ method ${idempotent} }`
  return [
    `defaults ${isHeld ? 'held' : 'quick'}`,
    ...common,
    '  balance leastconn',
    '  option allbackups',
    '  option redispatch 1',
    `  retries ${bounds.retries}`,
    '  retry-on conn-failure empty-response',
    `  timeout connect ${bounds.connectMs}ms`,
    `  timeout server ${patience.answerMs}ms`,
    `  timeout tunnel ${limits.silenceMsMax}ms`,
    ...errors(),
    // A connection of another name is never reused: what may not be repeated gets a fresh one.
    `  http-request set-var(txn.fresh) rand(2147483647) unless ${mayRepeat}`,
    `  http-request disable-l7-retry unless ${mayRepeat}`,
    `  http-request set-timeout server ${limits.silenceMsMax}ms if { req.hdr(accept) -m sub text/event-stream }`,
    ...(isHeld ? ['  http-request lua.hold if { nbsrv lt 1 }'] : []),
    '  http-response lua.hop_answer if { res.hdr(connection) -m found }',
    '  http-response del-header connection unless { status 101 }',
    // The rest of a body that is refused for its size is not read.
    '  http-response set-header connection close if { status 413 }',
    '  http-response del-header keep-alive',
    '  http-response set-header connection close if { var(txn.upgrade) -m found } !{ status 101 }',
    '  http-response del-header roadstead-failure',
    `  http-response add-header set-cookie "${sideCookie}" if { var(txn.drawn) -m found }`,
    `  http-after-response set-header roadstead-failure noServer if { status 503 } { res.hdr(roadstead-failure) refused } { nbsrv lt 1 }`,
    `  http-after-response set-header roadstead-failure cut if { status 502 } { res.hdr(roadstead-failure) reset } { srv_name,map_str(${files.map('leaving')}) -m found }`,
  ]
}

function pool({ name, isHeld, servers }: PoolText): string[] {
  return [`backend ${name} from ${isHeld ? 'held' : 'quick'}`, ...servers]
}

function frontend(parts: ConfigParts, kind: Entrance, address: Address): string[] {
  const { files, settings } = parts
  const { tls, shield, defaultHost } = settings
  const isSecure = kind === 'secure'
  const exposure = isSecure ? 'public' : kind
  const routes = files.map(`${exposure}-routes`)
  const hosts = files.map(`${exposure}-hosts`)
  return [
    `frontend ${kind} from entrances`,
    `  bind ${bindOf(address)}${isSecure ? secureBind(parts) : ''}`,
    ...arrival(parts),
    ...(exposure === 'public' ? shieldRules(shield) : []),
    bodyRule(shield?.bodyBytesMax ?? bodyBytesUsual),
    ...(kind === 'public' && tls !== undefined ? redirectRule(tls) : []),
    ...(isSecure && tls !== undefined ? secureRules(tls) : []),
    '  http-request del-header x-forwarded- -m beg',
    '  http-request del-header forwarded',
    '  http-request add-header x-forwarded-for %[src]',
    `  http-request add-header x-forwarded-proto ${isSecure ? 'https' : 'http'}`,
    '  http-request add-header x-forwarded-host %[req.hdr(host)]',
    '  http-request set-var(txn.host) req.hdr(host),host_only,lower,rtrim(.)',
    ...(defaultHost === undefined
      ? []
      : [
          `  http-request set-var(txn.host) str(${defaultHost}) unless { var(txn.host),map_str(${hosts}) -m found }`,
        ]),
    '  http-request set-var(txn.path) path',
    "  http-request lua.canonical if { path -m reg '/[/.]|[%\\\\]' }",
    `  http-request set-var(txn.pool) var(txn.host),concat(,txn.path,/),map_beg(${routes})`,
    ...ordinary(files),
    ...testPageRules(files),
    ...nowhere(hosts),
    ...passRules(files, true),
    ...sideRules(files),
    ...departure(),
  ]
}

/** What is said where no route leads on. */
function nowhere(hosts: string): string[] {
  const answer = (says: string): string =>
    `status 404 ${text} hdr x-content-type-options nosniff hdr connection close ` +
    `lf-string "404 Not Found: ${says} (roadstead ingress)\\n"`
  const isNowhere = '!{ var(txn.pool) -m found }'
  const isHost = `{ var(txn.host),map_str(${hosts}) -m found }`
  const [path, host] = [
    answer('no route of %[var(txn.host)] leads to this path'),
    answer('no app has a route for the host %[var(txn.host)]'),
  ]
  return [
    `  http-request return ${path} if ${isNowhere} ${isHost}`,
    `  http-request return ${host} if ${isNowhere}`,
  ]
}

/** The local ports of all services: which pool one leads to is told by a map. */
function listeners(parts: ConfigParts): string[] {
  const { files, ports } = parts
  const map = files.map('ports')
  return [
    'frontend listeners from entrances',
    ...ports.map((port) => `  bind 127.0.0.1:${port}`),
    `  tcp-request connection reject unless { dst_port,map_str(${map}) -m found }`,
    ...arrival(parts),
    '  http-request add-header x-forwarded-for %[src] if { req.fhdr_cnt(x-forwarded-for) gt 1 }',
    '  http-request set-header x-forwarded-for "%[req.fhdr(x-forwarded-for)], %[src]" if { req.fhdr_cnt(x-forwarded-for) eq 1 }',
    '  http-request set-header x-forwarded-for %[src] if { req.fhdr_cnt(x-forwarded-for) eq 0 }',
    '  http-request set-header x-forwarded-proto http if { req.fhdr_cnt(x-forwarded-host) eq 0 }',
    '  http-request set-header x-forwarded-host %[req.hdr(host)] if { req.fhdr_cnt(x-forwarded-host) eq 0 }',
    `  http-request set-var(txn.pool) dst_port,map_str(${map})`,
    `  http-request return status 404 ${text} string "404 Not Found: this port leads nowhere any more (roadstead ingress)\\n" if !{ var(txn.pool) -m found }`,
    ...ordinary(files),
    ...passRules(files, false),
    ...sideRules(files),
    ...departure(),
  ]
}

type Entrance = 'public' | 'secure' | 'private' | 'admin'

/** What every request meets first: its time, and what is no proper request. */
function arrival(parts: ConfigParts): string[] {
  const { process, requestIdPrefix } = parts
  return [
    // Nothing in a line comes from a client, so nothing in it needs to be escaped.
    `  log-format "R ${process} %b %s %ST %ts %rc %[date(0,us),sub(txn.at)]"`,
    `  unique-id-format ${requestIdPrefix}-${process}-%rt`,
    '  http-request set-var(txn.at) date(0,us)',
    '  http-request set-log-level silent',
    `  http-request return ${unclear} if !{ req.fhdr_cnt(host) eq 1 }`,
  ]
}

/**
 * An ordinary request for a pool of one side is on its way with this: `allow` skips all that follows in
 * its section, where each rule costs it a tenth of a microsecond at least.
 */
function ordinary(files: Files): string[] {
  const conditions = [
    '{ var(txn.pool) -m found }',
    '{ url_beg / }',
    `!{ path_beg ${testPage} }`,
    '!{ var(txn.token) -m found }',
    '!{ var(txn.shares) -m found }',
    '!{ req.fhdr_cnt(connection) gt 0 }',
    '!{ req.fhdr_cnt(upgrade) gt 0 }',
  ]
  return [
    ...marks(files),
    ...['te', 'keep-alive', 'proxy-authorization', 'proxy-connection', 'http2-settings'].map(
      (name) => `  http-request del-header ${name}`,
    ),
    '  http-request add-header x-request-id %[unique-id] unless { req.fhdr_cnt(x-request-id) gt 0 }',
    '  http-request set-log-level info',
    `  http-request allow if ${conditions.join(' ')}`,
    '  http-request set-log-level silent',
    `  http-request return ${unclear} if !{ path_beg / }`,
    '  http-request set-uri %[pathq] unless { url_beg / }',
  ]
}

/** What else goes on to the instance, and the choice of the pool. */
function departure(): string[] {
  return [
    '  http-request set-log-level info',
    '  http-request lua.hop_request if { req.hdr(connection) -m found }',
    '  http-request del-header upgrade if { req.hdr(upgrade) -m beg -i h2c }',
    '  http-request set-var(txn.upgrade) bool(1) if { req.hdr(upgrade) -m found }',
    '  http-request del-header connection unless { var(txn.upgrade) -m found }',
    '  use_backend %[var(txn.pass)] if { var(txn.pass) -m found }',
    '  use_backend %[var(txn.to)] if { var(txn.to) -m found }',
    '  use_backend %[var(txn.pool)]',
  ]
}

function secureBind({ certificates }: ConfigParts): string {
  return ` ssl crt-list ${certificates} alpn h2,http/1.1 ssl-min-ver TLSv1.2`
}

function bindOf({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
