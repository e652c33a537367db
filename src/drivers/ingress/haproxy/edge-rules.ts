import type { Shield, TlsSettings } from '../../../parts/ingress/driver.ts'
import { limits } from '../builtin/limits.ts'

/** HAProxy rules for the edge of the company: what one client may do, and what is TLS's. */

const plain = 'content-type "text/plain; charset=utf-8"'

/** The table of clients, which all public entrances share; undefined: nothing is bound. */
export function clientsTable(shield: Shield | undefined): string[] | undefined {
  if (shield?.requestsPerSecond === undefined && shield?.connectionsPerClient === undefined) {
    return undefined
  }
  const store = 'store gpc0,gpc0_rate(10s),conn_cur'
  return [
    'backend clients',
    `  stick-table type ipv6 size ${limits.clientsMax} expire 30s ${store}`,
  ]
}

/** Bounds for one client of a public entrance: refused requests are not counted, or he never came back. */
export function shieldRules(shield: Shield | undefined): string[] {
  const { requestsPerSecond, connectionsPerClient, deny = [] } = shield ?? {}
  const rules: string[] = []
  if (clientsTable(shield) !== undefined) {
    rules.push('  tcp-request connection track-sc0 src table clients')
  }
  if (connectionsPerClient !== undefined) {
    rules.push(`  tcp-request connection reject if { sc0_conn_cur gt ${connectionsPerClient} }`)
  }
  if (deny.length > 0) {
    const says = '403 Forbidden: this address is not served (roadstead ingress)\\n'
    const headers = 'hdr roadstead-failure shield hdr connection close'
    rules.push(
      `  acl denied src ${deny.join(' ')}`,
      `  http-request return status 403 ${plain} ${headers} string "${says}" if denied`,
    )
  }
  if (requestsPerSecond !== undefined) {
    const says = '429 Too Many Requests: this address has sent too many (roadstead ingress)\\n'
    const headers = 'hdr roadstead-failure shield hdr retry-after 1'
    const isOver = `{ sc0_gpc0_rate ge ${Math.max(1, Math.floor(requestsPerSecond * 10))} }`
    rules.push(
      `  http-request return status 429 ${plain} ${headers} string "${says}" if ${isOver}`,
      '  http-request sc-inc-gpc0(0)',
    )
  }
  return rules
}

/** A body whose length is told and too large is refused before it is read. */
export function bodyRule(bytesMax: number): string {
  const says = '413 Payload Too Large: a request may not be that large here (roadstead ingress)\\n'
  return (
    `  http-request return status 413 ${plain} hdr connection close string "${says}" ` +
    `if { req.body_size gt ${bytesMax} }`
  )
}

/** Where whoever comes without TLS is sent. */
export function redirectRule({ redirect, address }: TlsSettings): string[] {
  if (!redirect) return []
  const port = address.port === 443 ? '' : `:${address.port}`
  const place = `"https://%[req.hdr(host),host_only]${port}%[pathq]"`
  return [`  http-request redirect location ${place} code 308`]
}

/** What an entrance with TLS adds to its answers. */
export function secureRules({ hstsSeconds }: TlsSettings): string[] {
  const hsts = `  http-after-response set-header strict-transport-security max-age=${hstsSeconds}`
  return ["  http-request set-var(txn.secure) 'str(; Secure)'", ...(hstsSeconds > 0 ? [hsts] : [])]
}
